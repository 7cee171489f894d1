/*
 * Depthwise causal convolution: vectors run over channels, so that frames stay as they lie and
 * the kernel is read transposed, wt [K, C].
 */
#include "cpu/hot/va_hot_priv.h"

/* Pre-activation of frame t (counted from the first row x) for the channels from c on. */
VA_INLINE va_vf taps(const float *x, int64_t ldx, const float *wt, const float *bias, int64_t K,
                     int64_t C, int64_t t, int64_t c)
{
    va_vf sum = bias ? v_get(bias + c, C - c) : v_set(0);

    for (int64_t k = t < K - 1 ? K - 1 - t : 0; k < K; k++)
        sum = v_fma(v_get(wt + k * C + c, C - c), v_get(x + (t - (K - 1 - k)) * ldx + c, C - c),
                    sum);
    return sum;
}

void VA_HOT(va_hot_dwconv)(const struct va_dwconv *p, const float *wt, int64_t b)
{
    const float *x = (const float *)p->x + b * (p->lead + p->T) * p->ldx;
    float *y = (float *)p->y + b * p->T * p->C;

    for (int64_t t = 0; t < p->T; t++)
        for (int64_t c = 0; c < p->C; c += VA_W) {
            va_vf v = taps(x, p->ldx, wt, p->bias, p->K, p->C, p->lead + t, c);

            if (p->act == VA_SILU)
                v = v * v_sigmoid(v);
            v_put(y + t * p->C + c, v, p->C - c);
        }
}

/* g = dy * act'(pre-activation) */
static void inner_gradient(const struct va_dwconv_grad *p, const float *wt, int64_t b, float *g)
{
    const float *x = (const float *)p->x + b * p->T * p->ldx;
    const float *dy = (const float *)p->dy + b * p->T * p->C;

    for (int64_t t = 0; t < p->T; t++)
        for (int64_t c = 0; c < p->C; c += VA_W) {
            va_vf d = v_get(dy + t * p->C + c, p->C - c);

            if (p->act == VA_SILU)
                d = d * v_silu_slope(taps(x, p->ldx, wt, p->bias, p->K, p->C, t, c));
            v_put(g + t * p->C + c, d, p->C - c);
        }
}

void VA_HOT(va_hot_dwconv_grad)(const struct va_dwconv_grad *p, const float *wt, int64_t b,
                                float *g, float *sums)
{
    const float *x = (const float *)p->x + b * p->T * p->ldx;
    float *dx = p->dx ? (float *)p->dx + b * p->T * p->lddx : NULL;
    int64_t T = p->T, C = p->C, K = p->K;

    inner_gradient(p, wt, b, g);
    for (int64_t t = 0; dx && t < T; t++)
        for (int64_t c = 0; c < C; c += VA_W) {
            va_vf sum = v_set(0);

            for (int64_t k = K - 1; k >= 0 && t + K - 1 - k < T; k--)
                sum = v_fma(v_get(wt + k * C + c, C - c),
                            v_get(g + (t + K - 1 - k) * C + c, C - c), sum);
            v_put(dx + t * p->lddx + c, sum, C - c);
        }
    for (int64_t c = 0; c < C; c += VA_W) {
        va_vf dbias = v_set(0);

        for (int64_t t = 0; t < T; t++)
            dbias = dbias + v_get(g + t * C + c, C - c);
        v_put(sums + K * C + c, dbias, C - c);
        for (int64_t k = 0; k < K; k++) {
            va_vf dw = v_set(0);

            for (int64_t t = K - 1 - k; t < T; t++)
                dw = v_fma(v_get(g + t * C + c, C - c),
                           v_get(x + (t - (K - 1 - k)) * p->ldx + c, C - c), dw);
            v_put(sums + k * C + c, dw, C - c);
        }
    }
}
