#include "base/va_rand.h"
#include "cpu/va_cpu_priv.h"
#include <math.h>

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

struct add {
    const float *a, *b;
    float *y;
};

static void add_piece(void *arg, int64_t first, int64_t count)
{
    const struct add *p = arg;

    va_hot()->add(count, p->a + first, p->b + first, p->y + first);
}

void va_cpu_add(struct va_backend *be, int64_t n, const void *a, const void *b, void *y)
{
    struct add p = { a, b, y };

    if (!be->failed)
        va_cpu_map(n, add_piece, &p);
}

struct prelu {
    int64_t n;
    float slope;
    const float *x, *dy;
    float *out;
    double *sums; /* of pieces */
};

static void prelu_piece(void *arg, int64_t first, int64_t count)
{
    const struct prelu *p = arg;

    va_hot()->prelu(count, p->slope, p->x + first, p->out + first);
}

void va_cpu_prelu(struct va_backend *be, int64_t n, const void *x, const void *slope, void *y)
{
    struct prelu p = { .n = n, .slope = *(const float *)slope, .x = x, .out = y };

    if (!be->failed)
        va_cpu_map(n, prelu_piece, &p);
}

static void prelu_grad_piece(void *arg, int64_t first, int64_t count)
{
    const struct prelu *p = arg;

    p->sums[first / VA_CPU_PIECE] = va_hot()->prelu_grad(
        count, p->slope, p->x + first, p->dy + first, p->out ? p->out + first : NULL);
}

void va_cpu_prelu_grad(struct va_backend *be, int64_t n, const void *x, const void *slope,
                       const void *dy, void *dx, void *dslope)
{
    struct prelu p = { n, *(const float *)slope, x, dy, dx, NULL };
    int64_t pieces = (n + VA_CPU_PIECE - 1) / VA_CPU_PIECE;
    double sum = 0;

    if (n < 1 || !va_cpu_room(va_cpu(be), 0, 2 * pieces))
        return;
    p.sums = (double *)(void *)va_cpu(be)->shared;
    va_cpu_map(n, prelu_grad_piece, &p);
    for (int64_t i = 0; i < pieces; i++)
        sum += p.sums[i];
    if (dslope)
        *(float *)dslope = (float)(*(float *)dslope + sum);
}

struct dropout {
    struct va_hot_dropout hot;
    const float *x;
    float *y;
    int64_t first; /* element number of x[0] */
};

/* Up to three elements stand before the first whole block of four words. */
static void dropout_piece(void *arg, int64_t first, int64_t count)
{
    const struct dropout *p = arg;
    const float *x = p->x + first;
    float *y = p->y + first;
    int64_t element = p->first + first;
    uint32_t words[4];

    if (element % 4)
        va_philox(p->hot.seed, VA_RAND_DROPOUT, p->hot.step, (uint64_t)element / 4, words);
    for (; element % 4 && count > 0; element++, count--, x++, y++)
        *y = words[element % 4] >= p->hot.limit ? *x * p->hot.scale : 0;
    va_hot()->dropout(&p->hot, element, count, x, y);
}

void va_cpu_dropout(struct va_backend *be, const struct va_dropout *p)
{
    struct dropout d = { { p->seed, p->step, (uint64_t)ceil(p->p * 0x1p32),
                           (float)(1 / (1 - p->p)) },
                         p->x,
                         p->y,
                         p->first };

    if (!be->failed)
        va_cpu_map(p->count, dropout_piece, &d);
}
