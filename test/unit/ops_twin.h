/*
 * ops_twin.h - tensors held by two backends, so that one can be checked against the other.
 *
 * A twin has the same float32 values in `ref` (double) and in the backend under test, and 16
 * guard numbers on both sides of each; a check compares values and looks at the guards.
 *
 * Bounds:    an operation that sums `terms` products has an error of about sqrt(terms) roundings
 *            of 2^-24, at worst `terms`; the bound is 4 sqrt(terms) + 8 roundings of the
 *            largest value summed, which is given, or found as the largest of the result
 */
#ifndef OPS_TWIN_H
#define OPS_TWIN_H

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/va_test.h"
#include <stdlib.h>

enum { TWIN_GUARD = 16, TWIN_MAX = 64 };
static const double TWIN_GUARD_VALUE = 12345.0;

struct twin {
    int64_t count;
    void *ref, *cpu; /* first element in each backend */
    void *ref_block, *cpu_block;
};

static struct va_backend *twin_ref, *twin_cpu; /* made by twin_begin */
static struct twin *twin_all[TWIN_MAX];
static int twin_used;
static uint64_t twin_seed;

static inline void *twin_block(struct va_backend *be, int64_t count, void **first)
{
    int64_t all = count + 2 * TWIN_GUARD;
    void *block = be->ops->alloc(be, all);
    double *values = va_new(all, sizeof(*values));

    if (!block || !values) {
        printf("# no memory for a tensor of %lld\n", (long long)count);
        exit(4);
    }
    for (int64_t i = 0; i < all; i++)
        values[i] = i < TWIN_GUARD || i >= TWIN_GUARD + count ? TWIN_GUARD_VALUE : 0;
    be->ops->put_f64(be, block, values, all);
    va_free(values);
    *first = va_at(be, block, TWIN_GUARD);
    return block;
}

/* A tensor of zeros, freed by twin_end. */
static inline struct twin *twin_new(int64_t count)
{
    struct twin *t = va_new(1, sizeof(*t));

    if (!t || twin_used == TWIN_MAX) {
        printf("# too many tensors in one test\n");
        exit(4);
    }
    t->count = count;
    t->ref_block = twin_block(twin_ref, count, &t->ref);
    t->cpu_block = twin_block(twin_cpu, count, &t->cpu);
    return twin_all[twin_used++] = t;
}

static inline void twin_set(struct twin *t, int64_t i, float x)
{
    double d = x;

    twin_ref->ops->put_f64(twin_ref, va_at(twin_ref, t->ref, i), &d, 1);
    twin_cpu->ops->put_f32(twin_cpu, va_at(twin_cpu, t->cpu, i), &x, 1);
}

/* Uniform in [low, high), float32 values; each tensor of a test gets its own stream. */
static inline struct twin *twin_random(int64_t count, double low, double high)
{
    struct twin *t = twin_new(count);
    float *values = va_new(count, sizeof(*values));

    if (!values)
        exit(4);
    twin_seed++;
    for (int64_t i = 0; i < count; i++) {
        double u = va_rand_uniform(twin_seed, VA_RAND_TEST, 0, (uint64_t)i);

        values[i] = (float)(low + (high - low) * u);
    }
    twin_ref->ops->put_f32(twin_ref, t->ref, values, count);
    twin_cpu->ops->put_f32(twin_cpu, t->cpu, values, count);
    va_free(values);
    return t;
}

/* Element i as the backend under test has it. */
static inline double twin_get(const struct twin *t, int64_t i)
{
    float x;

    twin_cpu->ops->get_f32(twin_cpu, &x, va_at(twin_cpu, t->cpu, i), 1);
    return (double)x;
}

static inline struct va_weight twin_weight(void *data)
{
    return (struct va_weight){ .data = data, .stale = true };
}

/* A linear layer of these sizes on both sides; bias and residual may be NULL. */
static inline void twin_linear(struct va_linear p, const struct twin *x, const struct twin *w,
                               const struct twin *bias, const struct twin *residual,
                               const struct twin *y)
{
    struct va_weight weight = twin_weight(w->ref);

    p.w = &weight, p.x = x->ref, p.y = y->ref;
    p.bias = bias ? bias->ref : NULL, p.residual = residual ? residual->ref : NULL;
    twin_ref->ops->linear(twin_ref, &p);
    weight = twin_weight(w->cpu);
    p.x = x->cpu, p.y = y->cpu;
    p.bias = bias ? bias->cpu : NULL, p.residual = residual ? residual->cpu : NULL;
    twin_cpu->ops->linear(twin_cpu, &p);
    twin_cpu->ops->weight_release(twin_cpu, &weight);
}

