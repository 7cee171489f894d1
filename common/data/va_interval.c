#include "data/va_interval.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "data/va_metrics.h"
#include "data/va_table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calibration ------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The score of that rank, from 1, with a ratio of floor to scale; NaN: an interval of one width. */
static double ranked(double *score, int64_t n, int64_t rank, const double *error,
                     const double *spread, double ratio)
{
    for (int64_t i = 0; i < n; i++)
        score[i] = isnan(ratio) ? error[i] : error[i] / (spread[i] + ratio);
    qsort(score, (size_t)n, sizeof(*score), by_value);
    return score[rank - 1];
}

int va_interval_fit(struct va_interval *v, int d, int64_t n, const double *error,
                    const double *spread, const char *path)
{
    static const double ratios[] = { .125, .25, .5, 1, 2, 4, 8 }; /* in mean spreads */
    int64_t rank = (int64_t)ceil((double)(n + 1) * (double)v->level / 100 - 1e-9);
    double mean = 0, *score;

    if (rank > n)
        return va_error("%s: found %lld labelled frames, expected at least %lld for level %lld",
                        path, (long long)n,
                        (long long)ceil((double)v->level / (double)(100 - v->level)),
                        (long long)v->level);
    score = va_new(n, sizeof(*score));
    if (!score)
        return -1;
    for (int64_t i = 0; i < n; i++)
        mean += spread[i] / (double)n;
    v->frames = n;
    v->scale[d] = 0;
    v->floor[d] = ranked(score, n, rank, error, spread, (double)NAN);
    v->width[d] = 2 * v->floor[d];
    for (size_t i = 0; mean > 0 && i < VA_COUNT(ratios); i++) {
        double ratio = ratios[i] * mean, scale = ranked(score, n, rank, error, spread, ratio);

        if (2 * scale * (mean + ratio) < v->width[d]) {
            v->scale[d] = scale;
            v->floor[d] = scale * ratio;
            v->width[d] = 2 * scale * (mean + ratio);
        }
    }
    va_free(score);
    return 0;
}

/* ---- the table ---------------------------------------------------------------------------- */

enum { LEVEL, DIMENSION, SCALE, FLOOR, WIDTH, METHOD, MEMBERS, FRAMES, COLUMNS };
static const char *const columns[COLUMNS] = { "level", "dimension", "scale",   "floor",
                                              "width", "method",    "members", "frames" };

static bool ours(const char *head, size_t size)
{
    return va_output_begins(head, size, "level\tdimension\tscale\tfloor\t");
}

int va_interval_write(const struct va_interval *v, int64_t count, const char *path)
{
    struct va_textfile f;

    if (va_textfile_create(&f, path, ours) < 0)
        return -1;
    for (int i = 0; i < COLUMNS; i++)
        fprintf(f.stream, "%s%c", columns[i], i + 1 < COLUMNS ? '\t' : '\n');
    for (int64_t i = 0; i < count; i++)
        for (int d = 0; d < 2; d++)
            fprintf(f.stream, "%lld\t%s\t%.17g\t%.17g\t%.17g\t%s\t%lld\t%lld\n",
                    (long long)v[i].level, va_dimension_names[d], v[i].scale[d], v[i].floor[d],
                    v[i].width[d], v[i].method, (long long)v[i].members,
                    (long long)v[i].frames);
    return va_textfile_commit(&f);
}

/* A number of at least 0. -1 after reporting. */
static int number(const struct va_table *t, int64_t row, int64_t column, double *value)
{
    if (va_table_number(t, row, column, value) < 0)
        return -1;
    return *value >= 0 && *value <= 1e9
               ? 0
               : va_error("%s: line %lld: found %s, expected a number from 0 to 1e9", t->path,
                          (long long)row + 2, va_table_text(t, row, column));
}

/* A row of the level that is wanted; others are passed over. */
static int take_row(struct va_interval *v, const struct va_table *t, int64_t row,
                    const int64_t at[COLUMNS], int seen[2])
{
    const char *dimension = va_table_text(t, row, at[DIMENSION]);
    double level, members, frames;
    int d = !strcmp(dimension, va_dimension_names[VA_AROUSAL]);

    if (number(t, row, at[LEVEL], &level) < 0)
        return -1;
    if (level != (double)v->level)
        return 0;
    if (strcmp(dimension, va_dimension_names[d]) != 0)
        return va_error("%s: line %lld: found '%s', expected valence or arousal", t->path,
                        (long long)row + 2, dimension);
    if (seen[d]++)
        return va_error("%s: line %lld: found a second row of %s at level %lld", t->path,
                        (long long)row + 2, dimension, (long long)v->level);
    if (number(t, row, at[SCALE], &v->scale[d]) < 0 ||
        number(t, row, at[FLOOR], &v->floor[d]) < 0 ||
        number(t, row, at[WIDTH], &v->width[d]) < 0 ||
        number(t, row, at[MEMBERS], &members) < 0 || number(t, row, at[FRAMES], &frames) < 0)
        return -1;
    v->members = (int64_t)members;
    v->frames = (int64_t)frames;
    snprintf(v->method, sizeof(v->method), "%s", va_table_text(t, row, at[METHOD]));
    return 0;
}

int va_interval_read(struct va_interval *v, const char *path)
{
    int64_t at[COLUMNS];
    int seen[2] = { 0 }, status = 0;
    struct va_table t;
    struct va_hash hash;

    if (va_table_read(&t, path) < 0)
        return -1;
    for (int i = 0; i < COLUMNS && status == 0; i++)
        if ((at[i] = va_table_column(&t, columns[i])) < 0)
            status = va_error("%s: line 1: found no column %s, expected a table of va-ensemble "
                              "calibrate",
                              path, columns[i]);
    for (int64_t row = 0; row < t.rows && status == 0; row++)
        status = take_row(v, &t, row, at, seen);
    if (status == 0 && (!seen[0] || !seen[1]))
        status = va_error("%s: found no rows of level %lld for valence and arousal: calibrate "
                          "with --level %lld",
                          path, (long long)v->level, (long long)v->level);
    va_table_release(&t);
    va_hash_init(&hash);
    va_hash_add(&hash, v->scale, sizeof(v->scale));
    va_hash_add(&hash, v->floor, sizeof(v->floor));
    va_hash_finish(&hash, v->digest);
    return status;
}
