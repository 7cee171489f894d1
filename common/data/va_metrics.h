/*
 * va_metrics.h - measures of agreement between predictions and labels.
 *
 * Population moments in double over the labelled frames:
 *   ccc      2 cov / (var p + var y + (mean p - mean y)^2)
 *   pearson  cov / sqrt(var p * var y)
 *   rmse     root of the mean squared error          mae   mean absolute error
 *   sagr     share of frames with equal signs (the sign of 0 is 0)
 * Undefined values are NaN: all without a frame, pearson where a side is constant, ccc where both
 * are the same constant. "mean" is the average of valence and arousal, NaN where one is.
 *
 * Of predictions with intervals also
 *   coverage share of frames whose label lies in the interval, its ends included
 *   width    mean of upper - lower
 *
 * Pairs may come a block at a time: moments of blocks are merged (Chan, Golub, LeVeque 1979), and those of videos
 * for the pooled score.
 *
 * Ownership: the evaluation keeps copies; begins as { 0 }
 */
#ifndef VA_METRICS_H
#define VA_METRICS_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

enum va_dimension { VA_VALENCE, VA_AROUSAL, VA_MEAN, VA_DIMENSIONS };
extern const char *const va_dimension_names[]; /* in enum order, NULL last */

enum va_metric { VA_CCC, VA_PEARSON, VA_RMSE, VA_MAE, VA_SAGR, VA_METRICS };
extern const char *const va_metric_names[]; /* in enum order, NULL last */

struct va_score {
    double value[VA_DIMENSIONS][VA_METRICS];
    double coverage[VA_DIMENSIONS], width[VA_DIMENSIONS]; /* NaN without intervals */
    int64_t frames;                                       /* number of labelled frames */
};

/* Ends of the intervals of T frames: [T, 2] each; NULL: there are none. */
struct va_ends {
    const float *lower, *upper;
    double level; /* percent */
};

/* Why a value is NaN. */
enum va_undefined {
    VA_DEFINED,
    VA_NO_FRAMES,
    VA_FLAT_PREDICTION,
    VA_FLAT_LABEL,
    VA_SAME_CONSTANT
};

/* What the measures of pairs follow from, of one dimension: p predictions, y labels. */
struct va_moments_of {
    double mp, my, vp, vy, cov; /* means; sums of squares and products of deviations */
    double squares, absolute, width;
    int64_t agree, inside;
    double p, y;         /* the first pair */
    bool flat_p, flat_y; /* whether all others are equal to it */
};
struct va_tally {
    int64_t frames;
    struct va_moments_of of[2];
};

/* Add n pairs, prediction and label [n, 2] each, ends of intervals likewise or NULL; begins as { 0 }. */
void va_tally_add(struct va_tally *t, int64_t n, const double *prediction, const double *label,
                  const float *lower, const float *upper);
void va_tally_merge(struct va_tally *t, const struct va_tally *more);
/* All measures; coverage and width if there are `intervals`. */
void va_tally_score(const struct va_tally *t, bool intervals, struct va_score *score);
/* Why value[d][m] of these pairs is NaN; d is valence or arousal. */
enum va_undefined va_tally_reason(const struct va_tally *t, enum va_dimension d,
                                  enum va_metric m);

/* All measures of n pairs, prediction and label [n, 2] each. */
void va_score_pairs(struct va_score *score, int64_t n, const double *prediction,
                    const double *label);

/* Predictions and labels of several videos, without the frames that have no label. */
struct va_evaluated {
    char *name;
    struct va_tally tally;
};
struct va_evaluation {
    struct va_evaluated *videos; /* [count], in the order they were added */
    int64_t count, video_room;
    double *prediction, *label; /* [frames, 2] if `pairs` */
    int64_t frames, prediction_room, label_room;
    bool pairs;   /* keep them: set before the first video */
    double level; /* of all intervals, in percent; 0: a video has none, or another level */
};

/* Add the labelled ones of T frames; `ends` of their intervals may be NULL. 0, or -1 after reporting. */
VA_MUST_USE int va_evaluation_add(struct va_evaluation *e, const char *name, int64_t T,
                                  const double *prediction, const double *label,
                                  const struct va_ends *ends);
/* The same in parts: a video, whose intervals have this level (0: none), then its frames from first to last. */
VA_MUST_USE int va_evaluation_begin(struct va_evaluation *e, const char *name, double level);
VA_MUST_USE int va_evaluation_more(struct va_evaluation *e, int64_t T, const double *prediction,
                                   const double *label, const float *lower, const float *upper);
void va_evaluation_release(struct va_evaluation *e);

/* All frames together; one video; the mean over the videos whose value is defined, each measure
 * and dimension for itself (frames: those of all videos). */
void va_evaluation_tally(const struct va_evaluation *e, struct va_tally *all);
void va_evaluation_pooled(const struct va_evaluation *e, struct va_score *score);
void va_evaluation_video(const struct va_evaluation *e, int64_t i, struct va_score *score);
void va_evaluation_mean(const struct va_evaluation *e, struct va_score *score);

#endif
