/*
 * va_vmath.h - exp, sigmoid, normal distribution and softplus on vectors.
 *
 * Polynomials are minimax fits (Remez, 40 digits). Relative errors against double, measured
 * over the whole range by test/unit/test_hot_math.c, are in front of each function.
 */
#ifndef VA_VMATH_H
#define VA_VMATH_H

#include "cpu/hot/va_simd.h"

#define VA_LOG2E 1.44269504088896341f

/* 2^k for whole k in [-127, 128]: 0 and infinity at the ends; t is k + 1.5 * 2^23. */
VA_INLINE va_vf v_scale(va_vf t)
{
    return (va_vf)(((va_vi)t << 23) + (127 << 23));
}

/* 2^x, relative error 1.2e-7 (1.5 units in the last place); below 2^-126 it is 0. With x = a * b
 * rounded this is also e^(a b / log2(e)) up to |x| * 6e-8, the price of a product in float. */
VA_INLINE va_vf v_exp2(va_vf x)
{
    const va_vf magic = v_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to whole numbers */
    va_vf t, f, q;

    x = v_min(v_set(128.0f), v_max(v_set(-127.0f), x));
    t = x + magic;
    f = x - (t - magic);
    q = v_set(1.5469735e-4f);
    q = q * f + 1.3390867e-3f;
    q = q * f + 9.6180308e-3f;
    q = q * f + 5.5503571e-2f;
    q = q * f + 2.4022651e-1f;
    q = q * f + 6.9314719e-1f;
    return (q * f + 1.0f) * v_scale(t);
}

/* e^x, relative error 1.2e-7 for results above 2^-126, below it 0; above 2^127.5 infinity. */
VA_INLINE va_vf v_exp(va_vf x)
{
    const va_vf magic = v_set(12582912.0f);
    va_vf t, k, f, r;

    x = v_min(v_set(89.0f), v_max(v_set(-88.0f), x));
    t = x * VA_LOG2E + magic;
    k = t - magic;
    f = x - k * 0.693145752f;   /* log(2) in two parts: the first has 9 low bits clear, */
    f = f - k * 1.42860677e-6f; /* so that k times it is exact */
    r = v_set(1.3941126e-3f);
    r = r * f + 8.3631812e-3f;
    r = r * f + 4.1666375e-2f;
    r = r * f + 1.6666577e-1f;
    r = r * f + 5.0000000e-1f;
    return (r * f * f + f + 1.0f) * v_scale(t);
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

/* Derivative of x / (1 + e^-x). */
VA_INLINE va_vf v_silu_slope(va_vf x)
{
    va_vf rest, s = v_sigmoid_pair(x, &rest);

    return s * (x * rest + 1.0f);
}

/*
 * Phi(-a) for a >= 0, absolute error 1e-7, relative error 2e-6 up to a = 12; *density gets
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

/* log(1 + e^x), relative error 3e-7 */
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
