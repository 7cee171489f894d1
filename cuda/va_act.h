/*
 * va_act.h - activations (enum va_unary) and their derivatives, as kernels compute them.
 */
#ifndef VA_ACT_H
#define VA_ACT_H

#include "cuda/va_cuda.h"

/* 1 / (1 + exp(-x)), from the side on which the exponential is small. */
static __device__ __forceinline__ float va_sigmoid(float x)
{
    float e = expf(-fabsf(x)), s = va_rcp(1 + e);

    return x >= 0 ? s : e * s; /* a NaN takes the second way, and stays */
}

static __device__ __forceinline__ float va_gelu_share(float x) /* Phi(x) */
{
    return .5f * erfcf(-.70710678f * x);
}

static __device__ __forceinline__ float va_act(enum va_unary f, float x)
{
    switch (f) {
    case VA_RELU: return x > 0 || x != x ? x : 0;
    case VA_SILU: return x * va_sigmoid(x);
    case VA_GELU: return x * va_gelu_share(x);
    case VA_SOFTPLUS: return x > 20 ? x : log1pf(expf(x));
    case VA_NEG_EXP: return -expf(x);
    case VA_SIGMOID: return va_sigmoid(x);
    default: return x;
    }
}

/* f'(x), with y = f(x) at hand. */
static __device__ __forceinline__ float va_act_slope(enum va_unary f, float x, float y)
{
    float s;

    switch (f) {
    case VA_RELU: return x > 0 ? 1 : 0;
    case VA_SILU: s = va_sigmoid(x); return s * (1 + x * (1 - s));
    case VA_GELU: return va_gelu_share(x) + x * .39894228f * expf(-.5f * x * x);
    case VA_SOFTPLUS: return x > 20 ? 1 : va_sigmoid(x);
    case VA_NEG_EXP: return y;
    case VA_SIGMOID: return y * (1 - y);
    default: return 1;
    }
}

#endif
