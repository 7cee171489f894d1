/*
 * The optimiser: two trips through memory. The first takes the gradients of weights under a weight norm
 * to those of their parameters, row by row while a row is in the cache, without writing them, and
 * measures all; the second changes parameters and moments, and makes the row of the weight anew.
 *
 * Tensors are cut into pieces of about equal size, each within one tensor, those of rows into whole
 * rows; piece numbers run through the list.
 */
#include "cpu/va_cpu_priv.h"
#include <math.h>

enum { PIECE = 1 << 16 };

struct tensor {
    int64_t first, piece;            /* number of its first piece, and numbers in one */
    const struct va_derived *normed; /* the weight under a norm that follows from it, or NULL */
    struct va_row_slope *slopes;     /* of its rows */
};

struct pieces {
    const struct va_adamw *h;
    struct tensor *tensors; /* [h->count + 1] */
    double *sums;           /* of pieces */
    bool normed;            /* which of the tensors are at work */
    double scale;           /* of gradients */
};

struct place {
    const struct va_update *u;
    const struct tensor *t;
    int64_t from, count; /* numbers */
};

static const struct va_derived *normed_of(const struct va_adamw *h, const struct va_update *u)
{
    for (int64_t i = 0; i < h->derived_count; i++)
        if (h->derived[i].law == VA_LAW_WEIGHT_NORM && h->derived[i].dv == u->grad)
            return &h->derived[i];
    return NULL;
}

static int64_t piece_of(const struct va_derived *normed)
{
    if (!normed)
        return PIECE;
    return normed->cols < PIECE ? PIECE / normed->cols * normed->cols : normed->cols;
}

/* Number the pieces; tables lie in the shared memory: tensors, sums, slopes. */
static bool number(struct va_cpu *cpu, struct pieces *p)
{
    const struct va_adamw *h = p->h;
    int64_t pieces = 0, rows = 0, tables;
    struct va_row_slope *slopes;

    for (int64_t i = 0; i < h->count; i++) {
        const struct va_derived *normed = normed_of(h, &h->list[i]);
        int64_t piece = piece_of(normed);

        pieces += (h->list[i].count + piece - 1) / piece;
        rows += normed ? normed->rows : 0;
    }
    tables = (h->count + 1) * (int64_t)sizeof(struct tensor) +
             pieces * (int64_t)sizeof(double) + rows * (int64_t)sizeof(struct va_row_slope);
    if (!va_cpu_room(cpu, 0, (tables + 3) / 4))
        return false;
    p->tensors = (struct tensor *)(void *)cpu->shared;
    p->sums = (double *)(void *)(p->tensors + h->count + 1);
    slopes = (struct va_row_slope *)(void *)(p->sums + pieces);
    pieces = 0;
    for (int64_t i = 0; i < h->count; i++) {
        struct tensor *t = &p->tensors[i];

        t->normed = normed_of(h, &h->list[i]);
        t->piece = piece_of(t->normed);
        t->first = pieces;
        t->slopes = slopes;
        pieces += (h->list[i].count + t->piece - 1) / t->piece;
        slopes += t->normed ? t->normed->rows : 0;
    }
    p->tensors[h->count] = (struct tensor){ .first = pieces };
    return true;
}

/* Where a piece lies; false where it is not at work. */
static bool locate(const struct pieces *p, int64_t piece, struct place *at)
{
    int64_t low = 0, high = p->h->count; /* first of low <= piece < first of high */

    while (high - low > 1) {
        int64_t middle = (low + high) / 2;

        if (p->tensors[middle].first <= piece)
            low = middle;
        else
            high = middle;
    }
    at->u = &p->h->list[low];
    at->t = &p->tensors[low];
    at->from = (piece - at->t->first) * at->t->piece;
    at->count = at->u->count - at->from < at->t->piece ? at->u->count - at->from : at->t->piece;
    return p->normed == (at->t->normed != NULL);
}

static void run(struct va_cpu *cpu, struct pieces *p, bool normed,
                void (*task)(void *arg, int64_t piece, int thread))
{
    p->normed = normed;
    va_cpu_run(cpu, p->tensors[p->h->count].first, task, p);
}

static void square_task(void *arg, int64_t piece, int thread)
{
    const struct pieces *p = arg;
    struct place at;

    (void)thread;
    if (locate(p, piece, &at)) {
        const float *g = (const float *)at.u->grad + at.from;

        p->sums[piece] = va_hot()->dot(at.count, g, g);
    }
}

