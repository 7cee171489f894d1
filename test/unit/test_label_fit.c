/*
 * Rows and frames: which counts fit, and what resampled rows are.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_label_fit.h"
#include "test/va_test.h"
#include <math.h>

static struct va_labels rows_of(int64_t count)
{
    struct va_labels l = { va_new(count, 2 * sizeof(double)), count, 2 * count };

    for (int64_t i = 0; i < count; i++) {
        l.va[2 * i] = (double)i / 1000;
        l.va[2 * i + 1] = -l.va[2 * i];
    }
    return l;
}

/* Status of `rows` rows at `rate` for a video; *count gets those there are then. */
static int fit(int64_t rows, double rate, int unmatched, int64_t frames, double fps,
               int64_t *count)
{
    struct va_labels l = rows_of(rows);
    struct va_label_rule rule = { .fps = rate, .unmatched = unmatched };
    struct va_label_video video = { "v", frames, fps };
    char said[256];
    int status;

    va_error_catch_begin(said, sizeof(said));
    status = va_labels_fit(&l, "v.txt", &rule, &video);
    va_error_catch_end();
    *count = l.count;
    va_labels_release(&l);
    return status;
}

static void counts_fit_or_do_not(void)
{
    static const struct {
        int64_t rows, frames;
        double fps;
        int status;
    } cases[] = {
        { 100, 100, 25, 0 },      { 150, 100, 25, 0 },     { 151, 100, 25, -1 },
        { 300, 100, 25, -1 },     { 100, 150, 25, 0 },     { 99, 149, 25, -1 },
        { 300, 100, 0, 0 },       { 100, 300, 0, -1 },     { 0, 100, 25, 0 },
        { 100, 0, 25, 0 },        { 1, 1, 25, 0 },         { 1, 2, 25, -1 },
        { 20000, 13021, 25, -1 }, { 47435, 40456, 30, 0 }, { 73, 124, 6, -1 },
        { 73, 74, 6, 0 },
    };

    for (size_t i = 0; i < VA_COUNT(cases); i++) {
        int64_t n;
        int status = fit(cases[i].rows, 0, VA_LABELS_REFUSE, cases[i].frames, cases[i].fps, &n);

        if (status != cases[i].status)
            printf("# %lld rows, %lld frames at %g: %d\n", (long long)cases[i].rows,
                   (long long)cases[i].frames, cases[i].fps, status);
        VA_CHECK_INT(status, cases[i].status);
        VA_CHECK_INT(n, cases[i].rows);
        VA_CHECK_INT(fit(cases[i].rows, 0, VA_LABELS_ALLOW, cases[i].frames, cases[i].fps, &n),
                     0);
    }
}

static void resampled_rows_reach_as_far(void)
{
    int64_t n;

    VA_CHECK_INT(fit(120, 4, VA_LABELS_REFUSE, 750, 25, &n), 0);
    VA_CHECK_INT(n, 750);
    VA_CHECK_INT(fit(300, 30, VA_LABELS_REFUSE, 250, 25, &n), 0);
    VA_CHECK_INT(n, 250);
    VA_CHECK_INT(fit(100, 10, VA_LABELS_REFUSE, 300, 30000 / 1001., &n), 0);
    VA_CHECK_INT(n, 300);
    VA_CHECK_INT(fit(7, 3, VA_LABELS_REFUSE, 70, 30, &n), 0);
    VA_CHECK_INT(n, 70);
    VA_CHECK_INT(fit(1, 1, VA_LABELS_REFUSE, 25, 25, &n), 0);
    VA_CHECK_INT(n, 25);
    VA_CHECK_INT(fit(10, 10, VA_LABELS_REFUSE, 25, 0, &n), -1);
}

static void values_lie_between_rows(void)
{
    static const double rates[][2] = { { 4, 25 }, { 25, 25 }, { 75, 25 }, { 7, 29.97 } };

    for (size_t r = 0; r < VA_COUNT(rates); r++) {
        struct va_labels l = rows_of(200);
        struct va_label_rule rule = { .fps = rates[r][0], .unmatched = VA_LABELS_ALLOW };
        struct va_label_video video = { "v", 1, rates[r][1] };

        VA_CHECK_INT(va_labels_fit(&l, "v.txt", &rule, &video), 0);
        for (int64_t k = 0; k < l.count; k++) {
            double p = fmin((double)k * rates[r][0] / rates[r][1], 199);

            VA_CHECK_NEAR(l.va[2 * k], p / 1000, 1e-8);
            VA_CHECK_NEAR(l.va[2 * k + 1], -p / 1000, 1e-8);
        }
        va_labels_release(&l);
    }
}

static void what_is_not_annotated_is_not_made_up(void)
{
    struct va_labels l = rows_of(4);
    struct va_label_rule rule = { .fps = 1, .unmatched = VA_LABELS_ALLOW };
    struct va_label_video video = { "v", 12, 3 };
    char found[13] = "";

    l.va[2] = l.va[3] = VA_UNLABELLED;
    VA_CHECK_INT(va_labels_fit(&l, "v.txt", &rule, &video), 0);
    VA_CHECK_INT(l.count, 12);
    for (int k = 0; k < 12; k++)
        found[k] = va_is_labelled(l.va + 2 * k) ? '1' : '0';
    VA_CHECK(!strcmp(found, "100000111111"));
    va_labels_release(&l);
}

static void times_tell_a_rate(void)
{
    double pts[] = { NAN, .04, .08, NAN, .16, NAN };

    VA_CHECK_NEAR(va_rate_of_times(pts, 6), 25, 1e-9);
    VA_CHECK_NEAR(va_rate_of_times(pts, 2), 0, 0);
    VA_CHECK_NEAR(va_rate_of_times(NULL, 6), 0, 0);
    VA_CHECK_NEAR(va_rate_of_times(pts, 0), 0, 0);
    pts[4] = -1;
    VA_CHECK_NEAR(va_rate_of_times(pts, 6), 0, 0);
}

int main(void)
{
    va_set_verbosity(VA_QUIET);
    VA_TEST(counts_fit_or_do_not);
    VA_TEST(resampled_rows_reach_as_far);
    VA_TEST(values_lie_between_rows);
    VA_TEST(what_is_not_annotated_is_not_made_up);
    VA_TEST(times_tell_a_rate);
    return va_test_finish();
}
