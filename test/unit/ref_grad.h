/*
 * ref_grad.h - backward operations of ref against central finite differences of their forward, in
 * double.
 *
 * The loss is sum(dy * y). A step of 1e-5 leaves a truncation of about 1e-10 f''' and a rounding
 * of 1e-16 loss / 1e-5; both stay below the bound of 1e-6 (1 + |gradient|). Parameter gradients
 * start at 0.5 and must be added to; the others start at 7 and must be overwritten. Sixteen guard
 * numbers stand on both sides of every buffer and must stay.
 *
 * Sizes: those that break blocking and vectors: 1, 31, 33, a prime, longer and shorter than what
 * an operation reaches back.
 */
#ifndef REF_GRAD_H
#define REF_GRAD_H

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"
#include <stdlib.h>

enum { GRAD_HELD = 40, GRAD_GUARD = 16 };
enum wanted { OVERWRITTEN, ADDED };
static const double GRAD_GUARD_VALUE = 12345.0;

static struct va_backend *be;
static struct {
    double *block;
    int64_t n;
} grad_held[GRAD_HELD];
static int grad_count;
static uint64_t grad_stream;

static inline double *new_values(int64_t n, double low, double high)
{
    double *block = be->ops->alloc(be, n + 2 * GRAD_GUARD), *p = block + GRAD_GUARD;

    if (!block || grad_count == GRAD_HELD)
        exit(4);
    for (int64_t i = 0; i < n + 2 * GRAD_GUARD; i++)
        block[i] = GRAD_GUARD_VALUE;
    grad_stream++;
    for (int64_t i = 0; i < n; i++)
        p[i] = low + (high - low) * va_rand_uniform(grad_stream, VA_RAND_TEST, 1, (uint64_t)i);
    grad_held[grad_count].block = block;
    grad_held[grad_count++].n = n;
    return p;
}

static inline double *gradient(int64_t n, enum wanted how)
{
    double *p = new_values(n, 0, 0);

    for (int64_t i = 0; i < n; i++)
        p[i] = how == ADDED ? 0.5 : 7;
    return p;
}

static inline void begin(void)
{
    be = va_ref_backend_new();
    grad_count = 0;
    if (!be)
        exit(4);
}

static inline void end(void)
{
    VA_CHECK(va_backend_check(be) == 0);
    for (int i = 0; i < grad_count; i++) {
        const double *low = grad_held[i].block, *high = low + GRAD_GUARD + grad_held[i].n;

        for (int k = 0; k < GRAD_GUARD; k++)
            if (low[k] != GRAD_GUARD_VALUE || high[k] != GRAD_GUARD_VALUE) {
                printf("# buffer %d of %lld numbers: wrote outside\n", i,
                       (long long)grad_held[i].n);
                va_test_bad = true;
                break;
            }
        be->ops->free(be, grad_held[i].block);
    }
    VA_CHECK_INT(be->held, 0);
    va_backend_free(be);
}

/* The forward under test, its output and the weights of the loss. */
static struct {
    void (*forward)(void *arg);
    void *arg;
    const double *y, *dy;
    int64_t n;
} loss;

static inline double loss_now(void)
{
    double sum = 0;

    loss.forward(loss.arg);
    for (int64_t i = 0; i < loss.n; i++)
        sum += loss.dy[i] * loss.y[i];
    return sum;
}

/* Compare grad [n] with differences in x [n]; rows of `width` numbers lie ld apart. */
static inline void check_rows(const char *name, double *x, const double *grad, int64_t rows,
                              int64_t width, int64_t ld, enum wanted how)
{
    double worst = -1, found = 0, expected = 0;
    int64_t at = 0;

    for (int64_t i = 0; i < rows * width; i++) {
        int64_t k = i / width * ld + i % width;
        double keep = x[k], up, got = grad[k] - (how == ADDED ? 0.5 : 0), off;

        x[k] = keep + 1e-5;
        up = loss_now();
        x[k] = keep - 1e-5;
        up = (up - loss_now()) / 2e-5;
        x[k] = keep;
        off = fabs(got - up) / (1 + fabs(up));
        if (!(off <= worst)) {
            worst = off;
            at = k;
            found = got;
            expected = up;
        }
    }
    if (!(worst <= 1e-6)) {
        printf("# %s: gradient %lld is %.9g, differences give %.9g\n", name, (long long)at,
               found, expected);
        va_test_bad = true;
    }
}

static inline void check(const char *name, double *x, const double *grad, int64_t n,
                         enum wanted how)
{
    check_rows(name, x, grad, 1, n, n, how);
}

#endif