static void slope_task(void *arg, int64_t piece, int thread)
{
    const struct pieces *p = arg;
    struct place at;
    double sum = 0;

    (void)thread;
    if (!locate(p, piece, &at))
        return;
    for (int64_t cols = at.t->normed->cols, i = at.from; i < at.from + at.count; i += cols) {
        struct va_row_slope *s = &at.t->slopes[i / cols];

        *s = va_cpu_row_slope(at.t->normed, i / cols);
        sum += va_hot()->squares(cols, s->dw, (const float *)at.u->grad + i, s->v,
                                 (const float *)at.u->value + i, 0, NULL);
    }
    p->sums[piece] = sum;
}

/* The norm of all gradients, and the first that is not finite; those of the rows' lengths follow
 * from what the rows give. */
static void measure(struct va_cpu *cpu, struct pieces *p, struct va_step_report *out)
{
    double total = 0;

    run(cpu, p, true, slope_task);
    run(cpu, p, false, square_task);
    for (int64_t i = 0; i < p->h->count; i++) {
        double sum = 0;

        for (int64_t k = p->tensors[i].first; k < p->tensors[i + 1].first; k++)
            sum += p->sums[k];
        if (!isfinite(sum) && out->worst < 0)
            out->worst = i;
        total += sum;
    }
    out->norm = sqrt(total);
}

static struct va_hot_adamw constants(const struct pieces *p, const struct va_update *u)
{
    const struct va_adamw *h = p->h;
    const struct va_step *step = h->step;
    double bias1 = 1 - pow(h->beta1, (double)step->t),
           bias2 = 1 - pow(h->beta2, (double)step->t);

    return (struct va_hot_adamw){
        .clip = (float)p->scale,
        .keep = (float)(1 - step->rate * u->rate * u->decay),
        .beta1 = (float)h->beta1,
        .rest1 = (float)(1 - h->beta1),
        .beta2 = (float)h->beta2,
        .rest2 = (float)(1 - h->beta2),
        .step = (float)(step->rate * u->rate / bias1),
        .root = (float)(1 / sqrt(bias2)),
        .eps = (float)h->eps,
        .slope = { .dw = 1 },
    };
}

static void step_numbers(const struct va_hot_adamw *hot, const struct va_update *u,
                         int64_t from, int64_t count)
{
    va_hot()->adamw(hot, count, (float *)u->value + from, (const float *)u->grad + from,
                    (float *)u->m + from, (float *)u->v + from);
}

static void adamw_task(void *arg, int64_t piece, int thread)
{
    const struct pieces *p = arg;
    struct place at;
    struct va_hot_adamw hot;

    (void)thread;
    if (!locate(p, piece, &at))
        return;
    hot = constants(p, at.u);
    if (!at.t->normed) {
        step_numbers(&hot, at.u, at.from, at.count);
        return;
    }
    for (int64_t cols = at.t->normed->cols, i = at.from; i < at.from + at.count; i += cols) {
        hot.slope = at.t->slopes[i / cols];
        step_numbers(&hot, at.u, i, cols);
        va_cpu_normed_row(at.t->normed, i / cols);
    }
}

/* What is still to be made anew when values and the rows of normed weights have been. */
static void renew(struct va_backend *be, const struct pieces *p)
{
    const struct va_adamw *h = p->h;

    for (int64_t i = 0; i < h->count; i++) {
        if (h->list[i].weight)
            va_cpu_repack(h->list[i].weight);
        if (p->tensors[i].normed)
            va_cpu_repack(&p->tensors[i].normed->w);
    }
    for (int64_t i = 0; i < h->derived_count; i++)
        if (h->derived[i].law != VA_LAW_WEIGHT_NORM || !h->derived[i].dv)
            va_cpu_derive(be, &h->derived[i], 1);
}

void va_cpu_update(struct va_backend *be, const struct va_adamw *h)
{
    struct va_cpu *cpu = va_cpu(be);
    struct va_step *step = h->step;
    struct pieces p = { .h = h, .scale = 1 };

    for (int64_t i = 0; i < h->derived_count; i++)
        if (h->derived[i].law != VA_LAW_WEIGHT_NORM && h->derived[i].dv)
            va_cpu_derive_grad(be, &h->derived[i], 1);
    if (!number(cpu, &p))
        return;
    measure(cpu, &p, &step->report);
    if (!va_step_updates(step))
        return;
    if (h->clip > 0 && h->clip < step->report.norm + 1e-6)
        p.scale = h->clip / (step->report.norm + 1e-6);
    run(cpu, &p, false, adamw_task); /* first: the rows' lengths are among them */
    run(cpu, &p, true, adamw_task);
    renew(be, &p);
}
