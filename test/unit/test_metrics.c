/*
 * Measures against the float64 reference, to 1e-12, and where they are undefined.
 */
#include "data/va_labels.h"
#include "data/va_metrics.h"
#include "data/va_table.h"
#include "test/va_golden.h"

/* Evaluate the golden predictions; false where they are absent. */
static bool load(struct va_evaluation *e)
{
    struct va_label_files files = { 0 };
    char labels[512], predictions[512], path[1024];

    if (!va_golden_path("metrics/labels", labels) ||
        !va_golden_path("metrics/predictions", predictions))
        return false;
    VA_CHECK_INT(va_label_files_add(&files, labels), 0);
    for (int64_t i = 0; i < files.count; i++) {
        struct va_labels y, p;

        snprintf(path, sizeof(path), "%s/%s.txt", predictions, files.items[i].name);
        VA_CHECK_INT(va_labels_read(&y, files.items[i].path, VA_LABELS_ANNOTATION), 0);
        VA_CHECK_INT(va_labels_read(&p, path, VA_LABELS_PREDICTION), 0);
        VA_CHECK_INT(p.count, y.count);
        VA_CHECK_INT(va_evaluation_add(e, files.items[i].name, y.count, p.va, y.va, NULL), 0);
        va_labels_release(&y);
        va_labels_release(&p);
    }
    va_label_files_release(&files);
    return true;
}

/* The score that a row of the reference speaks of; false for counts of defined values. */
static bool find(const struct va_evaluation *e, const char *scope, const char *video,
                 struct va_score *score)
{
    if (!strcmp(scope, "global"))
        return va_evaluation_pooled(e, score), true;
    if (!strcmp(scope, "mean"))
        return va_evaluation_mean(e, score), true;
    for (int64_t i = 0; i < e->count; i++)
        if (!strcmp(scope, "video") && !strcmp(e->videos[i].name, video))
            return va_evaluation_video(e, i, score), true;
    return false;
}

static void all_values_of_the_reference(void)
{
    struct va_evaluation e = { 0 };
    struct va_table t;
    char path[512];
    int compared = 0, undefined = 0;

    if (!va_golden_path("metrics/expected.tsv", path) || !load(&e))
        VA_SKIP("no golden metrics");
    VA_CHECK_INT(va_table_read(&t, path), 0);
    for (int64_t i = 0; i < t.rows; i++) {
        struct va_score score;
        int d = 0;

        if (!find(&e, va_table_text(&t, i, 0), va_table_text(&t, i, 1), &score))
            continue;
        while (strcmp(va_dimension_names[d], va_table_text(&t, i, 2)))
            d++;
        for (int m = 0; m < VA_METRICS; m++) {
            double expected;

            VA_CHECK_INT(va_table_number(&t, i, 4 + m, &expected), 0);
            VA_CHECK(isnan(expected) == isnan(score.value[d][m]));
            if (!isnan(expected))
                VA_CHECK_NEAR(score.value[d][m], expected, 1e-12);
            compared++;
            undefined += isnan(expected);
        }
    }
    VA_CHECK_INT(compared, 27 * VA_METRICS);
    VA_CHECK(undefined > 15); /* the table would prove little without them */
    va_table_release(&t);
    va_evaluation_release(&e);
}

static void reasons_are_given_where_a_value_is_nan_and_only_there(void)
{
    static const double pairs[][2][6] = {
        { { .1, .2, .3, .1, .5, .4 }, { .1, .3, .2, .2, .1, .1 } },
        { { .1, .2, .1, .1, .1, .4 }, { .1, .3, .2, .2, .1, .1 } },
        { { .1, .2, .3, .1, .5, .4 }, { .1, .3, .1, .2, .1, .1 } },
        { { .1, .2, .1, .1, .1, .4 }, { .1, .3, .1, .2, .1, .1 } },
        { { .1, .2, .1, .1, .1, .4 }, { .2, .3, .2, .2, .2, .1 } },
    };

    for (size_t k = 0; k < VA_COUNT(pairs); k++)
        for (int64_t n = 0; n <= 3; n++) {
            struct va_tally t = { 0 };
            struct va_score s;

            for (int64_t i = 0; i < n; i++) /* one by one: constants stay constant */
                va_tally_add(&t, 1, pairs[k][0] + 2 * i, pairs[k][1] + 2 * i, NULL, NULL);
            va_score_pairs(&s, n, pairs[k][0], pairs[k][1]);
            VA_CHECK_INT(s.frames, n);
            for (int d = 0; d < VA_MEAN; d++)
                for (int m = 0; m < VA_METRICS; m++)
                    VA_CHECK_INT(isnan(s.value[d][m]) != 0,
                                 va_tally_reason(&t, (enum va_dimension)d, (enum va_metric)m) !=
                                     VA_DEFINED);
        }
}

