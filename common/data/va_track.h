/*
 * va_track.h - the checked contents of the feature file or the frames file of a video.
 *
 * All features are read once here, to report a value that is not finite, with its frame, row and
 * column, before anything is computed.
 *
 * Ownership: structs are the caller's and begin as { 0 }; release frees what they own
 */
#ifndef VA_TRACK_H
#define VA_TRACK_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_h5_in;

struct va_track {
    char *name, *id; /* of the video; content id of the file */
    char *encoder;   /* content id of the weights that made the features; NULL: not known */
    char *input;     /* what their pictures show (io/va_pictured.h); NULL: not known */
    double fps;      /* average frames per second, 0: not known */
    int64_t rows, dim, frame_count;
    int32_t *frames; /* [rows] numbers, from 1; NULL: only the head was read */
};

/* All but the frames of an open va.features/1 file, or with `frames` a va.frames/1 file (dim is 0 then). -1 after
 * reporting. */
VA_MUST_USE int va_track_head(struct va_track *t, struct va_h5_in *in, bool frames);

/* Rows [first, first + count) of a track, checked: numbers that ascend, finite times that do not go back, finite
 * features. */
struct va_track_block {
    int64_t first, count;
    const int32_t *frames;
    const double *pts;  /* NULL: the file has none, as the next */
    const float *score; /* confidence from 0 to 1; only if it was asked for */
    const float *x;     /* [count, dim] */
};
typedef int va_track_block_fn(void *arg, const struct va_track_block *block);
/* Call fn(arg, block) for all rows, a few at a time. 0, or -1 after reporting, the first of fn's too. */
VA_MUST_USE int va_track_each(const struct va_track *t, struct va_h5_in *in, bool score,
                              va_track_block_fn *fn, void *arg);

/* Head and frames, all rows looked at. -1 after reporting. */
VA_MUST_USE int va_track_read(struct va_track *t, struct va_h5_in *in, bool frames);
void va_track_release(struct va_track *t);

/* Time stamps [rows] of a track that was read from `in`, freed with va_free; *pts is NULL where the file has
 * none. -1 after reporting. */
VA_MUST_USE int va_track_times(const struct va_track *t, struct va_h5_in *in, double **pts);

/* Encoder and input (new strings, or NULL) and rate of an open file. -1 after reporting. */
VA_MUST_USE int va_track_origin(struct va_h5_in *in, char **encoder, char **input, double *fps);

/* Report the first number of a row x [dim] that is not finite: "PATH: /features: frame F (row R),
 * column C: ...". Returns -1. */
int va_not_finite(const char *path, int32_t frame, int64_t row, const float *x, int64_t dim);

#endif
