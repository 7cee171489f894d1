/* Quantiles of many times from a histogram. */
#include "jobs/va_latency.h"

#include "test/va_test.h"

static void quantiles(void)
{
    static struct va_latency l;

    VA_CHECK_NEAR(va_latency_at(&l, .5), 0, 0);
    for (int i = 1000; i >= 1; i--)
        va_latency_add(&l, i * 1e-3);
    VA_CHECK_NEAR(va_latency_at(&l, .5), .5, .0055);
    VA_CHECK_NEAR(va_latency_at(&l, .95), .95, .01);
    VA_CHECK_NEAR(va_latency_at(&l, 1), 1, .0105);
    VA_CHECK_NEAR(va_latency_at(&l, 0), .001, .00002);
}

static void extremes(void)
{
    static struct va_latency l;

    va_latency_add(&l, 0);
    va_latency_add(&l, -1);
    va_latency_add(&l, 1e9);
    VA_CHECK_INT(l.count, 3);
    VA_CHECK_NEAR(va_latency_at(&l, .5), 1e-6, 2e-8);
    VA_CHECK_NEAR(va_latency_at(&l, 1), 1000, 40);
}

int main(void)
{
    VA_TEST(quantiles);
    VA_TEST(extremes);
    return va_test_finish();
}
