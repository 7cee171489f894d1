/*
 * va_smooth.h - predictions filtered over time, each video and dimension for itself: what va-smooth does.
 *
 * One video is in memory at a time. The filters are those of data/va_filter.h.
 */
#ifndef VA_SMOOTH_H
#define VA_SMOOTH_H

#include "data/va_filter.h"
#include "data/va_frame_files.h"
#include <stdbool.h>

/* What says how strongly a filter smooths. */
enum va_smooth_size {
    VA_SMOOTH_WINDOW,
    VA_SMOOTH_SIGMA,
    VA_SMOOTH_HALF_LIFE,
    VA_SMOOTH_ALPHA,
};
extern const char *const va_smooth_size_names[]; /* in enum order, NULL last: "half-life" */
double va_smooth_most(enum va_smooth_size size); /* frames; of alpha 1 */

/* Of one dimension: frames, or seconds that each video turns into frames. */
struct va_smooth_amount {
    double value;
    bool seconds;
};

struct va_smooth_job {
    const char *input, *output; /* va.predictions */
    struct va_frame_files text; /* the same as tables, if asked */
    enum va_smooth_size size;
    struct va_smooth_amount amount[2]; /* of valence and arousal */
    struct va_filter filter[2];        /* what does not depend on the video */
    bool clip;                         /* to [-1, 1] */
};

/* 0, or -1 after reporting. */
VA_MUST_USE int va_smooth_run(struct va_smooth_job *job);

#endif
