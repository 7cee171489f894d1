/*
 * Dropout mask by Philox4x32-10, VA_W blocks of four words at a time: lane j holds block
 * first / 4 + j, so word w of it belongs to element 4 j + w.
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

/* Words of blocks [block, block + VA_W) in the order of elements; see base/va_rand.c. */
VA_INLINE void words(const struct va_hot_dropout *p, uint64_t block, uint32_t *out)
{
    uint32_t k0 = (uint32_t)p->seed, k1 = (uint32_t)(p->seed >> 32);
    uint32_t s0 = (uint32_t)p->step;
    uint32_t s1 = ((uint32_t)(p->step >> 32) & 0xffffff) | (uint32_t)VA_RAND_DROPOUT << 24;
    va_vu c0 = { 0 }, c1 = c0, c2 = c0, c3 = c0, low0, high0, low1, high1;

    for (int i = 0; i < VA_W; i++) {
        c0[i] = (uint32_t)(block + (uint64_t)i);
        c1[i] = (uint32_t)((block + (uint64_t)i) >> 32);
        c2[i] = s0;
        c3[i] = s1;
    }
    for (int round = 0; round < 10; round++) {
        multiply(c0, 0xD2511F53u, &low0, &high0);
        multiply(c2, 0xCD9E8D57u, &low1, &high1);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < VA_W; i++) {
        out[4 * i] = c0[i];
        out[4 * i + 1] = c1[i];
        out[4 * i + 2] = c2[i];
        out[4 * i + 3] = c3[i];
    }
}

void VA_HOT(va_hot_dropout)(const struct va_hot_dropout *p, int64_t first, int64_t n,
                            const float *x, float *y)
{
    enum { STEP = 4 * VA_W };
    uint32_t w[STEP], limit = (uint32_t)p->limit;

    if (p->limit > UINT32_MAX) { /* p = 1 within rounding: nothing is kept */
        memset(y, 0, (size_t)n * sizeof(*y));
        return;
    }
    for (int64_t i = 0; i < n; i += STEP) {
        words(p, (uint64_t)(first + i) / 4, w);
        if (n - i >= STEP)
            for (int k = 0; k < STEP; k++)
                y[i + k] = w[k] >= limit ? x[i + k] * p->scale : 0;
        else
            for (int64_t k = 0; k < n - i; k++)
                y[i + k] = w[k] >= limit ? x[i + k] * p->scale : 0;
    }
}
