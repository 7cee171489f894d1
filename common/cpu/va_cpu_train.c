/*
 * Loss moments and the optimiser. The list of tensors is cut into pieces of equal size, each
 * within one tensor; piece numbers run through the list.
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

enum { PIECE = 1 << 16 };

struct pieces {
    const struct va_update *list;
    int64_t count, pieces;
    int64_t *first; /* [count + 1]: number of the first piece of each tensor */
    double *sums;   /* of pieces */
    const struct va_adamw *h;
    double scale; /* of gradients */
};

/* Number the pieces; the table and, after it, `more` doubles lie in the shared memory. */
static bool number(struct va_cpu *cpu, struct pieces *p)
{
    int64_t *first;

    p->pieces = 0;
    for (int64_t i = 0; i < p->count; i++)
        p->pieces += (p->list[i].count + PIECE - 1) / PIECE;
    if (!va_cpu_room(cpu, 0, 2 * (p->count + 1 + p->pieces)))
        return false;
    first = (int64_t *)(void *)cpu->shared;
    first[0] = 0;
    for (int64_t i = 0; i < p->count; i++)
        first[i + 1] = first[i] + (p->list[i].count + PIECE - 1) / PIECE;
    p->first = first;
    p->sums = (double *)(void *)(first + p->count + 1);
    return true;
}

/* The tensor of a piece, and where in it the piece lies. */
static const struct va_update *locate(const struct pieces *p, int64_t piece, int64_t *from,
                                      int64_t *count)
{
    int64_t low = 0, high = p->count; /* first[low] <= piece < first[high] */

    while (high - low > 1) {
        int64_t middle = (low + high) / 2;

        if (p->first[middle] <= piece)
            low = middle;
        else
            high = middle;
    }
    *from = (piece - p->first[low]) * PIECE;
    *count = p->list[low].count - *from < PIECE ? p->list[low].count - *from : PIECE;
    return &p->list[low];
}

static void square_task(void *arg, int64_t piece, int thread)
{
    const struct pieces *p = arg;
    int64_t from, count;
    const struct va_update *u = locate(p, piece, &from, &count);
    const float *g = (const float *)u->grad + from;

    (void)thread;
    p->sums[piece] = va_hot()->dot(count, g, g);
}

/* The norm of all gradients, and the first that is not finite. */
static void measure(struct va_cpu *cpu, const struct pieces *p, struct va_step_report *out)
{
    double total = 0;

    va_cpu_run(cpu, p->pieces, square_task, (void *)(uintptr_t)p);
    for (int64_t i = 0; i < p->count; i++) {
        double sum = 0;

        for (int64_t k = p->first[i]; k < p->first[i + 1]; k++)
            sum += p->sums[k];
        if (!isfinite(sum) && out->worst < 0)
            out->worst = i;
        total += sum;
    }
    out->norm = sqrt(total);
}

static void adamw_task(void *arg, int64_t piece, int thread)
{
    const struct pieces *p = arg;
    const struct va_adamw *h = p->h;
    const struct va_step *step = h->step;
    int64_t from, count;
    const struct va_update *u = locate(p, piece, &from, &count);
    double bias1 = 1 - pow(h->beta1, (double)step->t),
           bias2 = 1 - pow(h->beta2, (double)step->t);
    const struct va_hot_adamw hot = {
        .clip = (float)p->scale,
        .keep = (float)(1 - step->rate * u->rate * u->decay),
        .beta1 = (float)h->beta1,
        .rest1 = (float)(1 - h->beta1),
        .beta2 = (float)h->beta2,
        .rest2 = (float)(1 - h->beta2),
        .step = (float)(step->rate * u->rate / bias1),
        .root = (float)(1 / sqrt(bias2)),
        .eps = (float)h->eps,
    };

    (void)thread;
    va_hot()->adamw(&hot, count, (float *)u->value + from, (const float *)u->grad + from,
                    (float *)u->m + from, (float *)u->v + from);
}

void va_cpu_update(struct va_backend *be, const struct va_adamw *h)
{
    struct va_cpu *cpu = va_cpu(be);
    struct va_step *step = h->step;
    struct pieces p = { .list = h->list, .count = h->count, .h = h, .scale = 1 };

    if (!number(cpu, &p))
        return;
    measure(cpu, &p, &step->report);
    if (!va_step_updates(step))
        return;
    if (h->clip > 0 && h->clip < step->report.norm + 1e-6)
        p.scale = h->clip / (step->report.norm + 1e-6);
    va_cpu_run(cpu, p.pieces, adamw_task, &p);
    for (int64_t i = 0; i < h->count; i++)
        if (h->list[i].weight)
            va_cpu_repack(h->list[i].weight);
    va_cpu_derive(be, h->derived, h->derived_count);
}
