/*
 * va_matrix.h - rows of numbers that another program wrote, as .npy (va_npy.h) or CSV (va_csv.h).
 *
 * The contents tell which. Rows come in blocks, so the size of a file does not matter.
 *
 * Ownership: the caller's struct; `path` and `how` are kept, not copied
 */
#ifndef VA_MATRIX_H
#define VA_MATRIX_H

#include "base/va_option.h"
#include "data/va_csv.h"
#include "data/va_npy.h"

/* Which columns of a CSV file are features: all, but for these. */
struct va_matrix_how {
    int header;                             /* enum va_csv_header */
    const char *index_column, *time_column; /* NULL: none */
    struct va_strings drop;
};

struct va_matrix {
    const char *path;
    bool is_npy;
    struct va_npy npy;
    struct va_csv csv;
    int64_t rows, columns;     /* rows -1: not known yet */
    int64_t done;              /* rows that were read */
    int64_t *from;             /* [columns] places in a CSV row */
    int64_t index_at, time_at; /* likewise; -1: no such column */
    int64_t skipped;           /* lines of a CSV file before the first row */
};

/* 0, or -1 after reporting; close in both cases. */
VA_MUST_USE int va_matrix_open(struct va_matrix *m, const char *path,
                               const struct va_matrix_how *how);
void va_matrix_close(struct va_matrix *m);

/*
 * Read at most `most` rows to x [most, columns], NaN for a missing cell, and where the file has such
 * columns the numbers of their frames to index [most] and their times to time [most]. Returns how many
 * there were, 0 at the end; -1 after reporting.
 */
VA_MUST_USE int64_t va_matrix_next(struct va_matrix *m, int64_t most, double *x, double *index,
                                   double *time);

/* Rows that fit a block of some megabytes. */
int64_t va_matrix_block(const struct va_matrix *m);

/* The place of a number for messages, "[5, 2]" as in NumPy or "line 7, column 3 (gaze_x)"; returns `text`. */
const char *va_matrix_place(const struct va_matrix *m, int64_t row, int64_t column, char *text,
                            size_t size);

/* A file of a single column: *values [*count], the caller's. -1 after reporting. */
VA_MUST_USE int va_matrix_column(const char *path, double **values, int64_t *count);

#endif
