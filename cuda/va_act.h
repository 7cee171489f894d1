/*
 * va_act.h - activations (enum va_unary) and their derivatives, as kernels compute them.
 */
#ifndef VA_ACT_H
#define VA_ACT_H

#include "cuda/va_cuda.h"

/* 1 / (1 + exp(-x)), from the side on which the exponential is small; a NaN stays one. 1 minus it is exact
 * to rounding, too: the other of the two ways. */
static __device__ __forceinline__ float va_sigmoid(float x, float *one_minus)
{
    float e = expf(-fabsf(x)), s = va_rcp(1 + e);

    *one_minus = x >= 0 ? e * s : s;
    return x >= 0 ? s : e * s;
}

static __device__ __forceinline__ float va_sigmoid(float x)
{
    float unused;

    return va_sigmoid(x, &unused);
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
    case VA_QUICK_GELU: return x * va_sigmoid(1.702f * x);
    default: return x;
    }
}

/* f'(x), with y = f(x) at hand. */
static __device__ __forceinline__ float va_act_slope(enum va_unary f, float x, float y)
{
    float s, rest;

    switch (f) {
    case VA_RELU: return x <= 0 ? 0 : 1;
    case VA_SILU: s = va_sigmoid(x, &rest); return s * (1 + x * rest);
    case VA_GELU: return va_gelu_share(x) + x * .39894228f * expf(-.5f * x * x);
    case VA_SOFTPLUS: return x > 20 ? 1 : va_sigmoid(x);
    case VA_NEG_EXP: return y;
    case VA_SIGMOID: return y * (1 - y);
    case VA_QUICK_GELU: s = va_sigmoid(1.702f * x, &rest); return s * (1 + 1.702f * x * rest);
    default: return 1;
    }
}

/* A function that the compiler knows, so that kernels are made for it alone. */
template <enum va_unary F>
struct va_act_is {
    static constexpr enum va_unary f = F;
};

/* Call launch(va_act_is<f>()). */
template <class L>
static inline void va_for_act(enum va_unary f, L launch)
{
    switch (f) {
    case VA_RELU: return launch(va_act_is<VA_RELU>());
    case VA_SILU: return launch(va_act_is<VA_SILU>());
    case VA_GELU: return launch(va_act_is<VA_GELU>());
    case VA_SOFTPLUS: return launch(va_act_is<VA_SOFTPLUS>());
    case VA_NEG_EXP: return launch(va_act_is<VA_NEG_EXP>());
    case VA_SIGMOID: return launch(va_act_is<VA_SIGMOID>());
    case VA_QUICK_GELU: return launch(va_act_is<VA_QUICK_GELU>());
    default: return launch(va_act_is<VA_IDENTITY>());
    }
}

#endif
