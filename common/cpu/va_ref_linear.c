#include "cpu/va_buffer.h"
#include "cpu/va_ref_priv.h"
#include <math.h>

void va_ref_linear(struct va_backend *be, const struct va_linear *p)
{
    const double *x = p->x, *w = p->w->data, *b = p->bias, *r = p->residual;
    double *y = p->y;

    (void)be;
    for (int64_t m = 0; m < p->M; m++)
        for (int64_t n = 0; n < p->N; n++) {
            double sum = b ? b[n] : 0;

            for (int64_t k = 0; k < p->K; k++)
                sum += x[m * p->ldx + k] * w[n * p->K + k];
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

/* One row of y: weights of all keys of one head, then their mix of the values. */
static void attend(const struct va_attention *p, int64_t b, int64_t t, int64_t h,
                   double *weight)
{
    int64_t row = 3 * p->H * p->D; /* elements of one frame of qkv */
    const double *q = (const double *)p->qkv + (b * p->T + t) * row + h * p->D;
    const double *k = (const double *)p->qkv + b * p->T * row + (p->H + h) * p->D;
    const double *v = (const double *)p->qkv + b * p->T * row + (2 * p->H + h) * p->D;
    double *y = (double *)p->y + ((b * p->queries + t) * p->H + h) * p->D;
    double top = -INFINITY, sum = 0;

    for (int64_t s = 0; s < p->T; s++) {
        double dot = 0;

        for (int64_t d = 0; d < p->D; d++)
            dot += q[d] * k[s * row + d];
        weight[s] = dot / sqrt((double)p->D);
        top = fmax(top, weight[s]);
    }
    for (int64_t s = 0; s < p->T; s++)
        sum += weight[s] = exp(weight[s] - top);
    for (int64_t d = 0; d < p->D; d++) {
        y[d] = 0;
        for (int64_t s = 0; s < p->T; s++)
            y[d] += weight[s] / sum * v[s * row + d];
    }
}

void va_ref_attention(struct va_backend *be, const struct va_attention *p)
{
    double *weight = be->failed ? NULL : va_buffer_new(be, p->T);

    be->failed = !weight;
    for (int64_t b = 0; weight && b < p->B; b++)
        for (int64_t t = 0; t < p->queries; t++)
            for (int64_t h = 0; h < p->H; h++)
                attend(p, b, t, h, weight);
    va_buffer_free(be, weight);
}
