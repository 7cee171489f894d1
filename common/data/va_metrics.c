#include "data/va_metrics.h"

#include "base/va_mem.h"
#include "data/va_labels.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

const char *const va_dimension_names[] = { "valence", "arousal", "mean", NULL };
const char *const va_metric_names[] = { "ccc", "pearson", "rmse", "mae", "sagr", NULL };

/* Whether column d of x [n, 2] is one number throughout: exact, where a variance from a rounded
 * mean would leave dust. */
static int is_flat(int64_t n, const double *x, int d)
{
    for (int64_t i = 1; i < n; i++)
        if (x[2 * i + d] != x[d])
            return 0;
    return 1;
}

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

/* Measures of one dimension; n >= 1. Deviations are from means that are known: squares of the
 * values themselves would swamp a small variance on a large offset. */
static void measure(double *value, int64_t n, const double *p, const double *y, int d)
{
    double mp = 0, my = 0, vp = 0, vy = 0, cov = 0, squares = 0, absolute = 0, bottom;
    double N = (double)n;
    int64_t agree = 0;

    for (int64_t i = 0; i < n; i++) {
        mp += p[2 * i + d];
        my += y[2 * i + d];
    }
    mp /= N;
    my /= N;
    for (int64_t i = 0; i < n; i++) {
        double a = p[2 * i + d], b = y[2 * i + d];

        vp += (a - mp) * (a - mp);
        vy += (b - my) * (b - my);
        cov += (a - mp) * (b - my);
        squares += (a - b) * (a - b);
        absolute += fabs(a - b);
        agree += sign(a) == sign(b);
    }
    vp = is_flat(n, p, d) ? 0 : vp / N;
    vy = is_flat(n, y, d) ? 0 : vy / N;
    cov = vp == 0 || vy == 0 ? 0 : cov / N;
    bottom = vp + vy + (mp - my) * (mp - my);
    value[VA_CCC] = bottom > 0 ? 2 * cov / bottom : (double)NAN;
    value[VA_PEARSON] = vp * vy > 0 ? cov / sqrt(vp * vy) : (double)NAN;
    value[VA_RMSE] = sqrt(squares / N);
    value[VA_MAE] = absolute / N;
    value[VA_SAGR] = (double)agree / N;
}

void va_score_pairs(struct va_score *score, int64_t n, const double *prediction,
                    const double *label)
{
    score->frames = n;
    for (int d = 0; d < VA_DIMENSIONS; d++)
        score->coverage[d] = score->width[d] = (double)NAN;
    for (int d = 0; d < 2; d++) {
        for (int m = 0; m < VA_METRICS; m++)
            score->value[d][m] = (double)NAN;
        if (n > 0)
            measure(score->value[d], n, prediction, label, d);
    }
    for (int m = 0; m < VA_METRICS; m++)
        score->value[VA_MEAN][m] = (score->value[VA_VALENCE][m] + score->value[VA_AROUSAL][m]) /
                                   2;
}

enum va_undefined va_score_reason(int64_t n, const double *prediction, const double *label,
                                  enum va_dimension d, enum va_metric m)
{
    bool flat_p, flat_y;

    if (n == 0)
        return VA_NO_FRAMES;
    flat_p = is_flat(n, prediction, (int)d);
    flat_y = is_flat(n, label, (int)d);
    if (m == VA_CCC && flat_p && flat_y && prediction[d] == label[d])
        return VA_SAME_CONSTANT;
    if (m == VA_PEARSON && flat_p)
        return VA_FLAT_PREDICTION;
    if (m == VA_PEARSON && flat_y)
        return VA_FLAT_LABEL;
    return VA_DEFINED;
}

/* ---- several videos -------------------------------------------------------------------- */

