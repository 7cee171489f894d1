#include "data/va_metrics.h"

#include "base/va_mem.h"
#include "data/va_labels.h"
#include <math.h>
#include <string.h>

const char *const va_dimension_names[] = { "valence", "arousal", "mean", NULL };
const char *const va_metric_names[] = { "ccc", "pearson", "rmse", "mae", "sagr", NULL };

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

/* Moments of n >= 1 pairs of dimension d. Deviations are from means that are known: squares of the
 * values themselves would swamp a small variance on a large offset. */
static struct va_moments_of moments(int64_t n, const double *p, const double *y, int d)
{
    struct va_moments_of m = { .p = p[d], .y = y[d], .flat_p = true, .flat_y = true };

    for (int64_t i = 0; i < n; i++) {
        m.mp += p[2 * i + d];
        m.my += y[2 * i + d];
    }
    m.mp /= (double)n;
    m.my /= (double)n;
    for (int64_t i = 0; i < n; i++) {
        double a = p[2 * i + d], b = y[2 * i + d];

        m.vp += (a - m.mp) * (a - m.mp);
        m.vy += (b - m.my) * (b - m.my);
        m.cov += (a - m.mp) * (b - m.my);
        m.squares += (a - b) * (a - b);
        m.absolute += fabs(a - b);
        m.agree += sign(a) == sign(b);
        m.flat_p = m.flat_p && a == m.p;
        m.flat_y = m.flat_y && b == m.y;
    }
    return m;
}

static void add_intervals(struct va_moments_of *m, int64_t n, const double *y,
                          const float *lower, const float *upper, int d)
{
    for (int64_t i = 0; i < n; i++) {
        double low = (double)lower[2 * i + d], high = (double)upper[2 * i + d];

        m->inside += y[2 * i + d] >= low && y[2 * i + d] <= high;
        m->width += high - low;
    }
}

static void merge(struct va_moments_of *a, double na, const struct va_moments_of *b, double nb)
{
    const double dp = b->mp - a->mp, dy = b->my - a->my, w = na * nb / (na + nb);

    a->mp += dp * nb / (na + nb);
    a->my += dy * nb / (na + nb);
    a->vp += b->vp + dp * dp * w;
    a->vy += b->vy + dy * dy * w;
    a->cov += b->cov + dp * dy * w;
    a->squares += b->squares;
    a->absolute += b->absolute;
    a->width += b->width;
    a->agree += b->agree;
    a->inside += b->inside;
    a->flat_p = a->flat_p && b->flat_p && a->p == b->p;
    a->flat_y = a->flat_y && b->flat_y && a->y == b->y;
}

void va_tally_merge(struct va_tally *t, const struct va_tally *more)
{
    if (!t->frames)
        *t = *more;
    else if (more->frames) {
        for (int d = 0; d < 2; d++)
            merge(&t->of[d], (double)t->frames, &more->of[d], (double)more->frames);
        t->frames += more->frames;
    }
}

void va_tally_add(struct va_tally *t, int64_t n, const double *prediction, const double *label,
                  const float *lower, const float *upper)
{
    struct va_tally block = { .frames = n };

    for (int d = 0; d < 2 && n > 0; d++) {
        block.of[d] = moments(n, prediction, label, d);
        if (lower)
            add_intervals(&block.of[d], n, label, lower, upper, d);
    }
    va_tally_merge(t, &block);
}

/* A constant has no variance: exact, where a sum from a rounded mean would leave dust. */
static void measure(double *value, double N, const struct va_moments_of *m)
{
    const double vp = m->flat_p ? 0 : m->vp / N, vy = m->flat_y ? 0 : m->vy / N,
                 cov = vp == 0 || vy == 0 ? 0 : m->cov / N,
                 bottom = vp + vy + (m->mp - m->my) * (m->mp - m->my);

    value[VA_CCC] = bottom > 0 ? 2 * cov / bottom : (double)NAN;
    value[VA_PEARSON] = vp * vy > 0 ? cov / sqrt(vp * vy) : (double)NAN;
    value[VA_RMSE] = sqrt(m->squares / N);
    value[VA_MAE] = m->absolute / N;
    value[VA_SAGR] = (double)m->agree / N;
}

void va_tally_score(const struct va_tally *t, bool intervals, struct va_score *score)
{
    const double N = (double)t->frames;

    score->frames = t->frames;
    for (int d = 0; d < 2; d++) {
        for (int m = 0; m < VA_METRICS; m++)
            score->value[d][m] = (double)NAN;
        score->coverage[d] = score->width[d] = (double)NAN;
        if (t->frames)
            measure(score->value[d], N, &t->of[d]);
        if (t->frames && intervals) {
            score->coverage[d] = (double)t->of[d].inside / N;
            score->width[d] = t->of[d].width / N;
        }
    }
    for (int m = 0; m < VA_METRICS; m++)
        score->value[VA_MEAN][m] = (score->value[VA_VALENCE][m] + score->value[VA_AROUSAL][m]) /
                                   2;
    score->coverage[VA_MEAN] = (score->coverage[VA_VALENCE] + score->coverage[VA_AROUSAL]) / 2;
    score->width[VA_MEAN] = (score->width[VA_VALENCE] + score->width[VA_AROUSAL]) / 2;
}

