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
#include "data/va_interval.h"
#include <stdbool.h>

struct va_combine_job {
    char *const *inputs; /* [count] va.predictions, 1 .. VA_ENSEMBLE_MAX */
    int64_t count;
    const char *output;         /* va.predictions */
    struct va_frame_files text; /* the same as tables, if asked */
    enum va_ensemble_missing missing;
    bool centred;                      /* after CCC centring */
    bool weighted;                     /* by `weight`, else equally */
    double weight[VA_ENSEMBLE_MAX][2]; /* [count], of valence and arousal */
    const char *table;                 /* that gives weights, scale and shift; or NULL */
    double scale[2], shift[2];         /* of the sum: 1 and 0 */
    char digest[VA_HASH_TEXT];         /* of `table`; set here */
    bool clip;                         /* to [-1, 1] */
    bool spread;            /* also write the deviation of the models; not with `centred` */
    const char *calibrated; /* table of intervals to write as well, or NULL */
    struct va_interval interval; /* of it, at the level given here; the rest is set here */
};

/* The weights of job->table, if it names one, for the files of `e`. -1 after reporting. */
VA_MUST_USE int va_combine_weights(struct va_combine_job *job, const struct va_ensemble *e);

/* What the models are combined with, for an interval to be used with nothing else. */
void va_combine_method(const struct va_combine_job *job, char method[VA_INTERVAL_METHOD]);

/*
 * Combine the video that is loaded: value [T, 2], limited if job->clip; spread [T, 2], the standard deviation
 * over the models, weighted as they are and scaled with their sum; NULL: not asked. -1 after reporting.
 */
VA_MUST_USE int va_combine_values(const struct va_combine_job *job, const struct va_ensemble *e,
                                  const char *name, double *value, double *spread);

/* 0, or -1 after reporting. */
VA_MUST_USE int va_combine(struct va_combine_job *job);

#endif
