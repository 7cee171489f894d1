/*
 * The functions of va_libm.h against the C library's in long double, in units of the last place,
 * and bits that must come out everywhere.
 */
#include "base/va_libm.h"
#include "base/va_rand.h"
#include "test/va_test.h"

enum { N = 200000 };

static double uniform(int i, double low, double high)
{
    return low + (high - low) * va_rand_uniform(7, VA_RAND_TEST, 1, (uint64_t)i);
}

/* Distance in units of the last place of a double at `expected`. */
static double units(double found, long double expected)
{
    double size = nextafter(fabs((double)expected), INFINITY) - fabs((double)expected);

    return fabs((double)((long double)found - expected)) / size;
}

/* A NaN, once there, stays. */
static void keep_worst(double *worst, double off)
{
    if (!isnan(*worst) && !(off <= *worst))
        *worst = off;
}

static void worst_is(double worst, double bound, const char *name)
{
    if (!(worst <= bound)) {
        printf("# %s: off by %.3g units, expected %.3g\n", name, worst, bound);
        va_test_bad = true;
    }
}

static void log_exp(void)
{
    double log_worst = 0, exp_worst = 0, expm1_worst = 0;

    for (int i = 0; i < N; i++) {
        double x = exp(uniform(i, -40, 40)), y = uniform(i, -300, 300), z = uniform(i, -1, 1);
        double near = uniform(i, 0.5, 1.5);

        keep_worst(&log_worst, units(va_log(x), logl(x)));
        keep_worst(&log_worst, units(va_log(near), logl(near)));
        keep_worst(&exp_worst, units(va_exp(y), expl(y)));
        keep_worst(&expm1_worst, units(va_expm1(z), expm1l(z)));
        keep_worst(&expm1_worst, units(va_expm1(z * 1e-3), expm1l(z * 1e-3)));
    }
    worst_is(log_worst, 2, "log");
    worst_is(exp_worst, 2, "exp");
    worst_is(expm1_worst, 4, "expm1");
    VA_CHECK(va_log(1) == 0);
    VA_CHECK(va_exp(0) == 1);
    VA_CHECK(va_expm1(0) == 0);
}

static void sine_cosine(void)
{
    double worst = 0;

    for (int i = 0; i < N; i++) {
        double x = uniform(i, -10, 10), far = uniform(i, -1e6, 1e6);

        keep_worst(&worst, fabs((double)((long double)va_sin(x) - sinl(x))));
        keep_worst(&worst, fabs((double)((long double)va_cos(x) - cosl(x))));
        keep_worst(&worst, fabs((double)((long double)va_sin(far) - sinl(far))));
        keep_worst(&worst, fabs((double)((long double)va_cos(far) - cosl(far))));
    }
    worst_is(worst / 0x1p-53, 2, "sine and cosine");
    VA_CHECK(va_sin(0) == 0);
    VA_CHECK(va_cos(0) == 1);
}

/* Recorded on x86-64: another machine, or a compiler that fuses products and sums, is to give
 * the same. */
static void bits_are_the_same_everywhere(void)
{
    uint64_t hash = 0;

    for (int i = 0; i < N; i++) {
        double values[] = { va_log(uniform(i, 0, 1) + 1e-9), va_exp(uniform(i, -20, 20)),
                            va_expm1(-uniform(i, 0, 0.1)), va_sin(uniform(i, -200, 200)),
                            va_cos(uniform(i, 0, 7)) };

        for (int k = 0; k < 5; k++) {
            uint64_t bits;

            memcpy(&bits, &values[k], sizeof(bits));
            hash = hash * 31 + bits;
        }
    }
    if (hash != 0x969ba04e5a20a17b) {
        printf("# found %#llx\n", (unsigned long long)hash);
        va_test_bad = true;
    }
}

int main(void)
{
    VA_TEST(log_exp);
    VA_TEST(sine_cosine);
    VA_TEST(bits_are_the_same_everywhere);
    return va_test_finish();
}
