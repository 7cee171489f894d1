#include "ref/va_ref_priv.h"
#include <math.h>
#include <string.h>

double va_ref_squares(struct va_backend *be, const struct va_squares *p)
{
    const double *pred = p->pred, *target = p->target, *weight = p->weight;
    double *dpred = p->dpred, sum = 0;

    (void)be;
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t i = r * p->C; i < (r + 1) * p->C; i++) {
            double off = pred[i] - target[i];

            sum += weight[r] * off * off;
            if (dpred)
                dpred[i] = 2 * p->grad_scale * weight[r] * off;
        }
    return p->scale * sum;
}

/* Two passes: means first, so that the centred sums do not cancel. */
void va_ref_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out)
{
    const double *p = pred, *y = label, *on = valid;

    (void)be;
    memset(out, 0, sizeof(*out));
    for (int64_t i = 0; i < n; i++)
        if (on[i] > 0) {
            out->count++;
            for (int d = 0; d < 2; d++) {
                out->mean_p[d] += p[2 * i + d];
                out->mean_y[d] += y[2 * i + d];
            }
        }
    for (int d = 0; d < 2 && out->count > 0; d++) {
        out->mean_p[d] /= out->count;
        out->mean_y[d] /= out->count;
    }
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < 2 && on[i] > 0; d++) {
            double a = p[2 * i + d] - out->mean_p[d], b = y[2 * i + d] - out->mean_y[d];

            out->spp[d] += a * a;
            out->syy[d] += b * b;
            out->spy[d] += a * b;
        }
}

void va_ref_ccc_grad(struct va_backend *be, int64_t n, const void *pred, const void *label,
                     const void *valid, const struct va_ccc_coefficients *c, void *dpred)
{
    const double *p = pred, *y = label, *on = valid;
    double *g = dpred;

    (void)be;
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < 2; d++)
            g[2 * i + d] = on[i] > 0 ? c->c0[d] + c->cp[d] * (p[2 * i + d] - c->mean_p[d]) +
                                           c->cy[d] * (y[2 * i + d] - c->mean_y[d])
                                     : 0;
}

static double square(const struct va_update *u)
{
    const double *g = u->grad;
    double sum = 0;

    for (int64_t k = 0; k < u->count; k++)
        sum += g[k] * g[k];
    return sum;
}

static void adamw(const struct va_adamw *h, const struct va_update *u, double scale)
{
    double bias1 = 1 - pow(h->beta1, (double)h->t), bias2 = 1 - pow(h->beta2, (double)h->t);
    double *w = u->value, *m = u->m, *v = u->v, lr = h->lr * u->rate;
    const double *grad = u->grad;

    for (int64_t k = 0; k < u->count; k++) {
        double g = scale * grad[k];

        w[k] -= lr * u->decay * w[k];
        m[k] = h->beta1 * m[k] + (1 - h->beta1) * g;
        v[k] = h->beta2 * v[k] + (1 - h->beta2) * g * g;
        w[k] -= lr * (m[k] / bias1) / (sqrt(v[k] / bias2) + h->eps);
    }
}

void va_ref_update(struct va_backend *be, const struct va_adamw *p, struct va_adamw_result *out)
{
    double total = 0, scale = 1;

    *out = (struct va_adamw_result){ 0, -1 };
    for (int64_t i = 0; i < p->count; i++) {
        double sum = square(&p->list[i]);

        if (!isfinite(sum) && out->worst < 0)
            out->worst = i;
        total += sum;
    }
    out->norm = sqrt(total);
    if (out->worst >= 0 || !isfinite(out->norm))
        return;
    if (p->clip > 0 && p->clip < out->norm + 1e-6)
        scale = p->clip / (out->norm + 1e-6);
    for (int64_t i = 0; i < p->count; i++)
        adamw(p, &p->list[i], scale);
    va_ref_derive(be, p->derived, p->derived_count);
}
