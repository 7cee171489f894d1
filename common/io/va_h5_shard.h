/*
 * va_h5_shard.h - shards being written: features of many videos in one file, a few rows at a time.
 *
 *     out = va_shard_create(path, VA_F16, rows, D, NULL);
 *     va_shard_begin(out, &video); va_shard_append(out, ...); ... va_shard_end(out);   for each video
 *     va_shard_commit(&out);
 *
 * Reading is va_h5_open("SHARD.h5/NAME", ...) and va_h5_each_features (io/va_h5.h).
 *
 * Schema:    writes va.corpus/1 (schemas/va.corpus.md)
 * Memory:    a row of the table for each video
 */
#ifndef VA_H5_SHARD_H
#define VA_H5_SHARD_H

#include "io/va_h5.h"

struct va_shard_out; /* opaque */

/* What the features of a video say of it; the caller's. */
struct va_shard_video {
    const char *name;
    const char *encoder, *input; /* NULL: not known */
    double fps;
    int64_t frame_count, rows;
    bool scored;
    char *const *provenance; /* [line_count] */
    int64_t line_count;
};

/* Begin `path`: `rows` of D numbers of `type` (VA_F32, VA_F16) of all videos; names of columns [D], or
 * NULL; whether any video is scored. NULL after reporting. */
VA_MUST_USE struct va_shard_out *va_shard_create(const char *path, enum va_dtype type,
                                                 int64_t rows, int64_t D, char *const *columns,
                                                 bool scored);

VA_MUST_USE int va_shard_begin(struct va_shard_out *out, const struct va_shard_video *video);
/* The next rows of the video: x [count, D] of `type`; score is NULL where it has none. */
VA_MUST_USE int va_shard_append(struct va_shard_out *out, int64_t count, const void *x,
                                const int32_t *index, const double *pts, const float *score);
/* The video has all of its rows, and gets its content id. */
VA_MUST_USE int va_shard_end(struct va_shard_out *out);

struct va_h5_out *va_shard_out_file(struct va_shard_out *out); /* for va_h5_add_input */

/* Complete the file. Frees *out and sets it to NULL in any case. */
VA_MUST_USE int va_shard_commit(struct va_shard_out **out);
void va_shard_abort(struct va_shard_out *out); /* NULL is fine */

#endif
