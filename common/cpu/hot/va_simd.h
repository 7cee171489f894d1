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

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef VA_LEVEL /* only when the header is looked at alone */
#define VA_LEVEL plain
#endif
#define VA_HOT_JOIN(name, level)  name##_##level
#define VA_HOT_JOIN2(name, level) VA_HOT_JOIN(name, level)
#define VA_HOT(name)              VA_HOT_JOIN2(name, VA_LEVEL)

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
#define VA_INLINE static inline __attribute__((always_inline))

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

/* Sum of all lanes, in an order that is the same on every machine of one level. */
VA_INLINE float v_sum(va_vf v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)v);
#elif defined(__AVX2__)
    __m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)v),
                          _mm256_extractf128_ps((__m256)v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
#else
    return (v[0] + v[2]) + (v[1] + v[3]);
#endif
}

#endif