/* Blocks of any size, with an offset that is large beside the deviations. */
static void blocks_add_up_to_the_whole(void)
{
    enum { N = 1000 };
    static double p[2 * N], y[2 * N];
    static float lower[2 * N], upper[2 * N];
    struct va_tally whole = { 0 }, parts = { 0 };
    struct va_score a, b;

    for (int i = 0; i < 2 * N; i++) {
        p[i] = 1e3 + 1e-3 * sin(i);
        y[i] = 1e3 + 1e-3 * sin(i + 0.3 * (i % 3));
        lower[i] = (float)(p[i] - .0005);
        upper[i] = (float)(p[i] + .0005);
    }
    va_tally_add(&whole, N, p, y, lower, upper);
    for (int64_t i = 0, n = 0; i < N; i += n) {
        n = 1 + i % 37 < N - i ? 1 + i % 37 : N - i;
        va_tally_add(&parts, n, p + 2 * i, y + 2 * i, lower + 2 * i, upper + 2 * i);
    }
    va_tally_score(&whole, true, &a);
    va_tally_score(&parts, true, &b);
    VA_CHECK_INT(a.frames, b.frames);
    for (int d = 0; d < VA_DIMENSIONS; d++) {
        for (int m = 0; m < VA_METRICS; m++)
            VA_CHECK_NEAR(a.value[d][m], b.value[d][m], 1e-9);
        VA_CHECK_NEAR(a.coverage[d], b.coverage[d], 0);
        VA_CHECK_NEAR(a.width[d], b.width[d], 1e-12);
    }
}

static void perfect_and_opposite_predictions(void)
{
    const double y[] = { .5, -.5, -.5, .25, .25, 0 }, p[] = { -.5, .5, .5, -.25, -.25, 0 };
    struct va_score s;

    va_score_pairs(&s, 3, y, y);
    VA_CHECK_NEAR(s.value[VA_MEAN][VA_CCC], 1, 1e-15);
    VA_CHECK_NEAR(s.value[VA_MEAN][VA_RMSE], 0, 0);
    VA_CHECK_NEAR(s.value[VA_MEAN][VA_SAGR], 1, 0);
    va_score_pairs(&s, 3, p, y);
    VA_CHECK_NEAR(s.value[VA_VALENCE][VA_PEARSON], -1, 1e-15);
    VA_CHECK_NEAR(s.value[VA_AROUSAL][VA_SAGR], 1. / 3, 1e-15);
}

/* Tiny variations on a large offset over many frames: sums of squares would lose them. */
static void many_frames_with_an_offset(void)
{
    enum { N = 200000 };
    double *y = va_new(2 * N, sizeof(*y)), *p = va_new(2 * N, sizeof(*p));
    struct va_score s;

    for (int64_t i = 0; i < N; i++)
        for (int d = 0; d < 2; d++) {
            y[2 * i + d] = .9 + (i % 2 ? 1e-6 : -1e-6);
            p[2 * i + d] = .9 + (i % 2 ? 2e-6 : -2e-6);
        }
    va_score_pairs(&s, N, p, y);
    VA_CHECK_NEAR(s.value[VA_MEAN][VA_CCC], 2 * 2. / 5, 1e-9);
    va_free(y);
    va_free(p);
}

int main(void)
{
    VA_TEST(all_values_of_the_reference);
    VA_TEST(reasons_are_given_where_a_value_is_nan_and_only_there);
    VA_TEST(blocks_add_up_to_the_whole);
    VA_TEST(perfect_and_opposite_predictions);
    VA_TEST(many_frames_with_an_offset);
    return va_test_finish();
}
