/*
 * The selective scan of one layer of the published model: 256 channels, 8 states, gate included.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "ref/va_ref_ops.h"
#include "test/bench/bench.h"
#include "test/unit/device.h"
#include <math.h>

enum { E = 256, N = 8, TENSORS = 15 };

/* u, delta, z, y, dy, du, ddelta, dz: [B, T, E]; Bm, Cm, dBm, dCm: [B, T, N]; A, dA [E, N]; the skip's
 * are rows of A's. Marks: what a device wants. */
enum { U, DELTA, Z, Y, DY, DU, DDELTA, DZ, BM, CM, DBM, DCM, A, DA, MARKS };

struct scan {
    struct va_backend *be;
    void *t[TENSORS];
};

static int64_t size_of(const struct bench *b, const struct va_backend *be, int i)
{
    if (i == MARKS)
        return va_scan_marks(be, b->batch, b->frames) * E * N;
    return i >= A ? E * N : b->batch * b->frames * (i >= BM ? N : E);
}

/* The same values on any device: delta positive, A negative. */
static bool fill(const struct bench *b, struct scan *s, struct va_backend *be)
{
    s->be = be;
    for (int i = 0; i < TENSORS; i++) {
        int64_t n = size_of(b, be, i);
        double *v = va_new(n, sizeof(*v));

        s->t[i] = be->ops->alloc(be, n);
        if (!v || !s->t[i])
            return false;
        for (int64_t k = 0; k < n; k++) {
            double x = va_rand_uniform(3, VA_RAND_TEST, (uint64_t)i, (uint64_t)k);

            v[k] = (float)(i == DELTA ? 0.1 * x : i == A ? -1 - 7 * x : 2 * x - 1);
        }
        be->ops->put_f64(be, s->t[i], v, n);
        va_free(v);
    }
    return true;
}

static bool start(struct bench *b)
{
    b->state = va_new(1, sizeof(struct scan));
    b->work = (double)(b->batch * b->frames * E * N); /* exponentials */
    return fill(b, b->state, va_test_device());
}

/* What both ways are given. */
#define GIVEN                                                                              \
    .B = b->batch, .T = b->frames, .E = E, .N = N, .u = s->t[U], .delta = s->t[DELTA],     \
    .A = s->t[A], .Bm = s->t[BM], .Cm = s->t[CM], .skip = s->t[A], .z = s->t[Z], .ldu = E, \
    .lddelta = E, .ldB = N, .ldC = N, .ldz = E

static void forward(const struct bench *b, struct scan *s)
{
    s->be->ops->scan(s->be, &(struct va_scan){ GIVEN, .y = s->t[Y], .marks = s->t[MARKS] });
}

static void backward(const struct bench *b, struct scan *s)
{
    s->be->ops->zero(s->be, s->t[DA], E * N);
    s->be->ops->scan_grad(s->be, &(struct va_scan_grad){
                                     GIVEN, .dy = s->t[DY], .marks = s->t[MARKS],
                                     .du = s->t[DU], .ddelta = s->t[DDELTA], .dBm = s->t[DBM],
                                     .dCm = s->t[DCM], .dz = s->t[DZ], .lddu = E, .ldddelta = E,
                                     .lddB = N, .lddC = N, .lddz = E, .dA = s->t[DA] });
}

static void run_forward(struct bench *b)
{
    struct scan *s = b->state;

    forward(b, s);
    va_test_wait(s->be);
}

static void run_both(struct bench *b)
{
    struct scan *s = b->state;

    forward(b, s);
    backward(b, s);
    va_test_wait(s->be);
}

/* One result against double. */
static double off(const struct bench *b, const struct scan *ref, const struct scan *own, int i)
{
    int64_t n = size_of(b, own->be, i);
    double *x = va_new(n, sizeof(*x)), *y = va_new(n, sizeof(*y)), worst = 0, largest = 0;

    ref->be->ops->get_f64(ref->be, x, ref->t[i], n);
    own->be->ops->get_f64(own->be, y, own->t[i], n);
    for (int64_t k = 0; k < n; k++) {
        worst = fmax(worst, fabs(x[k] - y[k]));
        largest = fmax(largest, fabs(x[k]));
    }
    va_free(x), va_free(y);
    return worst / largest;
}

/* Of the outputs, and of what a backward gives where one was run. */
static double error(struct bench *b)
{
    static const int results[] = { Y, DU, DDELTA, DZ, DBM, DCM, DA };
    bool both = b->run == run_both;
    struct scan ref;
    double worst = 0;

    if (!fill(b, &ref, va_ref_backend_new()))
        return INFINITY;
    forward(b, &ref);
    if (both)
        backward(b, &ref);
    for (int i = 0; i < (both ? 7 : 1); i++)
        worst = fmax(worst, off(b, &ref, b->state, results[i]));
    return worst;
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
        { "scan-fwd", start, run_forward, error, 4e-6, 0, "exp", 16, 300, NULL },
        { "scan", start, run_both, error, 1e-5, 0, "exp", 16, 300, NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
