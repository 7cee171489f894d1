/*
 * va_curves.h - what a run of training wrote down: train.tsv and val.tsv (run/va_run_log.h).
 *
 * Ownership: the caller's, begins as { 0 }; release frees what it owns
 */
#ifndef VA_CURVES_H
#define VA_CURVES_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

/* A log: numbers by column and row; NaN where a run had none. */
struct va_curve_table {
    char **names;   /* [columns] */
    double *values; /* [columns, rows] */
    int64_t columns, rows;
};

struct va_curves {
    char *name; /* of the run */
    int64_t
        series; /* its ink in charts of several; neighbours of one series share name and ink */
    struct va_curve_table train, val; /* without rows where there is none */
};

/*
 * Read the logs of a run: `path` is its folder, or one of its files; one with the column best is that of
 * validations. `name` is what the run is called; NULL: as its folder, a single file with its folder's name
 * as well. -1 after reporting, also that there is no row yet; nothing is to be released then.
 */
VA_MUST_USE int va_curves_read(struct va_curves *c, const char *path, const char *name);
void va_curves_release(struct va_curves *c);

/* Whether folder `path` has such logs. */
bool va_curves_there(const char *path);

/* The last part of a path, or all of it where that has no name: a new string, or NULL after reporting. */
VA_MUST_USE char *va_last_part(const char *path);

/* Values of a column [rows], or NULL. */
const double *va_curve_column(const struct va_curve_table *log, const char *name);

#endif
