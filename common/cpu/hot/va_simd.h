/*
 * va_simd.h - one vector of floats, as wide as the instruction set of this compilation.
 *
 * Hot files are compiled once per level (see the Makefile) with VA_LEVEL plain, avx2 or avx512;
 * VA_HOT(name) gives each copy its own symbol. Arithmetic is written with the compiler's vector
 * extension (+ - * / and comparisons work on va_vf); where it has no operator, an intrinsic is
 * used, with a loop as the other levels' twin.
 *
 * Width:     VA_W lanes: 16 (avx512), 8 (avx2), 4 (plain)
 * NaN:       v_min and v_max return the second operand when either is a NaN, on every level
 */
#ifndef VA_SIMD_H
#define VA_SIMD_H

#include "base/va_level.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VA_W 16
#elif defined(__AVX2__)
#define VA_W 8
#else
#define VA_W 4
#endif

/* Loops over registers: gcc unrolls them at this word, clang without being asked. */
#if defined(__GNUC__) && !defined(__clang__)
#define VA_UNROLL _Pragma("GCC unroll 16")
#else
#define VA_UNROLL
#endif

typedef float va_vf __attribute__((vector_size(VA_W * 4), may_alias));
typedef int32_t va_vi __attribute__((vector_size(VA_W * 4)));

VA_INLINE va_vf v_set(float x)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_set1_ps(x);
#elif defined(__AVX2__)
    return (va_vf)_mm256_set1_ps(x);
#else
    return (va_vf){ x, x, x, x };
#endif
}

VA_INLINE va_vf v_load(const float *p) /* any alignment */
{
    va_vf v;

    memcpy(&v, p, sizeof(v));
    return v;
}

VA_INLINE void v_store(float *p, va_vf v)
{
    memcpy(p, &v, sizeof(v));
}

/* The first n lanes, 0 <= n <= VA_W; the others load as 0 and are not stored. */
VA_INLINE va_vf v_load_part(const float *p, int n)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    float lanes[VA_W] = { 0 };

    for (int i = 0; i < n; i++)
        lanes[i] = p[i];
    return v_load(lanes);
#endif
}

VA_INLINE void v_store_part(float *p, va_vf v, int n)
{
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
    float lanes[VA_W];

    v_store(lanes, v);
    for (int i = 0; i < n; i++)
        p[i] = lanes[i];
#endif
}

/* What is left of a row, at most a vector: the step of a loop over any length. */
VA_INLINE va_vf v_get(const float *p, int64_t left)
{
    return left >= VA_W ? v_load(p) : v_load_part(p, (int)left);
}

VA_INLINE void v_put(float *p, va_vf v, int64_t left)
{
    if (left >= VA_W)
        v_store(p, v);
    else
        v_store_part(p, v, (int)left);
}

/* mask ? a : b, lane by lane; a mask is what a comparison gives. */
VA_INLINE va_vf v_select(va_vi mask, va_vf a, va_vf b)
{
    return (va_vf)((mask & (va_vi)a) | (~mask & (va_vi)b));
}

VA_INLINE va_vf v_max(va_vf a, va_vf b)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (va_vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return v_select(a > b, a, b);
#endif
}

VA_INLINE va_vf v_min(va_vf a, va_vf b)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (va_vf)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return v_select(a < b, a, b);
#endif
}

/* a * b + c, rounded once where there is FMA. The compiler does not make it of * and +
 * (-ffp-contract=off): it would choose by what else a product is used for, and differ from level
 * to level. */
VA_INLINE va_vf v_fma(va_vf a, va_vf b, va_vf c)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (va_vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

VA_INLINE va_vf v_fnma(va_vf a, va_vf b, va_vf c) /* c - a * b */
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (va_vf)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return c - a * b;
#endif
}

VA_INLINE float v_fmaf(float a, float b, float c)
{
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

VA_INLINE va_vf v_abs(va_vf x)
{
    return (va_vf)((va_vi)x & 0x7fffffff);
}

VA_INLINE va_vf v_sqrt(va_vf x)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (va_vf)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < VA_W; i++)
        x[i] = sqrtf(x[i]);
    return x;
#endif
}

/*
 * Sums. Element i of a row is added to lane i % 16 of a sum, on every machine: one vector of 16
 * lanes, two of 8, four of 4. Lanes are then added in one order, so that machines with FMA (AVX2,
 * AVX-512) give the same bytes.
 */
enum { VA_SUM_LANES = 16, VA_SUM = VA_SUM_LANES / VA_W };

/* Over n elements by vectors: `at` is the first element of one, `i` the vector of the sum that
 * it belongs to. The last ones may have nothing left. */
#define VA_EACH_SUM(at, i, n)                                   \
    for (int64_t at##0 = 0; at##0 < (n); at##0 += VA_SUM_LANES) \
        VA_UNROLL                                               \
    for (int64_t i = 0, at = at##0; i < VA_SUM; i++, at += VA_W)

/* Lanes n and n + half, until one is left: 8, 4, 2, 1. */
VA_INLINE float v_total(const va_vf sum[VA_SUM])
{
#if defined(__AVX2__)
#if defined(__AVX512F__)
    __m256 w = _mm256_add_ps(_mm512_castps512_ps256((__m512)sum[0]),
                             _mm512_extractf32x8_ps((__m512)sum[0], 1));
#else
    __m256 w = (__m256)(sum[0] + sum[1]);
#endif
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
#else
    va_vf v = (sum[0] + sum[2]) + (sum[1] + sum[3]);

    return (v[0] + v[2]) + (v[1] + v[3]);
#endif
}

#endif
