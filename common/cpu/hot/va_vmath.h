/*
 * va_vmath.h - exp, sigmoid, tanh, normal distribution and softplus on vectors.
 *
 * Polynomials are minimax fits (Remez, 40 digits). Relative errors against double, measured
 * over the whole range by test/unit/test_hot_math.c, are in front of each function.
 */
#ifndef VA_VMATH_H
#define VA_VMATH_H

#include "cpu/hot/va_simd.h"

#define VA_LOG2E 1.44269504088896341f

/*
 * x in two parts, k whole and |x - k| <= 1/2, and p * 2^k. AVX-512 has both as instructions.
 * Elsewhere adding 1.5 * 2^23 rounds to whole numbers and leaves k in the low bits; k has to be
 * in [-127, 128], whose ends give 0 and infinity.
 */
VA_INLINE va_vf v_round(va_vf x)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_roundscale_ps((__m512)x,
                                       _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    return (x + 12582912.0f) - 12582912.0f;
#endif
}

VA_INLINE va_vf v_scale(va_vf p, va_vf k)
{
#if defined(__AVX512F__)
    return (va_vf)_mm512_scalef_ps((__m512)p, (__m512)k);
#else
    return p * (va_vf)(((va_vi)(k + 12582912.0f) << 23) + (127 << 23));
#endif
}

VA_INLINE va_vf v_clamp(va_vf x, float low, float high)
{
    return v_min(v_set(high), v_max(v_set(low), x)); /* a NaN stays one */
}

/* 2^x, relative error 1e-7; below 2^-126 it is 0 or (AVX-512) subnormal. With x = a * b rounded
 * this is also e^(a b / log2(e)) up to |x| * 6e-8, the price of a product in float. */
VA_INLINE va_vf v_exp2(va_vf x)
{
    va_vf k, f, q;

#if !defined(__AVX512F__)
    x = v_clamp(x, -127, 128);
#endif
    k = v_round(x);
    f = x - k;
    q = v_set(1.5469735e-4f);
    q = q * f + 1.3390867e-3f;
    q = q * f + 9.6180308e-3f;
    q = q * f + 5.5503571e-2f;
    q = q * f + 2.4022651e-1f;
    q = q * f + 6.9314719e-1f;
    return v_scale(q * f + 1.0f, k);
}

/* Where e^x is 0: on AVX-512 the results fade out through the subnormal numbers before. */
#if defined(__AVX512F__)
#define VA_EXP_LOW -104.0f
#else
#define VA_EXP_LOW -88.0f
#endif

/* e^x, relative error 1e-7 for results in [2^-126, 2^127.5]; below 0 in the end, above
 * infinity. */
VA_INLINE va_vf v_exp(va_vf x)
{
    va_vf k, f, r;

    x = v_clamp(x, VA_EXP_LOW, 89);
    k = v_round(x * VA_LOG2E);
    f = x - k * 0.693145752f;   /* log(2) in two parts: the first has 9 low bits clear, */
    f = f - k * 1.42860677e-6f; /* so that k times it is exact */
    r = v_set(1.3941126e-3f);
    r = r * f + 8.3631812e-3f;
    r = r * f + 4.1666375e-2f;
    r = r * f + 1.6666577e-1f;
    r = r * f + 5.0000000e-1f;
    return v_scale(r * f * f + f + 1.0f, k);
}

/* 1 / (1 + e^-x); *rest gets 1 minus that without the cancellation, which a gradient multiplies
 * by x. */
VA_INLINE va_vf v_sigmoid_pair(va_vf x, va_vf *rest)
{
    va_vf t = v_exp(-v_abs(x)), big = v_set(1.0f) / (t + 1.0f), small = t * big;
    va_vi above = x > 0.0f;

    *rest = v_select(above, small, big);
    return v_select(above, big, small);
}

VA_INLINE va_vf v_sigmoid(va_vf x)
{
    return v_set(1.0f) / (v_exp(-x) + 1.0f);
}

/* tanh(x), relative error 1.6e-7 */
VA_INLINE va_vf v_tanh(va_vf x)
{
    va_vf a = v_abs(x), y = x * x, t = v_exp(a * -2.0f), p, big;

    p = v_set(0.0172414916f);
    p = p * y - 0.0530454943f;
    p = p * y + 0.1332587900f;
    p = p * y - 0.3333314390f;
    big = (v_set(1.0f) - t) / (t + 1.0f);
    return v_select(a < 0.5f, x * y * p + x, v_select(x > 0.0f, big, -big));
}

/* Derivative of x / (1 + e^-x). */
VA_INLINE va_vf v_silu_slope(va_vf x)
{
    va_vf rest, s = v_sigmoid_pair(x, &rest);

    return s * (x * rest + 1.0f);
}

/*
 * Phi(-a) for a >= 0, absolute error 1e-7, relative error 1.3e-6 up to a = 12; *density gets
 * e^(-a^2/2). Phi(-a) = t q(t) e^(-a^2/2) with t = 1 / (1 + a/4).
 */
VA_INLINE va_vf v_normal_tail(va_vf a, va_vf *density)
{
    va_vf t = v_set(1.0f) / (a * 0.25f + 1.0f), q;

    *density = v_exp(a * a * -0.5f);
    q = v_set(0.0183434745f);
    q = q * t - 0.0737959731f;
    q = q * t + 0.0810546786f;
    q = q * t - 0.0155928822f;
    q = q * t + 0.0532692330f;
    q = q * t + 0.0629390855f;
    q = q * t + 0.0807573868f;
    q = q * t + 0.0935567059f;
    q = q * t + 0.0997327007f;
    q = q * t + 0.0997355926f;
    return q * t * *density;
}

/* log(1 + e^x), relative error 2.5e-7 */
VA_INLINE va_vf v_softplus(va_vf x)
{
    va_vf t = v_exp(-v_abs(x)), s = t / (t + 2.0f), y = s * s, g;

    g = v_set(0.116268897f); /* log(1 + t) = 2 artanh(s) = 2 s (1 + y g(y)) */
    g = g * y + 0.108500210f;
    g = g * y + 0.142964053f;
    g = g * y + 0.199998482f;
    g = g * y + 0.333333337f;
    s = s + s;
    return (s * y * g + s) + v_max(v_set(0.0f), x);
}

#endif
