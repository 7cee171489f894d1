/*
 * Maps over n numbers: whole vectors, then one partial. The function is chosen outside of the
 * loop. For x = 0 and NaN the ordering of comparisons follows ref/va_ref_elementwise.c.
 */
#include "cpu/hot/va_hot_priv.h"

VA_INLINE va_vf gelu(va_vf x)
{
    va_vf density, tail = v_normal_tail(v_abs(x), &density);

    return x * v_select(x > 0.0f, 1.0f - tail, tail);
}

VA_INLINE va_vf apply(const enum va_unary f, va_vf x)
{
    switch (f) {
    case VA_IDENTITY: return x;
    case VA_RELU: return v_relu(x);
    case VA_SILU: return x * v_sigmoid(x);
    case VA_GELU: return gelu(x);
    case VA_SOFTPLUS: return v_softplus(x);
    case VA_NEG_EXP: return -v_exp(x);
    case VA_SIGMOID: return v_sigmoid(x);
    case VA_QUICK_GELU: return x * v_sigmoid(1.702f * x);
    }
    return x;
}

VA_INLINE va_vf slope(const enum va_unary f, va_vf x, va_vf y)
{
    va_vf tail, density;

    switch (f) {
    case VA_IDENTITY: return v_set(1.0f);
    case VA_RELU: return v_select(x <= 0.0f, v_set(0.0f), v_set(1.0f));
    case VA_SILU: return v_silu_slope(x);
    case VA_GELU:
        tail = v_normal_tail(v_abs(x), &density);
        return v_fma(x * density, v_set(0.39894228f), v_select(x > 0.0f, 1.0f - tail, tail));
    case VA_SOFTPLUS: return v_sigmoid(x);
    case VA_NEG_EXP: return y;
    case VA_SIGMOID: tail = v_sigmoid_pair(x, &density); return tail * density;
    case VA_QUICK_GELU: return v_silu_slope(1.702f * x);
    }
    return y;
}

VA_INLINE void map(const enum va_unary f, int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i += VA_W)
        v_put(y + i, apply(f, v_get(x + i, n - i)), n - i);
}

VA_INLINE void map_grad(const enum va_unary f, int64_t n, const float *x, const float *y,
                        const float *dy, float *dx)
{
    for (int64_t i = 0; i < n; i += VA_W)
        v_put(dx + i, v_get(dy + i, n - i) * slope(f, v_get(x + i, n - i), v_get(y + i, n - i)),
              n - i);
}

VA_INLINE void map_epilogue(const enum va_unary f, int64_t n, const float *x, const float *bias,
                            const float *residual, float *y)
{
    for (int64_t i = 0; i < n; i += VA_W) {
        va_vf v = v_get(x + i, n - i);

        if (bias)
            v = v + v_get(bias + i, n - i);
        v = apply(f, v);
        if (residual)
            v = v + v_get(residual + i, n - i);
        v_put(y + i, v, n - i);
    }
}

/* A copy of the loop for every function, so that none chooses inside. */
#define CHOOSE(loop, f, ...)                                     \
    switch (f) {                                                 \
    case VA_IDENTITY: loop(VA_IDENTITY, __VA_ARGS__); break;     \
    case VA_RELU: loop(VA_RELU, __VA_ARGS__); break;             \
    case VA_SILU: loop(VA_SILU, __VA_ARGS__); break;             \
    case VA_GELU: loop(VA_GELU, __VA_ARGS__); break;             \
    case VA_SOFTPLUS: loop(VA_SOFTPLUS, __VA_ARGS__); break;     \
    case VA_NEG_EXP: loop(VA_NEG_EXP, __VA_ARGS__); break;       \
    case VA_SIGMOID: loop(VA_SIGMOID, __VA_ARGS__); break;       \
    case VA_QUICK_GELU: loop(VA_QUICK_GELU, __VA_ARGS__); break; \
    }

void VA_HOT(va_hot_unary)(enum va_unary f, int64_t n, const float *x, float *y)
{
    CHOOSE(map, f, n, x, y)
}

void VA_HOT(va_hot_unary_grad)(enum va_unary f, int64_t n, const float *x, const float *y,
                               const float *dy, float *dx)
{
    CHOOSE(map_grad, f, n, x, y, dy, dx)
}

void VA_HOT(va_hot_epilogue)(enum va_unary f, int64_t n, const float *x, const float *bias,
                             const float *residual, float *y)
{
    CHOOSE(map_epilogue, f, n, x, bias, residual, y)
}

void VA_HOT(va_hot_add)(int64_t n, const float *a, const float *b, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void VA_HOT(va_hot_prelu)(int64_t n, float a, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : a * x[i];
}

double VA_HOT(va_hot_prelu_grad)(int64_t n, float a, const float *x, const float *dy, float *dx)
{
    enum { BLOCK = 1024 };
    double sum = 0;

    for (int64_t i0 = 0; i0 < n; i0 += BLOCK) {
        va_vf part[VA_SUM] = { 0 };
        int64_t end = n - i0 < BLOCK ? n : i0 + BLOCK;

        VA_EACH_SUM (at, k, end - i0) {
            int64_t i = i0 + at;
            va_vf xv = v_get(x + i, end - i), g = v_get(dy + i, end - i);
            va_vi above = xv > 0.0f;

            part[k] = part[k] + v_select(above, v_set(0.0f), g * xv);
            if (dx)
                v_put(dx + i, v_select(above, g, a * g), end - i);
        }
        sum += v_total(part);
    }
    return sum;
}
