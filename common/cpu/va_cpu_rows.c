/*
 * Operations that take rows as they are: a task is a run of rows. What rows sum to is kept per
 * row and added in their order.
 */
#include "cpu/va_cpu_priv.h"
#include <string.h>

enum { ROWS = 16 }; /* of a task */

static int64_t rows_of(int64_t rows, int64_t task, int64_t *first)
{
    *first = task * ROWS;
    return rows - *first < ROWS ? rows : *first + ROWS;
}

static void add_scaled_task(void *arg, int64_t b, int thread)
{
    const struct va_add_scaled *p = arg;
    const float *s = p->s, *f = (const float *)p->f + b * p->n;
    float *y = (float *)p->y + b * p->n;

    (void)thread;
    if (p->x)
        va_hot()->axpy(p->n, s[b], f, (const float *)p->x + b * p->n, y);
    else
        va_hot()->scale(p->n, s[b], f, y);
}

void va_cpu_add_scaled(struct va_backend *be, const struct va_add_scaled *p)
{
    if (!be->failed)
        va_parallel(p->B, add_scaled_task, (void *)(uintptr_t)p);
}

/* y = (1 - mix) a + mix b */
static void mix_rows(int64_t C, const float *a, const float *b, float mix, float *y)
{
    for (int64_t c = 0; c < C; c++)
        y[c] = (1 - mix) * a[c] + mix * b[c];
}

static void gather_task(void *arg, int64_t task, int thread)
{
    const struct va_gather *p = arg;
    const int32_t *index = p->index, *next = p->next;
    const float *x = p->x, *mix = p->mix;
    int64_t first, end = rows_of(p->rows, task, &first);
    size_t bytes = (size_t)p->C * sizeof(float);

    (void)thread;
    for (int64_t r = first; r < end; r++) {
        float *y = (float *)p->y + r * p->C;

        if (index[r] >= 0 && next && next[r] >= 0)
            mix_rows(p->C, x + index[r] * p->C, x + next[r] * p->C, mix[r], y);
        else if (index[r] >= 0)
            memcpy(y, x + index[r] * p->C, bytes);
        else if (p->fill)
            memcpy(y, p->fill, bytes);
        else
            memset(y, 0, bytes);
    }
}

void va_cpu_gather(struct va_backend *be, const struct va_gather *p)
{
    if (!be->failed)
        va_parallel((p->rows + ROWS - 1) / ROWS, gather_task, (void *)(uintptr_t)p);
}

struct squares {
    const struct va_squares *p;
    double *sums; /* [rows] */
};

static void squares_task(void *arg, int64_t task, int thread)
{
    const struct squares *s = arg;
    const struct va_squares *p = s->p;
    const float *weight = p->weight;
    int64_t first, end = rows_of(p->rows, task, &first);

    (void)thread;
    for (int64_t r = first; r < end; r++)
        s->sums[r] = (double)weight[r] *
                     va_hot()->squares(p->C, 1, (const float *)p->pred + r * p->C, -1,
                                       (const float *)p->target + r * p->C,
                                       (float)(2 * p->scale * (double)weight[r]),
                                       p->dpred ? (float *)p->dpred + r * p->C : NULL);
}

void va_cpu_squares(struct va_backend *be, const struct va_squares *p)
{
    struct va_cpu *cpu = va_cpu(be);
    struct squares s = { .p = p };
    double sum = 0;

    if (!va_cpu_room(cpu, 0, 2 * p->rows))
        return;
    s.sums = (double *)(void *)cpu->shared;
    va_cpu_run(cpu, (p->rows + ROWS - 1) / ROWS, squares_task, &s);
    for (int64_t r = 0; r < p->rows; r++)
        sum += s.sums[r];
    if (p->step)
        va_step_loss(p->step, p->scale * sum, (double)p->rows);
}
