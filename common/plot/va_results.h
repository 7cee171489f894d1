/*
 * va_results.h - what a folder of results holds: that of a cross-validation, or of one training.
 *
 * A cross-validation has a folder for each fold, DIR/cv/K or DIR/K; a training is its folder alone. What is
 * looked for in each (pipelines/cv.mk makes all of it; everything may be missing):
 *
 *     model.h5            the model          train.tsv, val.tsv   its curves
 *     val.h5              predictions of the held-out videos
 *     score.tsv           their scores       NAME.tsv             the scores of method NAME
 *
 * Ownership: the caller's struct, begins as { 0 }; release frees what it owns
 */
#ifndef VA_RESULTS_H
#define VA_RESULTS_H

#include "base/va_attr.h"
#include "data/va_report.h"
#include "plot/va_curves.h"
#include <stdbool.h>
#include <stdint.h>

struct va_result {
    char *path;   /* its folder */
    char *name;   /* "fold 3", or the folder's name */
    int64_t fold; /* -1: no fold */
};
struct va_results {
    char *path;
    struct va_result *items; /* [count], by number */
    int64_t count, room;
    bool unpublished; /* not of Aff-Wild2: no published scores beside its own */
};

/* Look at folder `path`. -1 after reporting, also that nothing of the above is in it. */
VA_MUST_USE int va_results_find(struct va_results *r, const char *path);
void va_results_release(struct va_results *r);

/* The path of file `name` of result i if it is there, the caller's to free; else NULL, *failed tells
 * whether after reporting. */
char *va_result_file(const struct va_results *r, int64_t i, const char *name, bool *failed);

/* The curves of all that have some, with their number in *count; release each, then va_free. NULL after
 * reporting. They are series from `series` on; with `name` they are one series, which is called so. */
VA_MUST_USE struct va_curves *va_results_curves(const struct va_results *r, const char *name,
                                                int64_t series, int64_t *count);

/* The scores of score.tsv, then of each other method that has a table in all folds. `report` begins as { 0 };
 * it stays empty where a fold has no score.tsv. -1 after reporting. */
VA_MUST_USE int va_results_scores(const struct va_results *r, struct va_report *report);

#endif
