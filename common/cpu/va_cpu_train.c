/*
 * Loss moments and the optimiser. The list of tensors is cut into pieces of equal size, each
 * within one tensor; piece numbers run through the list.
 */
#include "cpu/va_cpu_priv.h"
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

void va_cpu_ccc_grad(struct va_backend *be, int64_t n, const void *pred, const void *label,
                     const void *valid, const struct va_ccc_coefficients *c, void *dpred)
{
    const float *p = pred, *y = label, *on = valid;
    float *g = dpred;

    for (int64_t i = 0; !be->failed && i < n; i++)
        for (int d = 0; d < 2; d++)
            g[2 * i + d] = on[i] > 0
                               ? (float)(c->c0[d] + c->cp[d] * (p[2 * i + d] - c->mean_p[d]) +
                                         c->cy[d] * (y[2 * i + d] - c->mean_y[d]))
                               : 0;
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
static void measure(struct va_cpu *cpu, const struct pieces *p, struct va_adamw_result *out)
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
    int64_t from, count;
    const struct va_update *u = locate(p, piece, &from, &count);
    double bias1 = 1 - pow(h->beta1, (double)h->t), bias2 = 1 - pow(h->beta2, (double)h->t);
    const struct va_hot_adamw hot = {
        .clip = (float)p->scale,
        .keep = (float)(1 - h->lr * u->rate * u->decay),
        .beta1 = (float)h->beta1,
        .rest1 = (float)(1 - h->beta1),
        .beta2 = (float)h->beta2,
        .rest2 = (float)(1 - h->beta2),
        .step = (float)(h->lr * u->rate / bias1),
        .root = (float)(1 / sqrt(bias2)),
        .eps = (float)h->eps,
    };

    (void)thread;
    va_hot()->adamw(&hot, count, (float *)u->value + from, (const float *)u->grad + from,
                    (float *)u->m + from, (float *)u->v + from);
}

void va_cpu_update(struct va_backend *be, const struct va_adamw *h, struct va_adamw_result *out)
{
    struct va_cpu *cpu = va_cpu(be);
    struct pieces p = { .list = h->list, .count = h->count, .h = h, .scale = 1 };

    *out = (struct va_adamw_result){ 0, -1 };
    if (!number(cpu, &p))
        return;
    measure(cpu, &p, out);
    if (out->worst >= 0 || !isfinite(out->norm))
        return;
    if (h->clip > 0 && h->clip < out->norm + 1e-6)
        p.scale = h->clip / (out->norm + 1e-6);
    va_cpu_run(cpu, p.pieces, adamw_task, &p);
    va_cpu_derive(be, h->derived, h->derived_count);
}
