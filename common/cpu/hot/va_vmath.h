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
 * x rounded to a whole number k, and 2^k. Adding 1.5 * 2^23 + 127 rounds and leaves k + 127 in
 * the low bits, where the exponent of 2^k comes from; k has to be in [-127, 128], whose ends
 * give 0 and infinity. AVX-512 has instructions for both, but they round results near 2^-126
 * and 2^128 otherwise, and every machine is to give the same bytes.
 */
#define VA_ROUND 12583039.0f

VA_INLINE va_vf v_power(va_vf rounded) /* of x + VA_ROUND */
{
    return (va_vf)((va_vi)rounded << 23);
}

VA_INLINE va_vf v_clamp(va_vf x, float low, float high)
{
    return v_min(v_set(high), v_max(v_set(low), x)); /* a NaN stays one */
}

/* 2^x for x <= 128, relative error 1e-7; below 2^-126 it is 0. With x = a * b rounded this is
 * also e^(a b / log2(e)) up to |x| * 6e-8, the price of a product in float. */
VA_INLINE va_vf v_exp2(va_vf x)
{
    va_vf t, f, q;

    x = v_max(v_set(-127), x); /* a NaN stays one */
    t = x + VA_ROUND;
    f = x - (t - VA_ROUND);
    q = v_set(1.5469735e-4f);
    q = v_fma(q, f, v_set(1.3390867e-3f));
    q = v_fma(q, f, v_set(9.6180308e-3f));
    q = v_fma(q, f, v_set(5.5503571e-2f));
    q = v_fma(q, f, v_set(2.4022651e-1f));
    q = v_fma(q, f, v_set(6.9314719e-1f));
    return v_fma(q, f, v_set(1)) * v_power(t);
}

/* e^x, relative error 1e-7 for results in [2^-126, 2^127.5]; below 0, above infinity. */
VA_INLINE va_vf v_exp(va_vf x)
{
    va_vf t, k, f, r;

    x = v_clamp(x, -88, 89);
    t = v_fma(x, v_set(VA_LOG2E), v_set(VA_ROUND));
    k = t - VA_ROUND;
    f = v_fma(k, v_set(-0.693145752f),
              x); /* log(2) in two parts: the first has 9 low bits clear, */
    f = v_fma(k, v_set(-1.42860677e-6f), f); /* so that k times it is exact */
    r = v_set(1.3941126e-3f);
    r = v_fma(r, f, v_set(8.3631812e-3f));
    r = v_fma(r, f, v_set(4.1666375e-2f));
    r = v_fma(r, f, v_set(1.6666577e-1f));
    r = v_fma(r, f, v_set(5.0000000e-1f));
    return (v_fma(r * f, f, f) + 1.0f) * v_power(t);
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
    p = v_fma(p, y, v_set(-0.0530454943f));
    p = v_fma(p, y, v_set(0.1332587900f));
    p = v_fma(p, y, v_set(-0.3333314390f));
    big = (v_set(1.0f) - t) / (t + 1.0f);
    return v_select(a < 0.5f, v_fma(x * y, p, x), v_select(x > 0.0f, big, -big));
}

/* Derivative of x / (1 + e^-x). */
VA_INLINE va_vf v_silu_slope(va_vf x)
{
    va_vf rest, s = v_sigmoid_pair(x, &rest);

    return s * v_fma(x, rest, v_set(1));
}

/*
 * Phi(-a) for a >= 0, absolute error 1e-7, relative error 1.3e-6 up to a = 12; *density gets
 * e^(-a^2/2). Phi(-a) = t q(t) e^(-a^2/2) with t = 1 / (1 + a/4).
 */
VA_INLINE va_vf v_normal_tail(va_vf a, va_vf *density)
{
    va_vf t = v_set(1.0f) / v_fma(a, v_set(0.25f), v_set(1)), q;

    *density = v_exp(a * a * -0.5f);
    q = v_set(0.0183434745f);
    q = v_fma(q, t, v_set(-0.0737959731f));
    q = v_fma(q, t, v_set(0.0810546786f));
    q = v_fma(q, t, v_set(-0.0155928822f));
    q = v_fma(q, t, v_set(0.0532692330f));
    q = v_fma(q, t, v_set(0.0629390855f));
    q = v_fma(q, t, v_set(0.0807573868f));
    q = v_fma(q, t, v_set(0.0935567059f));
    q = v_fma(q, t, v_set(0.0997327007f));
    q = v_fma(q, t, v_set(0.0997355926f));
    return q * t * *density;
}

/* log(1 + e^x), relative error 2.5e-7 */
VA_INLINE va_vf v_softplus(va_vf x)
{
    va_vf t = v_exp(-v_abs(x)), s = t / (t + 2.0f), y = s * s, g;

    g = v_set(0.116268897f); /* log(1 + t) = 2 artanh(s) = 2 s (1 + y g(y)) */
    g = v_fma(g, y, v_set(0.108500210f));
    g = v_fma(g, y, v_set(0.142964053f));
    g = v_fma(g, y, v_set(0.199998482f));
    g = v_fma(g, y, v_set(0.333333337f));
    s = s + s;
    return v_fma(s * y, g, s) + v_max(v_set(0.0f), x);
}

VA_INLINE va_vf v_relu(va_vf x)
{
    return v_select(x <= 0.0f, v_set(0.0f), x); /* a NaN stays one */
}

#endif
