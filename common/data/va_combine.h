/*
 * va_combine.h - predictions of several models for the same videos made into one file.
 *
 * One video is in memory at a time. Averages and centring are those of data/va_ensemble.h, the table of
 * weights is that of data/va_blend_table.h.
 */
#ifndef VA_COMBINE_H
#define VA_COMBINE_H

#include "base/va_hash.h"
#include "data/va_ensemble.h"
#include "data/va_frame_files.h"
#include <stdbool.h>

struct va_combine_job {
    char *const *inputs; /* [count] va.predictions/1, 1 .. VA_ENSEMBLE_MAX */
    int64_t count;
    const char *output;         /* va.predictions/1 */
    struct va_frame_files text; /* the same as tables, if asked */
    enum va_ensemble_missing missing;
    bool centred;                      /* after CCC centring */
    bool weighted;                     /* by `weight`, else equally */
    double weight[VA_ENSEMBLE_MAX][2]; /* [count], of valence and arousal */
    const char *table;                 /* that gives weights, scale and shift; or NULL */
    double scale[2], shift[2];         /* of the sum: 1 and 0 */
    char digest[VA_HASH_TEXT];         /* of `table`; set here */
    bool clip;                         /* to [-1, 1] */
};

/* 0, or -1 after reporting. */
VA_MUST_USE int va_combine(struct va_combine_job *job);

#endif
