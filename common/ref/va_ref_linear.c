#include "ref/va_ref_priv.h"
#include <float.h>
#include <math.h>

/* The largest magnitude of a row, 0 where it counts as zeros; NaN where a number is not finite. */
static float largest(int64_t K, const double *x)
{
    float most = 0;

    for (int64_t k = 0; k < K; k++) {
        float a = fabsf((float)x[k]);

        if (!(a <= FLT_MAX))
            return NAN;
        most = fmaxf(most, a);
    }
    return most < 0x1p-100f ? 0 : most;
}

/* The sum over k of x w as int8 has it: of whole numbers, times the rows' scales. */
static double whole_product(int64_t K, const double *x, const double *w)
{
    float mx = largest(K, x), mw = largest(K, w);
    double sum = 0;

    if (mx == 0 || mw == 0)
        return mx * mw;
    for (int64_t k = 0; k < K; k++)
        sum += rint((float)x[k] * (127 / mx)) * rint((float)w[k] * (127 / mw));
    return sum * (mx / 127) * (mw / 127);
}

static double product(const struct va_backend *be, int64_t K, const double *x, const double *w)
{
    double sum = 0;

    if (be->precision == VA_INT8_PRODUCTS)
        return whole_product(K, x, w);
    for (int64_t k = 0; k < K; k++)
        sum += va_ref_operand(be, x[k]) * va_ref_operand(be, w[k]);
    return sum;
}

static void linear(struct va_backend *be, const struct va_linear *p, int64_t i)
{
    const double *x = (const double *)p->x + i * p->stepx, *w = p->w->data, *b = p->bias;
    const double *r = p->residual ? (const double *)p->residual + i * p->stepr : NULL;
    double *y = (double *)p->y + i * p->stepy;

    for (int64_t m = 0; m < p->M; m++)
        for (int64_t n = 0; n < p->N; n++) {
            double sum = product(be, p->K, x + m * p->ldx, w + n * p->K) + (b ? b[n] : 0);

            if (p->pre)
                ((double *)p->pre)[i * p->stepy + m * p->ldy + n] = sum;
            y[m * p->ldy + n] = va_ref_apply(p->act, sum) + (r ? r[m * p->ldy + n] : 0);
        }
}

void va_ref_linear(struct va_backend *be, const struct va_linear *p)
{
    linear(be, p, 0);
    for (int64_t i = 1; i < p->B; i++)
        linear(be, p, i);
}

static void linear_grad(const struct va_backend *be, const struct va_linear_grad *p, int64_t i)
{
    const double *dy = (const double *)p->dy + i * p->stepdy;
    const double *x = p->x ? (const double *)p->x + i * p->stepx : NULL;
    double *dx = p->dx ? (double *)p->dx + i * p->stepdx : NULL, *dw = p->dw, *db = p->dbias;

    for (int64_t m = 0; dx && m < p->M; m++)
        for (int64_t k = 0; k < p->K; k++) {
            const double *w = p->w->data;
            double sum = p->add_dx ? dx[m * p->lddx + k] : 0;

            for (int64_t n = 0; n < p->N; n++)
                sum += va_ref_operand(be, dy[m * p->lddy + n]) *
                       va_ref_operand(be, w[n * p->K + k]);
            if (p->act != VA_IDENTITY) {
                const double *pre = (const double *)p->pre + i * p->stepdx;

                sum *= va_ref_slope(p->act, pre[m * p->lddx + k]);
            }
            dx[m * p->lddx + k] = sum;
        }
    for (int64_t m = 0; m < p->M; m++)
        for (int64_t n = 0; n < p->N; n++) {
            double g = dy[m * p->lddy + n];

            if (db)
                db[n] += g;
            for (int64_t k = 0; dw && k < p->K; k++)
                dw[n * p->K + k] += va_ref_operand(be, g) *
                                    va_ref_operand(be, x[m * p->ldx + k]);
        }
}

void va_ref_linear_grad(struct va_backend *be, const struct va_linear_grad *p)
{
    linear_grad(be, p, 0);
    for (int64_t i = 1; i < p->B; i++)
        linear_grad(be, p, i);
}
