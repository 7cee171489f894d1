/*
 * Weights that follow from parameters, a task a row.
 */
#include "cpu/va_cpu_priv.h"
#include <math.h>

void va_cpu_normed_row(const struct va_derived *p, int64_t r)
{
    const float *v = (const float *)p->v + r * p->cols, *g = p->g;
    double length = sqrt(va_hot()->dot(p->cols, v, v));

    va_hot()->scale(p->cols, length > 0 ? (float)(g[r] / length) : 0, v,
                    (float *)p->w.data + r * p->cols);
}

static void weight_norm_task(void *arg, int64_t r, int thread)
{
    (void)thread;
    va_cpu_normed_row(arg, r);
}

void va_cpu_derive(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    for (int64_t i = 0; !be->failed && i < count; i++) {
        const struct va_derived *p = &list[i];

        if (p->law == VA_LAW_WEIGHT_NORM)
            va_parallel(p->rows, weight_norm_task, (void *)(uintptr_t)p);
        else
            va_cpu_unary(be, VA_NEG_EXP, p->rows * p->cols, p->v, p->w.data);
        va_cpu_repack(&p->w);
    }
}

struct va_row_slope va_cpu_row_slope(const struct va_derived *p, int64_t r)
{
    const float *v = (const float *)p->v + r * p->cols, *g = p->g;
    const float *dw = (const float *)p->dv + r * p->cols;
    float *dg = p->dg;
    double square = va_hot()->dot(p->cols, v, v), length = sqrt(square);
    double along = va_hot()->dot(p->cols, dw, v);

    if (!(length > 0))
        return (struct va_row_slope){ 0 };
    dg[r] = (float)(dg[r] + along / length);
    return (struct va_row_slope){ .dw = (float)(g[r] / length),
                                  .v = (float)(-g[r] / length * along / square) };
}

static void weight_norm_grad_task(void *arg, int64_t r, int thread)
{
    const struct va_derived *p = arg;
    struct va_row_slope s = va_cpu_row_slope(p, r);

    (void)thread;
    va_hot()->turn(p->cols, s.dw, s.v, (const float *)p->v + r * p->cols,
                   (float *)p->dv + r * p->cols);
}

void va_cpu_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    for (int64_t i = 0; !be->failed && i < count; i++) {
        const struct va_derived *p = &list[i];

        if (p->law == VA_LAW_WEIGHT_NORM)
            va_parallel(p->rows, weight_norm_grad_task, (void *)(uintptr_t)p);
        else
            va_cpu_unary_grad(be, VA_NEG_EXP, p->rows * p->cols, p->v, p->w.data, p->dv, p->dv);
    }
}
