/*
 * Filters against SciPy's values (test/reference/filters.py), to 1e-12, and what no table shows:
 * long series, numbers of very different size, high degrees.
 */
#include "base/va_rand.h"
#include "data/va_filter.h"
#include "data/va_table.h"
#include "test/va_golden.h"

enum { VALUES_MAX = 64 };

/* Numbers separated by commas; how many. */
static int64_t parse(const char *text, double *values)
{
    int64_t n = 0;
    char *end;

    for (; n < VALUES_MAX; text = end + 1) {
        values[n++] = strtod(text, &end);
        if (*end != ',')
            break;
    }
    return n;
}

static int find(const char *const *names, const char *name)
{
    int i = 0;

    while (names[i] && strcmp(names[i], name))
        i++;
    return i;
}

static int64_t whole(const struct va_table *t, int64_t row, int64_t column)
{
    return strtoll(va_table_text(t, row, column), NULL, 10);
}

static void all_values_of_scipy(void)
{
    double x[VALUES_MAX], y[VALUES_MAX], expected[VALUES_MAX], parameter, worst = 0;
    struct va_table t;
    char path[512];

    if (!va_golden_path("filter/expected.tsv", path))
        VA_SKIP("no golden filters");
    VA_CHECK_INT(va_table_read(&t, path), 0);
    VA_CHECK(!strcmp(va_table_text(&t, 0, 0), "input"));
    VA_CHECK_INT(parse(va_table_text(&t, 0, 5), x), 17);
    for (int64_t i = 1; i < t.rows; i++) {
        int64_t n = parse(va_table_text(&t, i, 5), expected);
        struct va_filter f = {
            .kind = (enum va_filter_kind)find(va_filter_names, va_table_text(&t, i, 0)),
            .edge = (enum va_edge)find(va_edge_names, va_table_text(&t, i, 1)),
            .window = whole(&t, i, 2),
            .order = whole(&t, i, 3),
        };

        VA_CHECK_INT(va_table_number(&t, i, 4, &parameter), 0);
        f.sigma = f.alpha = parameter;
        VA_CHECK_INT(va_filter_run(&f, n, x, y), 0);
        for (int64_t k = 0; k < n; k++) {
            double error = fabs(y[k] - expected[k]);

            worst = !(error <= worst) ? error : worst;
            if (!(error <= 1e-12)) {
                printf("# line %lld, frame %lld: found %.17g, expected %.17g\n",
                       (long long)i + 2, (long long)k, y[k], expected[k]);
                va_test_bad = true;
            }
        }
    }
    VA_CHECK_INT(t.rows, 1 + 4 * (4 * (6 + 6 + 5) + 4 * 5 + 4));
    VA_CHECK(worst > 0); /* nothing was compared with itself */
    va_table_release(&t);
}

static double noise(int64_t i)
{
    return va_rand_normal(7, VA_RAND_TEST, 0, (uint64_t)i);
}

/* All filters, edges and some windows, with what each leaves as it is. */
static void constants_and_degrees_are_kept(void)
{
    enum { T = 23 };
    double x[T], y[T];

    for (int k = VA_FILTER_MEAN; k <= VA_FILTER_MEDIAN; k++)
        for (int e = VA_EDGE_REFLECT; e <= VA_EDGE_INTERP; e++)
            for (int64_t W = 1; W <= 61; W += 2) {
                struct va_filter f = { .kind = (enum va_filter_kind)k,
                                       .edge = (enum va_edge)e,
                                       .window = W,
                                       .order = W > 4 ? 4 : W - 1,
                                       .sigma = (double)W / 5,
                                       .alpha = 1. / (double)W };

                if ((k == VA_FILTER_SAVGOL) != (e == VA_EDGE_INTERP) &&
                    (k != VA_FILTER_SAVGOL || e == VA_EDGE_SHRINK))
                    continue;
                for (int64_t t = 0; t < T; t++)
                    x[t] = .3;
                VA_CHECK_INT(va_filter_run(&f, T, x, y), 0);
                for (int64_t t = 0; t < T; t++)
                    VA_CHECK_NEAR(y[t], .3, 1e-15);
                for (int64_t t = 0; t < T; t++)
                    x[t] = .3 - .1 * (double)t + 1e-5 * pow((double)(t - 4), 4);
                if (e != VA_EDGE_INTERP || W < 5)
                    continue;
                VA_CHECK_INT(va_filter_run(&f, T, x, y), 0);
                for (int64_t t = 0; t < T; t++)
                    VA_CHECK_NEAR(y[t], x[t], 1e-14);
            }
}

