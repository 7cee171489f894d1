#include "cpu/va_buffer.h"
#include "ref/va_ref_priv.h"
#include <math.h>

/* Keys that query t sees: the first so many. */
static int64_t seen(int64_t Tq, int64_t Tk, bool causal, int64_t t)
{
    return causal ? Tk - Tq + t + 1 : Tk;
}

static double dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The same of operands as the precision has them. */
static double product(const struct va_backend *be, int64_t n, const double *a, const double *b)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += va_ref_operand(be, a[i]) * va_ref_operand(be, b[i]);
    return sum;
}

/* One row of y: weights of all keys of one head, then their mix of the values. */
static void attend(const struct va_backend *be, const struct va_attention *p, int64_t b,
                   int64_t t, int64_t h, double *weight)
{
    const double *q = (const double *)p->q + b * p->stepq + t * p->ldq + h * p->D;
    const double *k = (const double *)p->k + b * p->stepk + h * p->D;
    const double *v = (const double *)p->v + b * p->stepk + h * p->D;
    double *y = (double *)p->y + ((b * p->Tq + t) * p->H + h) * p->D;
    double top = -INFINITY, sum = 0;
    int64_t n = seen(p->Tq, p->Tk, p->causal, t);

    for (int64_t s = 0; s < n; s++) {
        weight[s] = product(be, p->D, q, k + s * p->ldk) / sqrt((double)p->D);
        top = fmax(top, weight[s]);
    }
    for (int64_t s = 0; s < n; s++)
        sum += weight[s] = exp(weight[s] - top);
    for (int64_t d = 0; d < p->D; d++) {
        y[d] = 0;
        for (int64_t s = 0; s < n; s++)
            y[d] += va_ref_operand(be, weight[s] / sum) * va_ref_operand(be, v[s * p->ldk + d]);
    }
    if (p->lse)
        ((double *)p->lse)[(b * p->H + h) * p->Tq + t] = top + log(sum);
}

void va_ref_attention(struct va_backend *be, const struct va_attention *p)
{
    static const struct va_backend exact = { .precision = VA_F32_PRODUCTS };
    double *weight = be->failed ? NULL : va_buffer_new(be, p->Tk);

    be->failed = !weight;
    for (int64_t b = 0; weight && b < p->B; b++)
        for (int64_t t = 0; t < p->Tq; t++)
            for (int64_t h = 0; h < p->H; h++)
                attend(p->lse ? &exact : be, p, b, t, h, weight);
    va_buffer_free(be, weight);
}

/* With w[s] the weight of key s and g[s] = dy v[s]:  dv[s] += w[s] dy,
 * e = w[s] (g[s] - dy y) / sqrt(D),  dq += e k[s],  dk[s] += e q */
static void attend_grad(const struct va_attention_grad *p, int64_t b, int64_t t, int64_t h)
{
    int64_t row = ((b * p->Tq + t) * p->H + h) * p->D, atq = b * p->stepq + t * p->ldq;
    const double *q = (const double *)p->q + atq + h * p->D;
    const double *y = (const double *)p->y + row, *dy = (const double *)p->dy + row;
    double *dq = (double *)p->dq + atq + h * p->D, scale = 1 / sqrt((double)p->D);
    double lse = ((const double *)p->lse)[(b * p->H + h) * p->Tq + t];
    int64_t n = seen(p->Tq, p->Tk, p->causal, t);

    for (int64_t s = 0; s < n; s++) {
        int64_t at = b * p->stepk + s * p->ldk + h * p->D;
        const double *k = (const double *)p->k + at, *v = (const double *)p->v + at;
        double *dk = (double *)p->dk + at, *dv = (double *)p->dv + at;
        double w = exp(dot(p->D, q, k) * scale - lse);
        double e = w * (dot(p->D, dy, v) - dot(p->D, dy, y)) * scale;

        for (int64_t d = 0; d < p->D; d++) {
            dv[d] += w * dy[d];
            dq[d] += e * k[d];
            dk[d] += e * q[d];
        }
    }
}

void va_ref_attention_grad(struct va_backend *be, const struct va_attention_grad *p)
{
    int64_t width = p->H * p->D;

    (void)be;
    for (int64_t b = 0; b < p->B; b++) {
        for (int64_t t = 0; t < p->Tq; t++)
            for (int64_t i = 0; i < width; i++)
                ((double *)p->dq)[b * p->stepq + t * p->ldq + i] = 0;
        for (int64_t s = 0; s < p->Tk; s++)
            for (int64_t i = 0; i < width; i++) {
                ((double *)p->dk)[b * p->stepk + s * p->ldk + i] = 0;
                ((double *)p->dv)[b * p->stepk + s * p->ldk + i] = 0;
            }
        for (int64_t t = 0; t < p->Tq; t++)
            for (int64_t h = 0; h < p->H; h++)
                attend_grad(p, b, t, h);
    }
}
