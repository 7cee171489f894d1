#include "data/va_trace.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_labels.h"
#include "data/va_metrics.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 20 };

/* Ratings are from -1 to 1: those that differ by less are equal but for rounding. */
static const double rounding = 1e-12;

/* ---- one trace ------------------------------------------------------------------------- */

int va_trace_add(struct va_trace *t, double time, double value)
{
    if (va_grow(&t->time, &t->time_room, t->count + 1, sizeof(*t->time)) < 0 ||
        va_grow(&t->value, &t->value_room, t->count + 1, sizeof(*t->value)) < 0)
        return -1;
    t->time[t->count] = time;
    t->value[t->count++] = value;
    return 0;
}

void va_trace_release(struct va_trace *t)
{
    va_free(t->name);
    va_free(t->time);
    va_free(t->value);
    *t = (struct va_trace){ 0 };
}

/* The last row that is not after `time`, -1: none. */
static int64_t row_before(const struct va_trace *t, double time)
{
    int64_t lo = -1, hi = t->count;

    while (hi - lo > 1) {
        int64_t middle = (lo + hi) / 2;

        if (t->time[middle] <= time)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

double va_trace_at(const struct va_trace *t, double time, double gap)
{
    double near = 1e-6, step, mix; /* rounded times of rows are theirs */
    int64_t i = row_before(t, time + near);

    if (i < 0)
        return (double)NAN;
    if (time - t->time[i] <= near)
        return t->value[i];
    if (i + 1 == t->count) {
        step = i ? t->time[i] - t->time[i - 1] : 0;
        return time < t->time[i] + fmin(step, gap) - near ? t->value[i] : (double)NAN;
    }
    step = t->time[i + 1] - t->time[i];
    if (step > gap)
        return (double)NAN;
    mix = (time - t->time[i]) / step;
    return (1 - mix) * t->value[i] + mix * t->value[i + 1];
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int va_trace_step(const struct va_trace *t, double *step)
{
    int64_t n = t->count - 1;
    double *distance;

    *step = 0;
    if (n < 1)
        return 0;
    distance = va_new(n, sizeof(*distance));
    if (!distance)
        return -1;
    for (int64_t i = 0; i < n; i++)
        distance[i] = t->time[i + 1] - t->time[i];
    qsort(distance, (size_t)n, sizeof(*distance), by_size);
    *step = distance[n / 2];
    va_free(distance);
    return 0;
}

/* ---- delays ---------------------------------------------------------------------------- */

struct grid {
    double *x; /* [n, T], NaN where there is no value */
    int64_t n, T;
    int64_t *shift; /* [n] steps: trace i at moment t is x[i, t + shift[i]] */
    bool *known; /* [n] whether a correlation is defined, of which that shift has the highest */
    double *mean; /* [T] of the other traces */
};

static double at(const struct grid *g, int64_t i, int64_t t)
{
    t += g->shift[i];
    return t >= 0 && t < g->T ? g->x[i * g->T + t] : (double)NAN;
}

static void mean_of_others(struct grid *g, int64_t i)
{
    for (int64_t t = 0; t < g->T; t++) {
        double sum = 0;
        int64_t count = 0;

        for (int64_t k = 0; k < g->n; k++)
            if (k != i && !isnan(at(g, k, t))) {
                sum += at(g, k, t);
                count++;
            }
        g->mean[t] = count ? sum / (double)count : (double)NAN;
    }
}

/* Pearson's correlation of trace i, as it is shifted now, with the mean of the others; -2 where one of them does not
 * vary, or where they share less than half of the time. Sums are of distances to the first values, which are small
 * where the variance is. */
static double correlation(const struct grid *g, int64_t i)
{
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, n = 0, x0 = 0, y0 = 0, vx, vy;
    double far_x = 0, far_y = 0;

    for (int64_t t = 0; t < g->T; t++) {
        double x = at(g, i, t), y = g->mean[t];

        if (isnan(x) || isnan(y))
            continue;
        if (n++ == 0) {
            x0 = x;
            y0 = y;
        }
        x -= x0;
        y -= y0;
        far_x = fmax(far_x, fabs(x));
        far_y = fmax(far_y, fabs(y));
        sx += x;
        sy += y;
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    vx = n * xx - sx * sx;
    vy = n * yy - sy * sy;
    return 2 * n < (double)g->T || far_x <= rounding || far_y <= rounding
               ? -2
               : (n * xy - sx * sy) / sqrt(vx * vy);
}

/* Shift trace i by at most `most` steps to where it fits best, of equals the nearest; whether it changed. */
static bool fit_shift(struct grid *g, int64_t i, int64_t most)
{
    int64_t before = g->shift[i], best = before;
    double top;

    mean_of_others(g, i);
    g->shift[i] = 0;
    top = correlation(g, i);
    best = 0;
    for (int64_t s = 1; s <= most; s++)
        for (int sign = -1; sign <= 1; sign += 2) {
            double r = (g->shift[i] = sign * s, correlation(g, i));

            if (r > top + 1e-12) {
                top = r;
                best = sign * s;
            }
        }
    g->shift[i] = best;
    g->known[i] = top > -2;
    return best != before;
}

static void fit_all(struct grid *g, int64_t most)
{
    bool changed = true;

    for (int turn = 0; changed && turn < TURNS; turn++) {
        changed = false;
        for (int64_t i = 0; i < g->n; i++)
            changed = fit_shift(g, i, most) || changed;
    }
}

/* Shifts without their mean, in seconds. */
static void take_delays(const struct grid *g, double step, double *delay)
{
    double sum = 0, known = 0;

    for (int64_t i = 0; i < g->n; i++) {
        sum += g->known[i] ? (double)g->shift[i] : 0;
        known += g->known[i];
    }
    for (int64_t i = 0; i < g->n; i++)
        delay[i] = g->known[i] ? ((double)g->shift[i] - sum / known) * step : (double)NAN;
}

int va_traces_delay(const struct va_trace *traces, int64_t n, double step, double most,
                    double gap, double *delay)
{
    struct grid g = { .n = n };
    double end = 0;
    int64_t limit;
    int result = -1;

    for (int64_t i = 0; i < n; i++)
        if (traces[i].count)
            end = fmax(end, traces[i].time[traces[i].count - 1]);
    if (!(end / step < VA_FRAMES_MAX))
        return va_error(
            "%s: found the time %.9g with rows every %.9g seconds, expected at most %d "
            "rows",
            traces[0].name, end, step, VA_FRAMES_MAX);
    g.T = (int64_t)(end / step) + 1;
    g.x = va_new(n * g.T, sizeof(*g.x));
    g.shift = va_new(n, sizeof(*g.shift));
    g.known = va_new(n, sizeof(*g.known));
    g.mean = va_new(g.T, sizeof(*g.mean));
    if (!g.x || !g.shift || !g.known || !g.mean)
        goto done;
    for (int64_t i = 0; i < n; i++)
        for (int64_t t = 0; t < g.T; t++)
            g.x[i * g.T + t] = va_trace_at(&traces[i], (double)t * step, gap);
    limit = (int64_t)floor(most / step + 1e-9);
    fit_all(&g, limit);
    take_delays(&g, step, delay);
    result = 0;
    for (int64_t i = 0; limit > 0 && i < n; i++)
        result += limit <= (g.shift[i] < 0 ? -g.shift[i] : g.shift[i]);
done:
    va_free(g.x);
    va_free(g.shift);
    va_free(g.known);
    va_free(g.mean);
    return result;
}

/* ---- agreement ------------------------------------------------------------------------- */

/* x [n, *T] without the moments that somebody does not rate. */
static int64_t keep_whole(double *to, const double *x, int64_t n, int64_t T)
{
    int64_t kept = 0;

    for (int64_t t = 0; t < T; t++) {
        bool whole = true;

        for (int64_t i = 0; i < n; i++)
            whole = whole && !isnan(x[i * T + t]);
        for (int64_t i = 0; whole && i < n; i++)
            to[i * T + kept] = x[i * T + t];
        kept += whole;
    }
    return kept;
}

static bool is_flat(const double *x, int64_t T)
{
    for (int64_t t = 1; t < T; t++)
        if (fabs(x[t] - x[0]) > rounding)
            return false;
    return true;
}

/* CCC by va_metrics.h, which takes pairs of dimensions: here both are the same. What does not vary there is exact, and
 * here but for rounding. */
static double ccc(double *pairs, const double *x, const double *y, int64_t T)
{
    struct va_score score;
    bool flat_x = is_flat(x, T), flat_y = is_flat(y, T);

    if (T > 0 && (flat_x || flat_y))
        return flat_x && flat_y && fabs(x[0] - y[0]) <= rounding ? (double)NAN : 0;
    for (int64_t t = 0; t < T; t++) {
        pairs[2 * t] = pairs[2 * t + 1] = x[t];
        pairs[2 * (T + t)] = pairs[2 * (T + t) + 1] = y[t];
    }
    va_score_pairs(&score, T, pairs, pairs + 2 * T);
    return score.value[VA_VALENCE][VA_CCC];
}

/* Mean squares between moments (rows), annotators (columns) and of the rest. Without any there is no coefficient. */
static void intraclass(struct va_agreement *a, const double *x, int64_t n, int64_t T,
                       int64_t room)
{
    double N = (double)n, M = (double)T, grand = 0, rows = 0, columns = 0, total = 0, rest;

    for (int64_t i = 0; i < n; i++)
        for (int64_t t = 0; t < T; t++)
            grand += x[i * room + t] / (N * M);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;

        for (int64_t t = 0; t < T; t++) {
            sum += x[i * room + t] - grand;
            total += (x[i * room + t] - grand) * (x[i * room + t] - grand);
        }
        columns += sum * sum / M;
    }
    for (int64_t t = 0; t < T; t++) {
        double sum = 0;

        for (int64_t i = 0; i < n; i++)
            sum += x[i * room + t] - grand;
        rows += sum * sum / N;
    }
    if (total <= N * M * rounding * rounding)
        return;
    rest = (total - rows - columns) / ((N - 1) * (M - 1));
    rows /= M - 1;
    columns /= N - 1;
    a->single = (rows - rest) / (rows + (N - 1) * rest + N * (columns - rest) / M);
    a->mean = (rows - rest) / (rows + (columns - rest) / M);
}

int va_traces_agree(struct va_agreement *a, const double *x, int64_t n, int64_t T)
{
    double *whole = va_new(n * T, sizeof(*whole)), *pairs = va_new(4 * T, sizeof(*pairs)),
           *others = va_new(T, sizeof(*others));
    int64_t M;
    int result = -1;

    a->pairs = a->single = a->mean = (double)NAN;
    if (!whole || !pairs || !others)
        goto done;
    result = 0;
    a->moments = M = keep_whole(whole, x, n, T);
    for (int64_t i = 0; i < n; i++) {
        memset(others, 0, (size_t)T * sizeof(*others));
        for (int64_t k = 0; k < n; k++)
            for (int64_t t = 0; k != i && t < M; t++)
                others[t] += whole[k * T + t] / (double)(n - 1);
        a->ccc[i] = ccc(pairs, whole + i * T, others, M);
    }
    if (n < 2 || M < 2)
        goto done;
    a->pairs = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < i; k++)
            a->pairs += 2 * ccc(pairs, whole + i * T, whole + k * T, M) / (double)(n * (n - 1));
    intraclass(a, whole, n, M, T);
done:
    va_free(whole);
    va_free(pairs);
    va_free(others);
    return result;
}
