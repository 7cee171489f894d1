#include "cpu/va_ref_priv.h"
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
                dpred[i] = 2 * p->scale * weight[r] * off;
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

double va_ref_sum_squares(struct va_backend *be, const struct va_update *list, int64_t count,
                          int64_t *worst)
{
    double total = 0;

    (void)be;
    *worst = -1;
    for (int64_t i = 0; i < count; i++) {
        const double *g = list[i].grad;
        double sum = 0;

        for (int64_t k = 0; k < list[i].count; k++)
            sum += g[k] * g[k];
        if (!isfinite(sum) && *worst < 0)
            *worst = i;
        total += sum;
    }
    return total;
}

void va_ref_adamw(struct va_backend *be, const struct va_adamw *h, const struct va_update *list,
                  int64_t count)
{
    double bias1 = 1 - pow(h->beta1, (double)h->t), bias2 = 1 - pow(h->beta2, (double)h->t);

    (void)be;
    for (int64_t i = 0; i < count; i++) {
        double *w = list[i].value, *m = list[i].m, *v = list[i].v;
        const double *grad = list[i].grad;
        double lr = h->lr * list[i].rate;

        for (int64_t k = 0; k < list[i].count; k++) {
            double g = h->clip_scale * grad[k];

            w[k] -= lr * list[i].decay * w[k];
            m[k] = h->beta1 * m[k] + (1 - h->beta1) * g;
            v[k] = h->beta2 * v[k] + (1 - h->beta2) * g * g;
            w[k] -= lr * (m[k] / bias1) / (sqrt(v[k] / bias2) + h->eps);
        }
    }
}