void va_score_pairs(struct va_score *score, int64_t n, const double *prediction,
                    const double *label)
{
    struct va_tally t = { 0 };

    va_tally_add(&t, n, prediction, label, NULL, NULL);
    va_tally_score(&t, false, score);
}

enum va_undefined va_tally_reason(const struct va_tally *t, enum va_dimension d,
                                  enum va_metric m)
{
    const struct va_moments_of *of = &t->of[d];

    if (t->frames == 0)
        return VA_NO_FRAMES;
    if (m == VA_CCC && of->flat_p && of->flat_y && of->p == of->y)
        return VA_SAME_CONSTANT;
    if (m == VA_PEARSON && of->flat_p)
        return VA_FLAT_PREDICTION;
    if (m == VA_PEARSON && of->flat_y)
        return VA_FLAT_LABEL;
    return VA_DEFINED;
}

/* ---- several videos -------------------------------------------------------------------- */

int va_evaluation_begin(struct va_evaluation *e, const char *name, double level)
{
    struct va_evaluated video = { 0 };

    if (va_grow(&e->videos, &e->video_room, e->count + 1, sizeof(video)) < 0 ||
        !(video.name = va_strdup(name)))
        return -1;
    if (e->count == 0)
        e->level = level;
    else if (level != e->level)
        e->level = 0;
    e->videos[e->count++] = video;
    return 0;
}

/* The labelled ones of up to BLOCK frames, side by side. */
enum { BLOCK = 1024 };
struct block {
    double prediction[BLOCK][2], label[BLOCK][2];
    float lower[BLOCK][2], upper[BLOCK][2];
};

static int64_t pick(struct block *b, int64_t T, const double *prediction, const double *label,
                    const float *lower, const float *upper)
{
    int64_t n = 0;

    for (int64_t i = 0; i < T; i++) {
        if (!va_is_labelled(label + 2 * i))
            continue;
        memcpy(b->prediction[n], prediction + 2 * i, sizeof(b->prediction[n]));
        memcpy(b->label[n], label + 2 * i, sizeof(b->label[n]));
        if (lower) {
            memcpy(b->lower[n], lower + 2 * i, sizeof(b->lower[n]));
            memcpy(b->upper[n], upper + 2 * i, sizeof(b->upper[n]));
        }
        n++;
    }
    return n;
}

static int keep_pairs(struct va_evaluation *e, const struct block *b, int64_t n)
{
    if (va_grow(&e->prediction, &e->prediction_room, e->frames + n, 2 * sizeof(double)) < 0 ||
        va_grow(&e->label, &e->label_room, e->frames + n, 2 * sizeof(double)) < 0)
        return -1;
    memcpy(e->prediction + 2 * e->frames, b->prediction, (size_t)n * sizeof(b->prediction[0]));
    memcpy(e->label + 2 * e->frames, b->label, (size_t)n * sizeof(b->label[0]));
    return 0;
}

int va_evaluation_more(struct va_evaluation *e, int64_t T, const double *prediction,
                       const double *label, const float *lower, const float *upper)
{
    struct block b;

    for (int64_t i = 0; i < T; i += BLOCK) {
        int64_t n = pick(&b, T - i < BLOCK ? T - i : BLOCK, prediction + 2 * i, label + 2 * i,
                         lower ? lower + 2 * i : NULL, upper ? upper + 2 * i : NULL);

        if (e->pairs && keep_pairs(e, &b, n) < 0)
            return -1;
        va_tally_add(&e->videos[e->count - 1].tally, n, b.prediction[0], b.label[0],
                     lower ? b.lower[0] : NULL, lower ? b.upper[0] : NULL);
        e->frames += n;
    }
    return 0;
}

int va_evaluation_add(struct va_evaluation *e, const char *name, int64_t T,
                      const double *prediction, const double *label, const struct va_ends *ends)
{
    const bool has = ends && ends->lower;

    if (va_evaluation_begin(e, name, has ? ends->level : 0) < 0)
        return -1;
    return va_evaluation_more(e, T, prediction, label, has ? ends->lower : NULL,
                              has ? ends->upper : NULL);
}

void va_evaluation_release(struct va_evaluation *e)
{
    for (int64_t i = 0; i < e->count; i++)
        va_free(e->videos[i].name);
    va_free(e->videos);
    va_free(e->prediction);
    va_free(e->label);
    *e = (struct va_evaluation){ 0 };
}

void va_evaluation_tally(const struct va_evaluation *e, struct va_tally *all)
{
    *all = (struct va_tally){ 0 };
    for (int64_t i = 0; i < e->count; i++)
        va_tally_merge(all, &e->videos[i].tally);
}

void va_evaluation_pooled(const struct va_evaluation *e, struct va_score *score)
{
    struct va_tally all;

    va_evaluation_tally(e, &all);
    va_tally_score(&all, e->level > 0, score);
}

void va_evaluation_video(const struct va_evaluation *e, int64_t i, struct va_score *score)
{
    va_tally_score(&e->videos[i].tally, e->level > 0, score);
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
