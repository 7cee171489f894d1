/*
 * Choosing a penalty, and features, by leaving out parts: all from moments, so no choice needs
 * another pass over the frames.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_ridge.h"
#include <math.h>
#include <stdbool.h>

static const double candidates[] = { 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1, 3, 10 };
static const double lambda_of_selection = 1e-2;

/* Sums of predictions p and labels y: enough for a CCC. */
struct agreement {
    double n, p, pp, py, y, yy;
};

/* Add what the map says about a part, by its moments: p = w . x + b. */
static void add_agreement(struct agreement *a, const struct va_ridge *ridge, int d,
                          const struct va_moments *m)
{
    const double *w = ridge->w + d * ridge->D, b = ridge->b[d], n = (double)m->frames;
    double wx = 0, wxy = 0, wxxw = 0;

    for (int64_t i = 0; i < m->D; i++) {
        const double *row = m->xx + i * m->D;
        double s = 0;

        wx += w[i] * m->x[i];
        wxy += w[i] * m->xy[2 * i + d];
        for (int64_t j = 0; j < i; j++)
            s += row[j] * w[j];
        wxxw += w[i] * (2 * s + row[i] * w[i]);
    }
    a->n += n;
    a->p += wx + n * b;
    a->pp += wxxw + 2 * b * wx + n * b * b;
    a->py += wxy + b * m->y[d];
    a->y += m->y[d];
    a->yy += m->yy[d];
}

static void score(const struct agreement *a, double *ccc, double *r)
{
    double mp = a->p / a->n, my = a->y / a->n, cov = a->py / a->n - mp * my;
    double vp = a->pp / a->n - mp * mp, vy = a->yy / a->n - my * my;
    double bottom = vp + vy + (mp - my) * (mp - my);

    *ccc = bottom > 0 ? 2 * cov / bottom : 0;
    *r = vp > 0 && vy > 0 ? cov / sqrt(vp * vy) : 0;
}

static int sum_parts(struct va_moments *all, const struct va_moments *parts, int64_t count)
{
    if (va_moments_init(all, parts[0].D) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        va_moments_sum(all, &parts[i], 1);
    return 0;
}

/* `all` is the sum of the parts, and is so again in the end, but for rounding. */
static int cross(const struct va_moments *parts, int64_t count, struct va_moments *all,
                 double lambda, struct va_ridge_scores *s)
{
    struct agreement a[2] = { 0 };

    for (int64_t i = 0; i < count; i++) {
        struct va_ridge ridge;
        int status;

        va_moments_sum(all, &parts[i], -1);
        status = va_ridge_fit(&ridge, all, (double[]){ lambda, lambda });
        va_moments_sum(all, &parts[i], 1);
        if (status < 0)
            return -1;
        for (int d = 0; d < 2; d++)
            add_agreement(&a[d], &ridge, d, &parts[i]);
        va_ridge_release(&ridge);
    }
    for (int d = 0; d < 2; d++)
        score(&a[d], &s->ccc[d], &s->r[d]);
    return 0;
}

int va_ridge_cross(const struct va_moments *parts, int64_t count, double lambda,
                   struct va_ridge_scores *s)
{
    struct va_moments all;
    int status = sum_parts(&all, parts, count);

    if (status == 0)
        status = cross(parts, count, &all, lambda, s);
    va_moments_release(&all);
    return status;
}

int va_ridge_choose(const struct va_moments *parts, int64_t count, double lambda[2])
{
    double best[2] = { -2, -2 };
    struct va_moments all;
    int status = sum_parts(&all, parts, count);

    for (size_t k = 0; status == 0 && k < VA_COUNT(candidates); k++) {
        struct va_ridge_scores s;

        status = cross(parts, count, &all, candidates[k], &s);
        for (int d = 0; status == 0 && d < 2; d++)
            if (s.ccc[d] > best[d]) {
                best[d] = s.ccc[d];
                lambda[d] = candidates[k];
            }
    }
    va_moments_release(&all);
    return status;
}

/* ---- features ---------------------------------------------------------------------------- */

int va_moments_pick(struct va_moments *to, const struct va_moments *from, int64_t run,
                    const int64_t *features, int64_t n)
{
    if (va_moments_init(to, n * run) < 0)
        return -1;
    to->frames = from->frames;
    for (int64_t i = 0; i < n * run; i++) {
        int64_t a = features[i / run] * run + i % run;

        to->x[i] = from->x[a];
        for (int64_t j = 0; j <= i; j++) {
            int64_t b = features[j / run] * run + j % run;

            to->xx[i * to->D + j] = a >= b ? from->xx[a * from->D + b]
                                           : from->xx[b * from->D + a];
        }
        for (int d = 0; d < 2; d++)
            to->xy[2 * i + d] = from->xy[2 * a + d];
    }
    for (int d = 0; d < 2; d++) {
        to->y[d] = from->y[d];
        to->yy[d] = from->yy[d];
    }
    return 0;
}

/* The correlation of dimension d with these features alone. */
static int try_features(const struct va_moments *parts, int64_t count, int64_t run,
                        const int64_t *features, int64_t n, int d, double *r)
{
    struct va_moments *picked = va_new(count, sizeof(*picked));
    struct va_ridge_scores s = { 0 };
    int status = picked ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < count; i++)
        status = va_moments_pick(&picked[i], &parts[i], run, features, n);
    if (status == 0)
        status = va_ridge_cross(picked, count, lambda_of_selection, &s);
    for (int64_t i = 0; picked && i < count; i++)
        va_moments_release(&picked[i]);
    va_free(picked);
    *r = s.r[d];
    return status;
}

static bool holds(const int64_t *features, int64_t n, int64_t f)
{
    for (int64_t i = 0; i < n; i++)
        if (features[i] == f)
            return true;
    return false;
}

int va_ridge_select(const struct va_moments *parts, int64_t count, int64_t run, int d,
                    int64_t most, int64_t *features, int64_t *n)
{
    int64_t D = parts[0].D / run;
    double reached = -2;

    for (*n = 0; *n < most && *n < D; (*n)++) {
        double best = -2;
        int64_t chosen = -1;

        for (int64_t f = 0; f < D; f++) {
            double r;

            if (holds(features, *n, f))
                continue;
            features[*n] = f;
            if (try_features(parts, count, run, features, *n + 1, d, &r) < 0)
                return -1;
            if (r > best) {
                best = r;
                chosen = f;
            }
        }
        if (*n && best < reached + VA_RIDGE_WORTH)
            return 0;
        features[*n] = chosen;
        reached = best;
    }
    return 0;
}
