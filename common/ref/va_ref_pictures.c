#include "ref/va_ref_priv.h"
#include <math.h>

/* Pixel (m, n) of those that (i, j) sees, as a row of the picture's pixels; -1: outside. */
static int64_t seen(const struct va_plane *g, int64_t b, int64_t i, int64_t j, int64_t m,
                    int64_t n)
{
    int64_t y = i * g->stride - g->pad + m, x = j * g->stride - g->pad + n;

    return y < 0 || y >= g->H || x < 0 || x >= g->W ? -1 : (b * g->H + y) * g->W + x;
}

/* Output pixels in order, `at` of them so far. */
#define EACH_PIXEL(g, at)                        \
    for (int64_t b = 0, at = 0; b < (g)->B; b++) \
        for (int64_t i = 0; i < (g)->Ho; i++)    \
            for (int64_t j = 0; j < (g)->Wo; j++, at++)

void va_ref_conv2d(struct va_backend *be, const struct va_conv2d *p)
{
    const struct va_plane *g = &p->at;
    const double *x = p->x, *w = p->w->data, *bias = p->bias;
    double *y = p->y;

    (void)be;
    EACH_PIXEL(g, at)
    for (int64_t o = 0; o < p->Cout; o++) {
        double sum = bias ? bias[o] : 0;

        for (int64_t m = 0; m < g->K; m++)
            for (int64_t n = 0; n < g->K; n++) {
                int64_t from = seen(g, b, i, j, m, n);

                for (int64_t c = 0; from >= 0 && c < p->Cin; c++)
                    sum += w[((o * p->Cin + c) * g->K + m) * g->K + n] * x[from * p->Cin + c];
            }
        y[at * p->Cout + o] = va_ref_apply(p->act, sum);
    }
}

void va_ref_dwconv2d(struct va_backend *be, const struct va_dwconv2d *p)
{
    const struct va_plane *g = &p->at;
    const double *x = p->x, *w = p->w, *bias = p->bias;
    double *y = p->y;

    (void)be;
    EACH_PIXEL(g, at)
    for (int64_t c = 0; c < p->C; c++) {
        double sum = bias ? bias[c] : 0;

        for (int64_t m = 0; m < g->K; m++)
            for (int64_t n = 0; n < g->K; n++) {
                int64_t from = seen(g, b, i, j, m, n);

                if (from >= 0)
                    sum += w[(c * g->K + m) * g->K + n] * x[from * p->C + c];
            }
        y[at * p->C + c] = va_ref_apply(p->act, sum);
    }
}

void va_ref_separable2d(struct va_backend *be, const struct va_separable2d *p)
{
    const struct va_plane *g = &p->at;
    struct va_linear linear = { .M = g->B * g->H * g->W,
                                .N = p->C,
                                .K = p->Cin,
                                .x = p->x,
                                .ldx = p->Cin,
                                .w = p->w,
                                .bias = p->bias,
                                .act = p->act_between,
                                .ldy = p->C };
    struct va_dwconv2d depth = {
        .at = *g, .C = p->C, .w = p->depth, .bias = p->depth_bias, .act = p->act, .y = p->y
    };

    depth.x = linear.y = be->ops->alloc(be, linear.M * p->C);
    if (!linear.y)
        return;
    va_ref_linear(be, &linear);
    va_ref_dwconv2d(be, &depth);
    be->ops->free(be, linear.y);
}

void va_ref_pool2d(struct va_backend *be, const struct va_pool2d *p)
{
    const struct va_plane *g = &p->at;
    const double *x = p->x;
    double *y = p->y;

    (void)be;
    EACH_PIXEL(g, at)
    for (int64_t c = 0; c < p->C; c++) {
        double sum = 0, most = -INFINITY;
        int64_t count = 0;

        for (int64_t m = 0; m < g->K; m++)
            for (int64_t n = 0; n < g->K; n++) {
                int64_t from = seen(g, b, i, j, m, n);

                if (from < 0)
                    continue;
                count++;
                sum += x[from * p->C + c];
                if (!isnan(most) && !(x[from * p->C + c] <= most))
                    most = x[from * p->C + c];
            }
        y[at * p->C + c] = p->pool == VA_POOL_MEAN ? sum / (double)count : most;
    }
}

void va_ref_gate(struct va_backend *be, const struct va_gate *p)
{
    const double *x = p->x, *s = p->s;
    double *y = p->y;

    (void)be;
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t i = b * p->P * p->C; i < (b + 1) * p->P * p->C; i++)
            y[i] = p->below && x[i] > 0 ? x[i] : s[b * p->C + i % p->C] * x[i];
}

void va_ref_upsample2d(struct va_backend *be, const struct va_upsample2d *p)
{
    const struct va_plane g = { .B = p->B, .Ho = 2 * p->H, .Wo = 2 * p->W };
    const double *x = p->x, *add = p->add;
    double *y = p->y;

    (void)be;
    EACH_PIXEL(&g, at)
    for (int64_t c = 0; c < p->C; c++)
        y[at * p->C + c] = x[((b * p->H + i / 2) * p->W + j / 2) * p->C + c] +
                           (add ? add[at * p->C + c] : 0);
}
