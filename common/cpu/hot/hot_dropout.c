/*
 * Dropout mask by Philox4x32-10, VA_W blocks of four words at a time. Word w of block i belongs
 * to element 4 i + w, so the four vectors of words are transposed within quarters of lanes; lanes
 * hold their blocks in the order that makes this come out in the order of elements.
 */
#include "base/va_rand.h"
#include "cpu/hot/va_hot_priv.h"

typedef uint32_t va_vu __attribute__((vector_size(VA_W * 4)));

/* a * m, 64 bits each: low and high halves */
VA_INLINE void multiply(va_vu a, uint32_t m, va_vu *low, va_vu *high)
{
#if defined(__AVX512F__)
    __m512i x = (__m512i)a, f = _mm512_set1_epi32((int)m);
    __m512i even = _mm512_mul_epu32(x, f);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), f);

    *low = (va_vu)_mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
    *high = (va_vu)_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
#elif defined(__AVX2__)
    __m256i x = (__m256i)a, f = _mm256_set1_epi32((int)m);
    __m256i even = _mm256_mul_epu32(x, f);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), f);

    *low = (va_vu)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    *high = (va_vu)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#else
    va_vu h = a;

    for (int i = 0; i < VA_W; i++)
        h[i] = (uint32_t)((uint64_t)a[i] * m >> 32);
    *high = h;
    *low = a * m;
#endif
}

/* Words 0-3 of VA_W blocks to the words of elements in order. */
VA_INLINE void transpose(va_vu w[4])
{
#if defined(__AVX512F__)
    __m512i a = _mm512_unpacklo_epi32((__m512i)w[0], (__m512i)w[1]);
    __m512i b = _mm512_unpackhi_epi32((__m512i)w[0], (__m512i)w[1]);
    __m512i c = _mm512_unpacklo_epi32((__m512i)w[2], (__m512i)w[3]);
    __m512i d = _mm512_unpackhi_epi32((__m512i)w[2], (__m512i)w[3]);

    w[0] = (va_vu)_mm512_unpacklo_epi64(a, c);
    w[1] = (va_vu)_mm512_unpackhi_epi64(a, c);
    w[2] = (va_vu)_mm512_unpacklo_epi64(b, d);
    w[3] = (va_vu)_mm512_unpackhi_epi64(b, d);
#elif defined(__AVX2__)
    __m256i a = _mm256_unpacklo_epi32((__m256i)w[0], (__m256i)w[1]);
    __m256i b = _mm256_unpackhi_epi32((__m256i)w[0], (__m256i)w[1]);
    __m256i c = _mm256_unpacklo_epi32((__m256i)w[2], (__m256i)w[3]);
    __m256i d = _mm256_unpackhi_epi32((__m256i)w[2], (__m256i)w[3]);

    w[0] = (va_vu)_mm256_unpacklo_epi64(a, c);
    w[1] = (va_vu)_mm256_unpackhi_epi64(a, c);
    w[2] = (va_vu)_mm256_unpacklo_epi64(b, d);
    w[3] = (va_vu)_mm256_unpackhi_epi64(b, d);
#else
    va_vu old[4] = { w[0], w[1], w[2], w[3] };

    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            w[i][k] = old[k][i];
#endif
}

/* Words of elements [4 block, 4 (block + VA_W)); lane i computes block + order[i]. The rounds
 * are those of base/va_rand.c. */
VA_INLINE void words(const struct va_hot_dropout *p, uint64_t block, va_vu order, va_vu c[4])
{
    uint32_t k0 = (uint32_t)p->seed, k1 = (uint32_t)(p->seed >> 32);
    const uint32_t s0 = (uint32_t)p->step;
    const uint32_t s1 = ((uint32_t)(p->step >> 32) & 0xffffff) | (uint32_t)VA_RAND_DROPOUT
                                                                     << 24;
    va_vu low0, high0, low1, high1;

    /* low words of block + order, and the carry into the high ones: comparisons give -1 */
    c[0] = order + (uint32_t)block;
    c[1] = (uint32_t)(block >> 32) - (va_vu)(c[0] < order);
    c[2] = order * 0 + s0;
    c[3] = order * 0 + s1;
    for (int round = 0; round < 10; round++) {
        multiply(c[0], 0xD2511F53u, &low0, &high0);
        multiply(c[2], 0xCD9E8D57u, &low1, &high1);
        c[0] = high1 ^ c[1] ^ k0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ k1;
        c[3] = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    transpose(c);
}

void VA_HOT(va_hot_dropout)(const struct va_hot_dropout *p, int64_t first, int64_t n,
                            const float *x, float *y)
{
    const uint32_t limit = (uint32_t)p->limit;
    va_vu w[4], order = { 0 };

    if (p->limit > UINT32_MAX) { /* p = 1 within rounding: nothing is kept */
        memset(y, 0, (size_t)n * sizeof(*y));
        return;
    }
    for (int i = 0; i < VA_W; i++) /* for the transposition */
        order[i] = (uint32_t)(i % 4 * (VA_W / 4) + i / 4);
    for (int64_t i = 0; i < n; i += 4 * VA_W) {
        words(p, (uint64_t)(first + i) / 4, order, w);
        for (int64_t k = 0, at = i; k < 4 && at < n; k++, at += VA_W)
            v_put(y + at,
                  v_select((va_vi)(w[k] >= limit), v_get(x + at, n - at) * p->scale, v_set(0)),
                  n - at);
    }
}
