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
    int32_t *frames; /* [rows] numbers, from 1 */
};

/* Read a va.features/1 file, or with `frames` a va.frames/1 file (dim is 0 then). -1 after
 * reporting. */
VA_MUST_USE int va_track_read(struct va_track *t, const char *path, bool frames);
void va_track_release(struct va_track *t);

/* Time stamps [rows] of a track that was read from `path`, freed with va_free; *pts is NULL where the file has
 * none. -1 after reporting. */
VA_MUST_USE int va_track_times(const struct va_track *t, const char *path, double **pts);

/* Encoder and input (new strings, or NULL) and rate of an open file. -1 after reporting. */
VA_MUST_USE int va_track_origin(struct va_h5_in *in, char **encoder, char **input, double *fps);

/* Report the first number of a row x [dim] that is not finite: "PATH: /features: frame F (row R),
 * column C: ...". Returns -1. */
int va_not_finite(const char *path, int32_t frame, int64_t row, const float *x, int64_t dim);

#endif
