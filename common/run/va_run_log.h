/*
 * va_run_log.h - the curves of a run: train.tsv and val.tsv.
 *
 *     train.tsv  step epoch lr loss ccc_valence ccc_arousal grad_norm
 *     val.tsv    step epoch valence arousal mean best
 *
 * A step is a batch, counted from 1; a batch that has no labelled frame leaves no row. `best` is
 * the best mean so far. Numbers are written as %.9g. Rows are kept in memory as well and go
 * into the checkpoint: a resumed run writes the files anew from there, so they hold exactly
 * the rows up to the checkpoint, whatever happened to them in between.
 */
#ifndef VA_RUN_LOG_H
#define VA_RUN_LOG_H

#include "base/va_attr.h"
#include <stdint.h>
#include <stdio.h>

enum { VA_TRAIN_COLUMNS = 7, VA_VAL_COLUMNS = 6 };
enum { VA_VAL_MEAN = 4 }; /* column of the mean CCC in every val.tsv */

struct va_log {
    int columns;
    const char *header; /* of the file */
    double *rows;       /* [count, columns] */
    int64_t count, room;
    char *path;   /* NULL: kept in memory only */
    FILE *stream; /* at its end */
};

void va_run_log_init(struct va_log *log); /* train.tsv, no rows */
void va_val_log_init(struct va_log *log); /* val.tsv, no rows */
void va_log_release(struct va_log *log);  /* closes the file */

/* Write DIR/NAME with the rows there are and keep it open for more. -1 after reporting. */
VA_MUST_USE int va_log_open(struct va_log *log, const char *dir, const char *name);

/* Append a row [columns]; on the file it is flushed. -1 after reporting. */
VA_MUST_USE int va_log_add(struct va_log *log, const double *row);

/* The last row, or NULL. */
const double *va_log_last(const struct va_log *log);

#endif
