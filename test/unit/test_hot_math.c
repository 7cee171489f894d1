/*
 * Functions on vectors (cpu/hot/va_vmath.h) against libm in double, over a fine grid, at every
 * level of instructions: the errors promised there are the bounds here.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "cpu/va_hot.h"
#include "test/va_test.h"
#include <stdlib.h>

enum { N = 400003 };

static float *x, *y;

static double exp_minus(double v)
{
    return -exp(v);
}

static double softplus(double v)
{
    return log1p(exp(v));
}

static double silu(double v)
{
    return v / (1 + exp(-v));
}

static double quick_gelu(double v)
{
    return v / (1 + exp(-1.702 * v));
}

static double gelu(double v)
{
    return v * 0.5 * erfc(-v * sqrt(0.5));
}

/* Worst of |found - expected| / (|expected| + floor / relative) over [low, high], every level. */
static void sweep(const char *name, enum va_unary f, double (*expected)(double), double low,
                  double high, double relative, double floor)
{
    for (int level = 0; level <= (int)va_cpu_isa(); level++) {
        double worst = 0, at = 0;

        va_hot_use((enum va_isa)level);
        for (int i = 0; i < N; i++)
            x[i] = (float)(low + (high - low) * i / (N - 1));
        va_hot()->unary(f, N, x, y);
        for (int i = 0; i < N; i++) {
            double e = expected(x[i]), off = fabs(y[i] - e) / (fabs(e) + floor / relative);

            if (!(off <= worst)) {
                worst = off;
                at = x[i];
            }
        }
        if (getenv("VA_TEST_VERBOSE") || !(worst <= relative)) {
            printf("# %s, %s: relative error %.3g at %.9g, allowed %.3g\n", name,
                   va_isa_names[level], worst, at, relative);
            va_test_bad |= !(worst <= relative);
        }
    }
    va_hot_use(va_cpu_isa());
}

static void exponential(void)
{
    sweep("exp", VA_NEG_EXP, exp_minus, -87.3, 88.3, 1.1e-7, 0);
    sweep("exp near 0", VA_NEG_EXP, exp_minus, -1e-3, 1e-3, 6e-8, 0);
}

static void softplus_everywhere(void)
{
    sweep("softplus", VA_SOFTPLUS, softplus, -80, 20, 2.6e-7, 0);
    sweep("softplus near 0", VA_SOFTPLUS, softplus, -0.5, 0.5, 2.6e-7, 0);
}

/* The n of a GRU whose update gate is shut. */
static void tanh_everywhere(void)
{
    float *s = va_new(3 * N, sizeof(*s)), *a = va_new(3 * N, sizeof(*a));
    float *memo = va_new(N, sizeof(*memo));

    for (int level = 0; s && a && memo && level <= (int)va_cpu_isa(); level++)
        for (int part = 0; part < 2; part++) {
            double worst = 0, reach = part ? 12 : 0.6;

            va_hot_use((enum va_isa)level);
            for (int i = 0; i < N; i++) {
                a[i] = 0, a[N + i] = -200;
                a[2 * N + i] = x[i] = (float)(reach * (2.0 * i / (N - 1) - 1));
            }
            va_hot()->cell(VA_CELL_GRU, N, s, NULL, NULL, a, memo, y);
            for (int i = 0; i < N; i++) {
                double off = fabs(y[i] - tanh(x[i])) / fmax(fabs(tanh(x[i])), 1e-30);

                worst = va_worse(worst, off);
            }
            if (getenv("VA_TEST_VERBOSE") || !(worst <= 1.6e-7)) {
                printf("# tanh up to %g, %s: relative error %.3g\n", reach, va_isa_names[level],
                       worst);
                va_test_bad |= !(worst <= 1.6e-7);
            }
        }
    VA_CHECK(s && a && memo);
    va_hot_use(va_cpu_isa());
    va_free(s);
    va_free(a);
    va_free(memo);
}

static void gelu_and_silu(void)
{
    sweep("gelu", VA_GELU, gelu, -4, 6, 3.5e-7, 1e-7);
    sweep("gelu, tail", VA_GELU, gelu, -12, -4, 1.3e-6, 1e-12);
    sweep("silu", VA_SILU, silu, -80, 80, 1.8e-7, 0);
    /* the product with 1.702 is rounded, so that exp is off by its argument */
    sweep("quickgelu", VA_QUICK_GELU, quick_gelu, -12, 12, 1.5e-6, 0);
}

/* The scan's own 2^x: a state of 1 after one step without input is exp(delta A). */
static void decay(void)
{
    static const float one = 1, none = 0;
    float *h = va_new(N, sizeof(*h)), *memory = va_new(2 * N * 16, sizeof(*memory));

    for (int level = 0; h && memory && level <= (int)va_cpu_isa(); level++) {
        struct va_scan p = { .B = 1,
                             .T = 1,
                             .E = 1,
                             .N = N,
                             .u = &none,
                             .delta = &one,
                             .A = x,
                             .Bm = y,
                             .Cm = y,
                             .skip = &none,
                             .ldu = 1,
                             .lddelta = 1,
                             .ldB = N,
                             .ldC = N,
                             .h0 = h,
                             .h_last = h };
        float out;
        double worst = 0, at = 0;

        p.y = &out;
        for (int i = 0; i < N; i++) {
            x[i] = (float)(-87.0 * i / (N - 1));
            y[i] = 0;
            h[i] = 1;
        }
        va_hot_use((enum va_isa)level);
        va_hot()->scan(&p, 0, 0, 1, memory);
        for (int i = 0; i < N; i++) {
            double e = exp(x[i]), off = fabs(h[i] - e) / e / (1 + fabs(x[i]));

            if (!(off <= worst)) {
                worst = off;
                at = x[i];
            }
        }
        if (getenv("VA_TEST_VERBOSE") || !(worst <= 1e-7)) {
            printf("# decay, %s: relative error %.3g (1 + |x|) at %.9g\n", va_isa_names[level],
                   worst, at);
            va_test_bad |= !(worst <= 1e-7);
        }
    }
    VA_CHECK(h && memory);
    va_hot_use(va_cpu_isa());
    va_free(h);
    va_free(memory);
}

/* Masks of elements whose block number passes 2^32, and pieces that end inside a block. */
static void dropout_far_out(void)
{
    const struct va_hot_dropout p = { 3, 4, 1u << 31, 2 };
    const int64_t first = 4 * ((1LL << 32) - 9);

    for (int level = 0; level <= (int)va_cpu_isa(); level++) {
        va_hot_use((enum va_isa)level);
        for (int i = 0; i < 203; i++)
            x[i] = 1;
        va_hot()->dropout(&p, first, 203, x, y);
        for (int i = 0; i < 203; i++) {
            uint32_t w[4];

            va_philox(3, VA_RAND_DROPOUT, 4, (uint64_t)(first + i) / 4, w);
            VA_CHECK(y[i] == (w[i % 4] >= 1u << 31 ? 2 : 0));
        }
    }
    va_hot_use(va_cpu_isa());
}

int main(void)
{
    x = va_new(N, sizeof(*x));
    y = va_new(N, sizeof(*y));
    if (!x || !y)
        return 4;
    VA_TEST(exponential);
    VA_TEST(softplus_everywhere);
    VA_TEST(tanh_everywhere);
    VA_TEST(gelu_and_silu);
    VA_TEST(decay);
    VA_TEST(dropout_far_out);
    va_free(x);
    va_free(y);
    return va_test_finish();
}
