/*
 * Layer norm, one row after the other. The mean is found twice: what is left of the row after
 * the first, rounded mean is summed again, so a row near 100 with deviation 1 loses nothing.
 */
#include "cpu/hot/va_hot_priv.h"

/* 1 in the first `left` lanes, 0 in the others. */
VA_INLINE va_vf ones(int64_t left)
{
    float lanes[VA_W];

    for (int i = 0; i < VA_W; i++)
        lanes[i] = i < left;
    return v_load(lanes);
}

static void norm_row(const struct va_norm *p, const float *x, float *y, float *stats)
{
    const float *gamma = p->gamma, *beta = p->beta;
    int64_t C = p->C;
    va_vf sum[VA_SUM] = { 0 }, rest[VA_SUM] = { 0 }, square[VA_SUM] = { 0 };
    float mean, scale;
    double off, var;

    VA_EACH_SUM (c, i, C)
        sum[i] = sum[i] + v_get(x + c, C - c);
    mean = v_total(sum) / (float)C;
    VA_EACH_SUM (c, i, C) {
        va_vf d = v_get(x + c, C - c) - mean;

        if (C - c < VA_W)
            d = d * ones(C - c);
        rest[i] = rest[i] + d;
        square[i] = v_fma(d, d, square[i]);
    }
    off = (double)v_total(rest) / (double)C; /* the true mean is mean + off */
    var = (double)v_total(square) / (double)C - off * off;
    scale = (float)(1 / sqrt((var > 0 ? var : var < 0 ? 0 : var) + p->eps));
    for (int64_t c = 0; c < C; c += VA_W) {
        va_vf v = (v_get(x + c, C - c) - mean - (float)off) * scale;

        if (gamma)
            v = v_fma(v, v_get(gamma + c, C - c), v_get(beta + c, C - c));
        v_put(y + c, v, C - c);
    }
    if (stats) {
        stats[0] = (float)(mean + off);
        stats[1] = scale;
    }
}

void VA_HOT(va_hot_norm)(int64_t rows, const struct va_norm *p, int64_t first)
{
    for (int64_t r = first; r < first + rows; r++)
        norm_row(p, (const float *)p->x + r * p->C, (float *)p->y + r * p->C,
                 p->stats ? (float *)p->stats + 2 * r : NULL);
}

static void norm_grad_row(const struct va_norm_grad *p, int64_t r, float *dgamma, float *dbeta)
{
    const float *x = (const float *)p->x + r * p->C, *dy = (const float *)p->dy + r * p->C;
    const float *gamma = p->gamma, *stats = (const float *)p->stats + 2 * r;
    float *dx = p->dx ? (float *)p->dx + r * p->C : NULL, mean = stats[0], scale = stats[1];
    float mean_g, mean_gn;
    va_vf sum_g[VA_SUM] = { 0 }, sum_gn[VA_SUM] = { 0 };
    int64_t C = p->C;

    VA_EACH_SUM (c, i, C) {
        va_vf g = v_get(dy + c, C - c), n = (v_get(x + c, C - c) - mean) * scale;

        if (dgamma) { /* lanes past the row: g is 0 there */
            v_put(dgamma + c, v_fma(g, n, v_get(dgamma + c, C - c)), C - c);
            v_put(dbeta + c, v_get(dbeta + c, C - c) + g, C - c);
        }
        if (gamma)
            g = g * v_get(gamma + c, C - c);
        sum_g[i] = sum_g[i] + g;
        sum_gn[i] = v_fma(g, n, sum_gn[i]);
    }
    mean_g = v_total(sum_g) / (float)C;
    mean_gn = v_total(sum_gn) / (float)C;
    for (int64_t c = 0; dx && c < C; c += VA_W) {
        va_vf g = v_get(dy + c, C - c), n = (v_get(x + c, C - c) - mean) * scale;

        if (gamma)
            g = g * v_get(gamma + c, C - c);
        v_put(dx + c, v_fma(n, v_set(-mean_gn), g - mean_g) * scale, C - c);
    }
}

void VA_HOT(va_hot_norm_grad)(int64_t rows, const struct va_norm_grad *p, int64_t first,
                              float *sums)
{
    memset(sums, 0, 2 * (size_t)p->C * sizeof(*sums));
    for (int64_t r = first; r < first + rows; r++)
        norm_grad_row(p, r, p->dgamma ? sums : NULL, sums + p->C);
}
