/*
 * Sums of bytes times 22-bit weights in sixteen lanes: four pixels of a row, or sixteen bytes of a
 * column's rows. Sums of integers do not depend on their order, so that every level gives the same.
 */
#include "base/va_level.h"
#include "media/va_resize_priv.h"
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

enum { LANES = VA_RESIZE_LANES, HALF = 1 << (VA_RESIZE_BITS - 1) };

/*
 * sums: LANES integers. add: sum += bytes p [LANES] times weights w [LANES]; add_all: the same with one
 * weight; pick: bytes p[order[i]] of 16 instead of p[i]. put: rounded down and clamped to bytes. The absolute
 * weights of an output sum to less than 2, so 255 times them stays within 32 bits.
 */
#if defined(__AVX512F__)

typedef struct {
    __m512i v;
} sums;

VA_INLINE sums begin(void)
{
    return (sums){ _mm512_set1_epi32(HALF) };
}

VA_INLINE void add_wide(sums *s, __m512i bytes, __m512i w)
{
    s->v = _mm512_add_epi32(s->v, _mm512_mullo_epi32(bytes, w));
}

VA_INLINE void add(sums *s, const uint8_t *p, const int32_t *w)
{
    add_wide(s, _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)),
             _mm512_loadu_si512(w));
}

VA_INLINE void add_all(sums *s, const uint8_t *p, int32_t w)
{
    add_wide(s, _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)),
             _mm512_set1_epi32(w));
}

VA_INLINE void pick(sums *s, const uint8_t *p, const uint8_t *order, const int32_t *w)
{
    __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p),
                                     _mm_loadu_si128((const __m128i *)order));

    add_wide(s, _mm512_cvtepu8_epi32(bytes), _mm512_loadu_si512(w));
}

VA_INLINE void put(const sums *s, uint8_t *out)
{
    __m512i v = _mm512_max_epi32(_mm512_srai_epi32(s->v, VA_RESIZE_BITS),
                                 _mm512_setzero_si512());

    _mm_storeu_si128((__m128i *)out, _mm512_cvtusepi32_epi8(v));
}

#elif defined(__AVX2__)

typedef struct {
    __m256i low, high;
} sums;

VA_INLINE sums begin(void)
{
    return (sums){ _mm256_set1_epi32(HALF), _mm256_set1_epi32(HALF) };
}

VA_INLINE void add_wide(sums *s, __m128i bytes, __m256i low, __m256i high)
{
    const __m256i a = _mm256_cvtepu8_epi32(bytes);
    const __m256i b = _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8));

    s->low = _mm256_add_epi32(s->low, _mm256_mullo_epi32(a, low));
    s->high = _mm256_add_epi32(s->high, _mm256_mullo_epi32(b, high));
}

VA_INLINE void add(sums *s, const uint8_t *p, const int32_t *w)
{
    add_wide(s, _mm_loadu_si128((const __m128i *)p), _mm256_loadu_si256((const __m256i *)w),
             _mm256_loadu_si256((const __m256i *)(w + 8)));
}

VA_INLINE void add_all(sums *s, const uint8_t *p, int32_t w)
{
    add_wide(s, _mm_loadu_si128((const __m128i *)p), _mm256_set1_epi32(w),
             _mm256_set1_epi32(w));
}

VA_INLINE void pick(sums *s, const uint8_t *p, const uint8_t *order, const int32_t *w)
{
    add_wide(s,
             _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p),
                              _mm_loadu_si128((const __m128i *)order)),
             _mm256_loadu_si256((const __m256i *)w),
             _mm256_loadu_si256((const __m256i *)(w + 8)));
}

VA_INLINE void put(const sums *s, uint8_t *out)
{
    __m256i v = _mm256_packs_epi32(_mm256_srai_epi32(s->low, VA_RESIZE_BITS),
                                   _mm256_srai_epi32(s->high, VA_RESIZE_BITS));

    v = _mm256_permute4x64_epi64(v, 0xd8); /* packing works within halves */
    _mm_storeu_si128((__m128i *)out, _mm_packus_epi16(_mm256_castsi256_si128(v),
                                                      _mm256_extracti128_si256(v, 1)));
}

#else

typedef struct {
    int32_t v[LANES];
} sums;

VA_INLINE sums begin(void)
{
    sums s;

    for (int i = 0; i < LANES; i++)
        s.v[i] = HALF;
    return s;
}

VA_INLINE void add(sums *s, const uint8_t *p, const int32_t *w)
{
    for (int i = 0; i < LANES; i++)
        s->v[i] += w[i] * p[i];
}

VA_INLINE void add_all(sums *s, const uint8_t *p, int32_t w)
{
    for (int i = 0; i < LANES; i++)
        s->v[i] += w * p[i];
}

VA_INLINE void pick(sums *s, const uint8_t *p, const uint8_t *order, const int32_t *w)
{
    for (int i = 0; i < LANES; i++)
        s->v[i] += w[i] * p[order[i]];
}

VA_INLINE void put(const sums *s, uint8_t *out)
{
    for (int i = 0; i < LANES; i++) {
        int32_t v = s->v[i] >> VA_RESIZE_BITS;

        out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

#endif

/* Pixels of a group whose samples are further apart than a vector reaches. */
VA_INLINE void gather(sums *s, const uint8_t *src, const int32_t *first, const int32_t *w)
{
    uint8_t bytes[LANES];

    for (int j = 0; j < VA_RESIZE_GROUP; j++)
        memcpy(bytes + 4 * j, src + 3 * (int64_t)first[j], 4);
    add(s, bytes, w);
}

static void row(const struct va_resize_axis *a, const uint8_t *src, uint8_t *dst)
{
    const int64_t groups = (a->size + VA_RESIZE_GROUP - 1) / VA_RESIZE_GROUP;
    const int32_t *w = a->lanes;

    for (int64_t g = 0; g < groups; g++, dst += 3 * VA_RESIZE_GROUP) {
        const int32_t *first = a->first + g * VA_RESIZE_GROUP;
        const uint8_t *order = a->order + g * LANES;
        uint8_t out[LANES];
        sums s = begin();

        if (order[LANES - 1] < LANES)
            for (int64_t k = 0; k < a->most; k++, w += LANES)
                pick(&s, src + 3 * (first[0] + k), order, w);
        else
            for (int64_t k = 0; k < a->most; k++, w += LANES)
                gather(&s, src + 3 * k, first, w);
        put(&s, out);
        for (int j = 0; j < VA_RESIZE_GROUP; j++) /* the fourth byte is the next pixel's */
            memcpy(dst + 3 * j, out + 4 * j, 4);
    }
}

static void column(const int32_t *weight, int64_t count, const uint8_t *rows, int64_t width,
                   uint8_t *dst)
{
    const int64_t whole = width / LANES * LANES;
    uint8_t bytes[LANES] = { 0 };
    sums s;

    for (int64_t x = 0; x < whole; x += LANES) {
        s = begin();
        for (int64_t k = 0; k < count; k++)
            add_all(&s, rows + k * width + x, weight[k]);
        put(&s, dst + x);
    }
    if (whole == width)
        return;
    s = begin();
    for (int64_t k = 0; k < count; k++) {
        memcpy(bytes, rows + k * width + whole, (size_t)(width - whole));
        add_all(&s, bytes, weight[k]);
    }
    put(&s, bytes);
    memcpy(dst + whole, bytes, (size_t)(width - whole));
}

const struct va_resize_loops VA_HOT(va_resize_loops) = { row, column };