/* Degree 9 on 101 frames, where equations for powers have lost every digit. */
static void high_degrees_keep_their_digits(void)
{
    enum { T = 301 };
    const struct va_filter f = {
        .kind = VA_FILTER_SAVGOL, .edge = VA_EDGE_INTERP, .window = 101, .order = 9
    };
    double x[T], y[T];

    for (int64_t t = 0; t < T; t++)
        x[t] = pow((double)t / T, 9) - 2 * pow((double)t / T, 5);
    VA_CHECK_INT(va_filter_run(&f, T, x, y), 0);
    for (int64_t t = 0; t < T; t++)
        VA_CHECK_NEAR(y[t], x[t], 1e-14);
}

/* A running sum neither drifts over hours nor forgets small numbers beside a large one. */
static void running_sums_do_not_drift(void)
{
    enum { T = 400000, W = 7 };
    const struct va_filter f = { .kind = VA_FILTER_MEAN, .window = W };
    double *x = va_new(T, sizeof(*x)), *y = va_new(T, sizeof(*y)), worst = 0;

    for (int64_t t = 0; t < T; t++)
        x[t] = noise(t);
    x[1000] = 1e15;
    VA_CHECK_INT(va_filter_run(&f, T, x, y), 0);
    for (int64_t t = W; t < T - W; t++) {
        double s = 0;

        for (int64_t k = t - W / 2; k <= t + W / 2; k++)
            s += x[k];
        if (llabs(t - 1000) > W)
            worst = va_worse(worst, fabs(y[t] - s / W));
    }
    VA_CHECK_NEAR(worst, 0, 1e-15);
    va_free(x);
    va_free(y);
}

static void windows_far_longer_than_the_series(void)
{
    enum { T = 5 };
    double x[T], y[T], mean = 0;

    for (int64_t t = 0; t < T; t++)
        mean += (x[t] = noise(t)) / T;
    for (int k = VA_FILTER_MEAN; k <= VA_FILTER_MEDIAN; k++)
        for (int e = VA_EDGE_REFLECT; e <= VA_EDGE_INTERP; e++) {
            struct va_filter f = { .kind = (enum va_filter_kind)k,
                                   .edge = (enum va_edge)e,
                                   .window = 100001,
                                   .order = VA_FILTER_ORDER_MAX,
                                   .sigma = 5000,
                                   .alpha = 1e-9 };

            if ((k == VA_FILTER_SAVGOL) != (e == VA_EDGE_INTERP) &&
                (k != VA_FILTER_SAVGOL || e == VA_EDGE_SHRINK))
                continue;
            VA_CHECK_INT(va_filter_run(&f, T, x, y), 0);
            for (int64_t t = 0; t < T; t++)
                VA_CHECK(isfinite(y[t]));
            if (e == VA_EDGE_INTERP) /* degree T - 1 passes through every frame */
                for (int64_t t = 0; t < T; t++)
                    VA_CHECK_NEAR(y[t], x[t], 1e-14);
            if (e == VA_EDGE_SHRINK && k == VA_FILTER_MEAN)
                VA_CHECK_NEAR(y[3], mean, 1e-15);
            if (e == VA_EDGE_REFLECT && k == VA_FILTER_MEAN)
                VA_CHECK_NEAR(y[3], mean, 1e-4);
            VA_CHECK_INT(va_filter_run(&f, 0, x, y), 0);
        }
}

int main(void)
{
    VA_TEST(all_values_of_scipy);
    VA_TEST(constants_and_degrees_are_kept);
    VA_TEST(high_degrees_keep_their_digits);
    VA_TEST(running_sums_do_not_drift);
    VA_TEST(windows_far_longer_than_the_series);
    return va_test_finish();
}
