#include "base/va_rand.h"
#include "ref/va_ref_priv.h"
#include <math.h>

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

double va_ref_apply(enum va_unary f, double x)
{
    switch (f) {
    case VA_IDENTITY: return x;
    case VA_RELU: return x <= 0 ? 0 : x; /* a NaN stays one */
    case VA_SILU: return x * sigmoid(x);
    case VA_GELU: return x * 0.5 * erfc(-x * sqrt(0.5));
    case VA_SOFTPLUS: return x > 20 ? x : log1p(exp(x));
    case VA_NEG_EXP: return -exp(x);
    case VA_SIGMOID: return sigmoid(x);
    case VA_QUICK_GELU: return x * sigmoid(1.702 * x);
    }
    return NAN;
}

double va_ref_slope(enum va_unary f, double x)
{
    double s;

    switch (f) {
    case VA_IDENTITY: return 1;
    case VA_RELU: return x <= 0 ? 0 : 1;
    case VA_SILU: s = sigmoid(x); return s * (1 + x * (1 - s));
    case VA_GELU:
        return 0.5 * erfc(-x * sqrt(0.5)) + x * exp(-0.5 * x * x) * 0.3989422804014327;
    case VA_SOFTPLUS: return x > 20 ? 1 : sigmoid(x);
    case VA_NEG_EXP: return -exp(x);
    case VA_SIGMOID: s = sigmoid(x); return s * (1 - s);
    case VA_QUICK_GELU: return va_ref_slope(VA_SILU, 1.702 * x);
    }
    return NAN;
}

void va_ref_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y)
{
    const double *in = x;
    double *out = y;

    (void)be;
    for (int64_t i = 0; i < n; i++)
        out[i] = va_ref_apply(f, in[i]);
}

void va_ref_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx)
{
    const double *in = x, *g = dy;
    double *out = dx;

    (void)be;
    (void)y;
    for (int64_t i = 0; i < n; i++)
        out[i] = g[i] * va_ref_slope(f, in[i]);
}

void va_ref_add(struct va_backend *be, const struct va_add *p)
{
    (void)be;
    for (int64_t r = 0; r < p->B; r++) {
        const double *x = (const double *)p->a + r * p->stepa;
        const double *z = p->b ? (const double *)p->b + r * p->stepb : NULL;
        double *y = (double *)p->y + r * p->stepy;

        for (int64_t i = 0; i < p->n; i++)
            y[i] = x[i] + (z ? z[i] : 0);
    }
}

void va_ref_add_scaled(struct va_backend *be, const struct va_add_scaled *p)
{
    const double *s = p->s, *f = p->f, *x = p->x;
    double *y = p->y;

    (void)be;
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t i = b * p->n; i < (b + 1) * p->n; i++)
            y[i] = (x ? x[i] : 0) + s[b] * f[i];
}

void va_ref_gather(struct va_backend *be, const struct va_gather *p)
{
    const double *x = p->x, *fill = p->fill;
    const int32_t *index = p->index, *next = p->next;
    const double *mix = p->mix;
    double *y = p->y;

    (void)be;
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->C; c++)
            y[r * p->C + c] = index[r] < 0           ? (fill ? fill[c] : 0)
                              : next && next[r] >= 0 ? (1 - mix[r]) * x[index[r] * p->C + c] +
                                                           mix[r] * x[next[r] * p->C + c]
                                                     : x[index[r] * p->C + c];
}

/* What dropout makes of value x of tensor element i. */
static double masked(const struct va_mask *m, int64_t i, double x)
{
    const struct va_step *s = m->step;
    uint64_t element = (uint64_t)(m->first + i);
    uint32_t words[4];

    if (!(m->p > 0))
        return x;
    va_philox(s->seed, VA_RAND_DROPOUT, s->step * VA_MASK_STREAMS + (uint64_t)m->stream,
              element / 4, words);
    return words[element % 4] >= m->p * 0x1p32 ? x / (1 - m->p) : 0;
}

void va_ref_prelu(struct va_backend *be, const struct va_prelu *p)
{
    const double *x = p->x, *residual = p->residual, slope = *(const double *)p->slope;
    double *y = p->y;

    (void)be;
    for (int64_t i = 0; i < p->n; i++)
        y[i] = masked(&p->mask, i, x[i] > 0 ? x[i] : slope * x[i]) +
               (residual ? residual[i] : 0);
}

void va_ref_prelu_grad(struct va_backend *be, const struct va_prelu_grad *p)
{
    const double *x = p->x, *dy = p->dy, slope = *(const double *)p->slope;
    double *dx = p->dx, sum = 0;

    (void)be;
    for (int64_t i = 0; i < p->n; i++) {
        double g = masked(&p->mask, i, dy[i]);

        if (!(x[i] > 0))
            sum += g * x[i];
        dx[i] = x[i] > 0 ? g : slope * g;
    }
    if (p->dslope)
        *(double *)p->dslope += sum;
}

void va_ref_dropout(struct va_backend *be, const struct va_dropout *p)
{
    const double *x = p->x;
    double *y = p->y;

    (void)be;
    for (int64_t i = 0; i < p->count; i++)
        y[i] = masked(&p->mask, i, x[i]);
}
