/*
 * Losses and the moments of predictions and labels.
 */
#include "cpu/va_cpu_priv.h"
#include "ops/va_ccc_loss.h"
#include <math.h>
#include <string.h>

/* Two passes in double, on one thread: a batch has some thousand frames. */
void va_cpu_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out)
{
    const float *p = pred, *y = label, *on = valid;

    memset(out, 0, sizeof(*out));
    if (be->failed)
        return;
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

void va_cpu_ccc_loss(struct va_backend *be, const struct va_ccc *q)
{
    const float *p = q->pred, *y = q->label, *on = q->valid;
    float *g = q->dpred;
    struct va_ccc_moments m;
    struct va_ccc_coefficients c;
    struct va_ccc_loss loss;

    if (be->failed)
        return;
    if (q->moments)
        m = *q->moments;
    else
        va_cpu_ccc_moments(be, q->n, p, y, on, &m);
    va_ccc_loss(&m, q, &loss, &c);
    va_ccc_record(q->step, &loss);
    for (int64_t i = 0; i < q->n; i++)
        for (int d = 0; d < 2; d++)
            g[2 * i + d] = on[i] > 0 ? (float)va_ccc_slope(&c, d, p[2 * i + d], y[2 * i + d])
                                     : 0;
}

/* One row of logits with its class: -log of its probability; and the gradient, times `slope`. */
static double entropy_row(int64_t C, const float *x, int32_t own, double slope, float *dx)
{
    double most = x[0], total = 0;

    for (int64_t c = 1; c < C; c++)
        most = fmax(most, x[c]);
    for (int64_t c = 0; c < C; c++)
        total += exp(x[c] - most);
    for (int64_t c = 0; c < C; c++)
        dx[c] = (float)(slope * (exp(x[c] - most) / total - (c == own)));
    return log(total) + most - x[own];
}

void va_cpu_cross_entropy(struct va_backend *be, const struct va_cross_entropy *p)
{
    struct va_step *step = p->step;
    double sum = 0, weights = 0, total;

    if (be->failed)
        return;
    for (int64_t r = 0; r < p->n; r++)
        weights += p->label[r] < 0 ? 0 : p->weight[p->label[r]];
    total = p->total > 0 ? p->total : weights;
    for (int64_t r = 0; r < p->n; r++) {
        const float *x = (const float *)p->logits + r * p->C;
        float *dx = (float *)p->dlogits + r * p->C;
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
