#include "ops/va_ccc_loss.h"
#include "ref/va_ref_priv.h"
#include <math.h>
#include <string.h>

void va_ref_squares(struct va_backend *be, const struct va_squares *p)
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
    if (p->step)
        va_step_loss(p->step, p->scale * sum, (double)p->rows);
}

void va_ref_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out)
{
    const double *p = pred, *y = label, *on = valid;

    (void)be;
    memset(out, 0, sizeof(*out));
    for (int64_t i = 0; i < 2 * n; i++)
        if (on[i / 2] > 0) {
            out->count += i % 2;
            va_ccc_add(out, i % 2, p[i], y[i]);
        }
    va_ccc_means(out);
    for (int64_t i = 0; i < 2 * n; i++)
        if (on[i / 2] > 0)
            va_ccc_spread(out, i % 2, p[i], y[i]);
}

void va_ref_ccc_loss(struct va_backend *be, const struct va_ccc *q)
{
    const double *p = q->pred, *y = q->label, *on = q->valid;
    double *g = q->dpred;
    struct va_ccc_moments m;
    struct va_ccc_coefficients c;
    struct va_ccc_loss loss;

    if (q->moments)
        m = *q->moments;
    else
        va_ref_ccc_moments(be, q->n, p, y, on, &m);
    va_ccc_loss(&m, q, &loss, &c);
    va_ccc_record(q->step, &loss);
    for (int64_t i = 0; i < q->n; i++)
        for (int d = 0; d < 2; d++)
            g[2 * i + d] = on[i] > 0 ? va_ccc_slope(&c, d, p[2 * i + d], y[2 * i + d]) : 0;
}

/* One row of logits with its class: -log of its probability; and the gradient, times `slope`. */
static double entropy_row(int64_t C, const double *x, int32_t own, double slope, double *dx)
{
    double most = x[0], total = 0;

    for (int64_t c = 1; c < C; c++)
        most = fmax(most, x[c]);
    for (int64_t c = 0; c < C; c++)
        total += exp(x[c] - most);
    for (int64_t c = 0; c < C; c++)
        dx[c] = (slope * (exp(x[c] - most) / total - (c == own)));
    return log(total) + most - x[own];
}

void va_ref_cross_entropy(struct va_backend *be, const struct va_cross_entropy *p)
{
    struct va_step *step = p->step;
    double sum = 0, weights = 0, total;

    (void)be;

    for (int64_t r = 0; r < p->n; r++)
        weights += p->label[r] < 0 ? 0 : p->weight[p->label[r]];
    total = p->total > 0 ? p->total : weights;
    for (int64_t r = 0; r < p->n; r++) {
        const double *x = (const double *)p->logits + r * p->C;
        double *dx = (double *)p->dlogits + r * p->C;
        int32_t own = p->label[r];

        if (own < 0)
            memset(dx, 0, (size_t)p->C * sizeof(*dx));
        else
            sum += p->weight[own] *
                   entropy_row(p->C, x, own, p->scale / total * p->weight[own], dx);
    }
    step->report.cross_entropy += sum;
    step->report.class_weight += weights;
    va_step_loss(step, total > 0 ? p->scale * (sum / total) : 0, total);
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
    const struct va_step *step = h->step;
    double bias1 = 1 - pow(h->beta1, (double)step->t),
           bias2 = 1 - pow(h->beta2, (double)step->t);
    double *w = u->value, *m = u->m, *v = u->v, lr = step->rate * u->rate;
    const double *grad = u->grad;

    for (int64_t k = 0; k < u->count; k++) {
        double g = scale * grad[k];

        w[k] -= lr * u->decay * w[k];
        m[k] = h->beta1 * m[k] + (1 - h->beta1) * g;
        v[k] = h->beta2 * v[k] + (1 - h->beta2) * g * g;
        w[k] -= lr * (m[k] / bias1) / (sqrt(v[k] / bias2) + h->eps);
    }
}

void va_ref_update(struct va_backend *be, const struct va_adamw *p)
{
    struct va_step *step = p->step;
    double total = 0, scale = 1;

    for (int64_t i = 0; i < p->derived_count; i++)
        if (p->derived[i].dv)
            va_ref_derive_grad(be, &p->derived[i], 1);
    for (int64_t i = 0; i < p->count; i++) {
        double sum = square(&p->list[i]);

        if (!isfinite(sum) && step->report.worst < 0)
            step->report.worst = i;
        total += sum;
    }
    step->report.norm = sqrt(total);
    if (!va_step_updates(step))
        return;
    if (p->clip > 0 && p->clip < step->report.norm + 1e-6)
        scale = p->clip / (step->report.norm + 1e-6);
    for (int64_t i = 0; i < p->count; i++)
        adamw(p, &p->list[i], scale);
    va_ref_derive(be, p->derived, p->derived_count);
}
