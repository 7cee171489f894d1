/*
 * va_features_write.h - a va.features/1 file, written as the features come.
 */
#ifndef VA_FEATURES_WRITE_H
#define VA_FEATURES_WRITE_H

#include "base/va_attr.h"
#include "io/va_h5.h"
#include <stdbool.h>
#include <stdint.h>

struct va_features_writer {
    const char *path;      /* the caller's, for messages */
    struct va_h5_out *out; /* for inputs and further attributes */
    struct va_h5_rows *features, *index, *pts, *score;
    uint16_t *half; /* room for float16 */
    int64_t D, room;
};

/* Begin `path`: T rows (-1: not known yet) of D numbers, kept as float16 if `half`. 0, or -1
 * after reporting; then, and after a failure below, abort. */
VA_MUST_USE int va_features_create(struct va_features_writer *w, const char *path, int64_t T,
                                   int64_t D, bool half);

/* Rows x [count, D] as float16, which ends at 65504; -1 after reporting a larger number, with the frame. */
VA_MUST_USE int va_features_halve(const char *path, int64_t count, int64_t D, const float *x,
                                  const int32_t *index, uint16_t *half);

/* Rows [count, D], the numbers of their frames, their times, and how sure it is that they show the
 * face, 0 to 1: score is NULL in all calls or in none. */
VA_MUST_USE int va_features_append(struct va_features_writer *w, int64_t count,
                                   const float *rows, const int32_t *index, const double *pts,
                                   const float *score);

/* The video's name, rate and length, and the id of the encoder, if it is known; then the file is complete. */
VA_MUST_USE int va_features_commit(struct va_features_writer *w, const char *video, double fps,
                                   int64_t frame_count, const char *encoder);
void va_features_abort(struct va_features_writer *w); /* fine after a commit, and when zeroed */

#endif