int va_evaluation_add(struct va_evaluation *e, const char *name, int64_t T,
                      const double *prediction, const double *label, const struct va_ends *ends)
{
    struct va_evaluated video = { .first = e->frames };
    double level = ends && ends->lower ? ends->level : 0;

    if (va_grow(&e->prediction, &e->prediction_room, e->frames + T, 2 * sizeof(double)) < 0 ||
        va_grow(&e->label, &e->label_room, e->frames + T, 2 * sizeof(double)) < 0 ||
        va_grow(&e->videos, &e->video_room, e->count + 1, sizeof(video)) < 0 ||
        (level > 0 &&
         (va_grow(&e->lower, &e->lower_room, e->frames + T, 2 * sizeof(float)) < 0 ||
          va_grow(&e->upper, &e->upper_room, e->frames + T, 2 * sizeof(float)) < 0)) ||
        !(video.name = va_strdup(name)))
        return -1;
    if (e->count == 0)
        e->level = level;
    else if (level != e->level)
        e->level = 0;
    for (int64_t i = 0; i < T; i++) {
        if (!va_is_labelled(label + 2 * i))
            continue;
        memcpy(e->prediction + 2 * e->frames, prediction + 2 * i, 2 * sizeof(double));
        memcpy(e->label + 2 * e->frames, label + 2 * i, 2 * sizeof(double));
        if (level > 0) {
            memcpy(e->lower + 2 * e->frames, ends->lower + 2 * i, 2 * sizeof(float));
            memcpy(e->upper + 2 * e->frames, ends->upper + 2 * i, 2 * sizeof(float));
        }
        e->frames++;
    }
    video.frames = e->frames - video.first;
    e->videos[e->count++] = video;
    return 0;
}

void va_evaluation_release(struct va_evaluation *e)
{
    for (int64_t i = 0; i < e->count; i++)
        va_free(e->videos[i].name);
    va_free(e->videos);
    va_free(e->prediction);
    va_free(e->label);
    va_free(e->lower);
    va_free(e->upper);
    *e = (struct va_evaluation){ 0 };
}

/* Frames [first, first + n). */
static void score_frames(const struct va_evaluation *e, int64_t first, int64_t n,
                         struct va_score *score)
{
    va_score_pairs(score, n, e->prediction + 2 * first, e->label + 2 * first);
    for (int d = 0; d < 2 && n > 0 && e->level > 0; d++) {
        int64_t inside = 0;
        double width = 0;

        for (int64_t i = first; i < first + n; i++) {
            double lower = (double)e->lower[2 * i + d], upper = (double)e->upper[2 * i + d];

            inside += e->label[2 * i + d] >= lower && e->label[2 * i + d] <= upper;
            width += upper - lower;
        }
        score->coverage[d] = (double)inside / (double)n;
        score->width[d] = width / (double)n;
    }
    score->coverage[VA_MEAN] = (score->coverage[VA_VALENCE] + score->coverage[VA_AROUSAL]) / 2;
    score->width[VA_MEAN] = (score->width[VA_VALENCE] + score->width[VA_AROUSAL]) / 2;
}

void va_evaluation_pooled(const struct va_evaluation *e, struct va_score *score)
{
    score_frames(e, 0, e->frames, score);
}

void va_evaluation_video(const struct va_evaluation *e, int64_t i, struct va_score *score)
{
    const struct va_evaluated *v = &e->videos[i];

    score_frames(e, v->first, v->frames, score);
}

/* A running mean of what is defined. */
struct mean {
    double total;
    int64_t count;
};

static void mean_add(struct mean *m, double x)
{
    if (isnan(x))
        return;
    m->total += x;
    m->count++;
}

static double mean_of(const struct mean *m)
{
    return m->count ? m->total / (double)m->count : (double)NAN;
}

void va_evaluation_mean(const struct va_evaluation *e, struct va_score *score)
{
    struct mean value[VA_DIMENSIONS][VA_METRICS] = { 0 }, coverage[VA_DIMENSIONS] = { 0 },
                width[VA_DIMENSIONS] = { 0 };

    for (int64_t i = 0; i < e->count; i++) {
        struct va_score one;

        va_evaluation_video(e, i, &one);
        for (int d = 0; d < VA_DIMENSIONS; d++) {
            for (int m = 0; m < VA_METRICS; m++)
                mean_add(&value[d][m], one.value[d][m]);
            mean_add(&coverage[d], one.coverage[d]);
            mean_add(&width[d], one.width[d]);
        }
    }
    score->frames = e->frames;
    for (int d = 0; d < VA_DIMENSIONS; d++) {
        for (int m = 0; m < VA_METRICS; m++)
            score->value[d][m] = mean_of(&value[d][m]);
        score->coverage[d] = mean_of(&coverage[d]);
        score->width[d] = mean_of(&width[d]);
    }
}