static inline void twin_begin(void)
{
    twin_ref = va_ref_backend_new();
    twin_cpu = va_test_device();
    twin_used = 0;
    if (!twin_ref || !twin_cpu)
        exit(4);
}

static inline void twin_end(void)
{
    VA_CHECK(va_backend_check(twin_ref) == 0);
    VA_CHECK(va_backend_check(twin_cpu) == 0);
    for (int i = 0; i < twin_used; i++) {
        twin_ref->ops->free(twin_ref, twin_all[i]->ref_block);
        twin_cpu->ops->free(twin_cpu, twin_all[i]->cpu_block);
        va_free(twin_all[i]);
    }
    twin_used = 0;
    VA_CHECK_INT(twin_ref->held, 0);
    va_backend_free(twin_ref);
    va_backend_free(twin_cpu);
}

/* Values of one side with the guards, to be freed. */
static inline double *twin_values(struct va_backend *be, const void *block, int64_t count)
{
    double *v = va_new(count + 2 * TWIN_GUARD, sizeof(*v));

    if (!v)
        exit(4);
    be->ops->get_f64(be, v, block, count + 2 * TWIN_GUARD);
    return v;
}

/* Numbers of a buffer of the backend under test, to be freed. */
static inline float *twin_floats(const void *buffer, int64_t count)
{
    float *v = va_new(count, sizeof(*v));

    if (!v)
        exit(4);
    twin_cpu->ops->get_f32(twin_cpu, v, buffer, count);
    return v;
}

/* Whether `part` has, number for number, what `all` has from element `at` on, on both sides. */
static inline bool twin_same(const struct twin *part, const struct twin *all, int64_t at)
{
    bool same = true;

    for (int side = 0; side < 2; side++) {
        struct va_backend *be = side ? twin_cpu : twin_ref;
        double *a = twin_values(be, side ? part->cpu_block : part->ref_block, part->count);
        double *b = twin_values(be, side ? all->cpu_block : all->ref_block, all->count);

        same &= !memcmp(a + TWIN_GUARD, b + TWIN_GUARD + at, (size_t)part->count * sizeof(*a));
        va_free(a);
        va_free(b);
    }
    return same;
}

/* Compare; `terms` and `largest` as above (largest 0: of the reference result). */
static inline void twin_check(const char *name, const struct twin *t, double terms,
                              double largest)
{
    double *a = twin_values(twin_ref, t->ref_block, t->count), bound, worst = -1;
    double *b = twin_values(twin_cpu, t->cpu_block, t->count);
    int64_t at = 0;

    for (int64_t i = 0; i < t->count + 2 * TWIN_GUARD; i++) {
        bool guard = i < TWIN_GUARD || i >= TWIN_GUARD + t->count;

        if (guard && (a[i] != TWIN_GUARD_VALUE || b[i] != TWIN_GUARD_VALUE)) {
            printf("# %s: wrote outside, at %lld of %lld: %g, %g\n", name,
                   (long long)(i - TWIN_GUARD), (long long)t->count, a[i], b[i]);
            va_test_bad = true;
        } else if (!guard && isfinite(a[i])) {
            largest = fmax(largest, fabs(a[i]));
        }
    }
    bound = (4 * sqrt(terms) + 8) * 0x1p-24 * largest;
    for (int64_t i = TWIN_GUARD; i < t->count + TWIN_GUARD; i++) {
        double off = isnan(a[i]) && isnan(b[i]) ? 0 : a[i] == b[i] ? 0 : fabs(a[i] - b[i]);

        if (!(off <= worst)) {
            worst = off;
            at = i;
            if (isnan(off))
                break;
        }
    }
    if (!(worst <= bound)) {
        printf("# %s: element %lld of %lld is %.9g, expected %.9g: off by %.3g, bound %.3g\n",
               name, (long long)(at - TWIN_GUARD), (long long)t->count, b[at], a[at], worst,
               bound);
        va_test_bad = true;
    }
    va_free(a);
    va_free(b);
}

#endif
