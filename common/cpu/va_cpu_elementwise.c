#include "base/va_rand.h"
#include "cpu/va_cpu_priv.h"
#include <math.h>
#include <string.h>

struct unary {
    enum va_unary f;
    const float *x, *y, *dy;
    float *out;
};

static void unary_piece(void *arg, int64_t first, int64_t count)
{
    const struct unary *p = arg;

    va_hot()->unary(p->f, count, p->x + first, p->out + first);
}

void va_cpu_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y)
{
    struct unary p = { .f = f, .x = x, .out = y };

    if (!be->failed)
        va_cpu_map(n, unary_piece, &p);
}

static void unary_grad_piece(void *arg, int64_t first, int64_t count)
{
    const struct unary *p = arg;

    va_hot()->unary_grad(p->f, count, p->x + first, p->y + first, p->dy + first,
                         p->out + first);
}

void va_cpu_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx)
{
    struct unary p = { f, x, y, dy, dx };

    if (!be->failed)
        va_cpu_map(n, unary_grad_piece, &p);
}

static void add_numbers(const struct va_add *p, int64_t run, int64_t first, int64_t count)
{
    const float *a = (const float *)p->a + run * p->stepa + first;
    float *y = (float *)p->y + run * p->stepy + first;

    if (p->b)
        va_hot()->add(count, a, (const float *)p->b + run * p->stepb + first, y);
    else
        memcpy(y, a, (size_t)count * sizeof(*y));
}

static void add_piece(void *arg, int64_t first, int64_t count)
{
    add_numbers(arg, 0, first, count);
}

static void add_run(void *arg, int64_t run, int thread)
{
    const struct va_add *p = arg;

    (void)thread;
    add_numbers(p, run, 0, p->n);
}

void va_cpu_add(struct va_backend *be, const struct va_add *p)
{
    if (be->failed)
        return;
    if (p->B == 1)
        va_cpu_map(p->n, add_piece, (void *)(uintptr_t)p);
    else
        va_parallel(p->B, add_run, (void *)(uintptr_t)p);
}

/* ---- dropout, alone and behind prelu --------------------------------------------------------- */

static struct va_hot_dropout hot_mask(const struct va_mask *m)
{
    const struct va_step *s = m->step;

    if (!(m->p > 0))
        return (struct va_hot_dropout){ .scale = 1 };
    return (struct va_hot_dropout){ s->seed, s->step * VA_MASK_STREAMS + (uint64_t)m->stream,
                                    (uint64_t)ceil(m->p * 0x1p32), (float)(1 / (1 - m->p)) };
}

/* Elements from `element` on. Up to three of them stand before the first whole block of four
 * words. */
static void drop(const struct va_hot_dropout *hot, int64_t element, int64_t count,
                 const float *x, float *y)
{
    uint32_t words[4];

    if (element % 4)
        va_philox(hot->seed, VA_RAND_DROPOUT, hot->step, (uint64_t)element / 4, words);
    for (; element % 4 && count > 0; element++, count--, x++, y++)
        *y = words[element % 4] >= hot->limit ? *x * hot->scale : 0;
    va_hot()->dropout(hot, element, count, x, y);
}

static void dropout_piece(void *arg, int64_t first, int64_t count)
{
    const struct va_dropout *p = arg;
    const struct va_hot_dropout hot = hot_mask(&p->mask);

    drop(&hot, p->mask.first + first, count, (const float *)p->x + first,
         (float *)p->y + first);
}

void va_cpu_dropout(struct va_backend *be, const struct va_dropout *p)
{
    if (!be->failed)
        va_cpu_map(p->count, dropout_piece, (void *)(uintptr_t)p);
}

static void prelu_piece(void *arg, int64_t first, int64_t count)
{
    const struct va_prelu *p = arg;
    const struct va_hot_dropout hot = hot_mask(&p->mask);
    float *y = (float *)p->y + first;

    va_hot()->prelu(count, *(const float *)p->slope, (const float *)p->x + first, y);
    if (p->mask.p > 0)
        drop(&hot, p->mask.first + first, count, y, y);
    if (p->residual)
        va_hot()->add(count, y, (const float *)p->residual + first, y);
}

void va_cpu_prelu(struct va_backend *be, const struct va_prelu *p)
{
    if (!be->failed)
        va_cpu_map(p->n, prelu_piece, (void *)(uintptr_t)p);
}

struct prelu_grad {
    const struct va_prelu_grad *p;
    double *sums; /* of pieces */
};

static void prelu_grad_piece(void *arg, int64_t first, int64_t count)
{
    const struct prelu_grad *g = arg;
    const struct va_prelu_grad *p = g->p;
    const struct va_hot_dropout hot = hot_mask(&p->mask);
    const float *dy = (const float *)p->dy + first;
    float *dx = (float *)p->dx + first;

    if (p->mask.p > 0) {
        drop(&hot, p->mask.first + first, count, dy, dx);
        dy = dx;
    }
    g->sums[first / VA_CPU_PIECE] = va_hot()->prelu_grad(count, *(const float *)p->slope,
                                                         (const float *)p->x + first, dy, dx);
}

void va_cpu_prelu_grad(struct va_backend *be, const struct va_prelu_grad *p)
{
    struct prelu_grad g = { .p = p };
    int64_t pieces = (p->n + VA_CPU_PIECE - 1) / VA_CPU_PIECE;
    double sum = 0;

    if (p->n < 1 || !va_cpu_room(va_cpu(be), 0, 2 * pieces))
        return;
    g.sums = (double *)(void *)va_cpu(be)->shared;
    va_cpu_map(p->n, prelu_grad_piece, &g);
    for (int64_t i = 0; i < pieces; i++)
        sum += g.sums[i];
    if (p->dslope)
        *(float *)p->dslope = (float)(*(float *)p->dslope + sum);
}
