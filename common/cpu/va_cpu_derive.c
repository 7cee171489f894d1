/*
 * Weights that follow from parameters, a task a row.
 */
#include "cpu/va_cpu_priv.h"
#include <math.h>

static void weight_norm_task(void *arg, int64_t r, int thread)
{
    const struct va_derived *p = arg;
    const float *v = (const float *)p->v + r * p->cols, *g = p->g;
    double length = sqrt(va_hot()->dot(p->cols, v, v));

    (void)thread;
    va_hot()->scale(p->cols, length > 0 ? (float)(g[r] / length) : 0, v,
                    (float *)p->w.data + r * p->cols);
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

/* dg = dw.v / |v|;  dv = g / |v| * dw - g dw.v / |v|^3 * v;  nothing through a zero row */
static void weight_norm_grad_task(void *arg, int64_t r, int thread)
{
    const struct va_derived *p = arg;
    const float *v = (const float *)p->v + r * p->cols, *g = p->g;
    float *dw = (float *)p->dv + r * p->cols, *dg = p->dg;
    double square = va_hot()->dot(p->cols, v, v), length = sqrt(square);
    double along = va_hot()->dot(p->cols, dw, v);

    (void)thread;
    if (!(length > 0)) {
        va_hot()->scale(p->cols, 0, v, dw);
        return;
    }
    dg[r] = (float)(dg[r] + along / length);
    va_hot()->turn(p->cols, (float)(g[r] / length), (float)(-g[r] / length * along / square), v,
                   dw);
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
