/*
 * va_interval.h - the interval in which the annotation of a frame lies in a given share of frames.
 *
 * Of a frame with prediction p, and spread s of the models that p combines:
 *
 *     lower, upper = p -+ (scale * s + floor)
 *
 * Scale and floor are calibrated on labelled frames on which no model was trained, as in split conformal
 * prediction (Lei et al. 2018, "Distribution-free predictive inference for regression", section 5.2): for
 * a ratio r of floor to scale, each of the n frames has the score |p - label| / (s + r); the scale is the
 * score of rank ceil((n + 1) level / 100), so that this share of the frames lies inside. Of some ratios,
 * and an interval of one width (scale 0), the one is taken whose intervals are narrowest on average.
 *
 * Frames of a video are alike, so the share holds on average over many videos, not for each of them.
 *
 * The table is TSV with a row for each level and dimension, and the columns level (percent), dimension,
 * scale, floor, width (mean, before limits), method (what the models are combined with), members (models
 * of a frame), frames.
 */
#ifndef VA_INTERVAL_H
#define VA_INTERVAL_H

#include "base/va_attr.h"
#include "base/va_hash.h"
#include <stdint.h>

enum { VA_INTERVAL_METHOD = 64 }; /* bytes of the name of a method, with its end */

struct va_interval {
    int64_t level;             /* percent, 1 .. 99 */
    double scale[2], floor[2]; /* of valence and arousal */
    double width[2];
    char method[VA_INTERVAL_METHOD];
    int64_t members, frames;
    char digest[VA_HASH_TEXT]; /* of one that was read */
};

/*
 * Calibrate one dimension on n frames: |prediction - label| error [n], spread [n], both finite and >= 0.
 * -1 after reporting: no memory, or fewer frames than the level needs (`path` names their labels).
 */
VA_MUST_USE int va_interval_fit(struct va_interval *v, int d, int64_t n, const double *error,
                                const double *spread, const char *path);

/* Write the table of `count` levels. -1 after reporting. */
VA_MUST_USE int va_interval_write(const struct va_interval *v, int64_t count, const char *path);

/* Read the two rows of v->level. -1 after reporting. */
VA_MUST_USE int va_interval_read(struct va_interval *v, const char *path);

#endif
