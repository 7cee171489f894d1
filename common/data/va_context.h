/*
 * va_context.h - the frames around a frame as one row, so that a linear map can use them.
 *
 * With `reach` frames to both sides and steps of `step`, feature f of frame t becomes L =
 * 2 floor(reach / step) + 1 numbers, its means over `step` frames (centred; an even number has
 * one more before) at t - reach', ..., t, ..., t + reach' in steps. Beyond the ends of a video its
 * first and last frame are repeated. reach 0 and step 1 is the frame itself.
 *
 * Layout:    x [count, D, L], so that the values of a feature are adjacent
 * Ownership: keeps the pointer to the index, whose features must be open
 */
#ifndef VA_CONTEXT_H
#define VA_CONTEXT_H

#include "data/va_window_index.h"

struct va_context {
    const struct va_window_index *index;
    int64_t reach, step, L;
    int64_t most; /* frames of one call */
    float *rows;  /* [most + 2 reach + step, D] */
    double *sums; /* [most + 2 reach + step + 1, D] running sums of rows */
};

/* For up to `most` frames at once; step >= 1. -1 after reporting. */
VA_MUST_USE int va_context_init(struct va_context *c, const struct va_window_index *index,
                                int64_t reach, int64_t step, int64_t most);
void va_context_release(struct va_context *c);

/* Rows of frames [start, start + count) of a video, which has them all; label and valid as
 * va_window_gather gives them, or NULL. -1 after reporting. */
VA_MUST_USE int va_context_gather(struct va_context *c, int64_t video, int64_t start,
                                  int64_t count, float *x, float *label, float *valid);

#endif
