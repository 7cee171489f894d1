#include "cpu/va_ref_priv.h"

void va_ref_linear(struct va_backend *be, const struct va_linear *p)
{
    const double *x = p->x, *w = p->w->data, *b = p->bias, *r = p->residual;
    double *y = p->y;

    for (int64_t m = 0; m < p->M; m++)
        for (int64_t n = 0; n < p->N; n++) {
            double sum = b ? b[n] : 0;

            for (int64_t k = 0; k < p->K; k++)
                sum += va_ref_operand(be, x[m * p->ldx + k]) *
                       va_ref_operand(be, w[n * p->K + k]);
            y[m * p->ldy + n] = va_ref_apply(p->act, sum) + (r ? r[m * p->ldy + n] : 0);
        }
}

void va_ref_linear_grad(struct va_backend *be, const struct va_linear_grad *p)
{
    const double *dy = p->dy, *x = p->x;
    double *dx = p->dx, *dw = p->dw, *db = p->dbias;

    (void)be;
    for (int64_t m = 0; dx && m < p->M; m++)
        for (int64_t k = 0; k < p->K; k++) {
            const double *w = p->w->data;
            double sum = p->add_dx ? dx[m * p->lddx + k] : 0;

            for (int64_t n = 0; n < p->N; n++)
                sum += dy[m * p->lddy + n] * w[n * p->K + k];
            dx[m * p->lddx + k] = sum;
        }
    for (int64_t m = 0; m < p->M; m++)
        for (int64_t n = 0; n < p->N; n++) {
            double g = dy[m * p->lddy + n];

            if (db)
                db[n] += g;
            for (int64_t k = 0; dw && k < p->K; k++)
                dw[n * p->K + k] += g * x[m * p->ldx + k];
        }
}
