/*
 * va_source.h - frames of a video file, a stream or a folder of crops, one after the other.
 *
 * Frames come in presentation order as packed RGB24, rotation metadata applied, with their
 * 1-based number and time stamp. A folder of NNNNN.jpg (or .png) keeps the number in each name:
 * a missing number is a frame without a face.
 *
 * Threads:   one thread per source; different sources are independent
 */
#ifndef VA_SOURCE_H
#define VA_SOURCE_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_source; /* opaque */

struct va_source_options {
    int64_t width, height; /* output size; 0: as stored (a folder: of the first image) */
    int64_t every;         /* every n-th frame, 1 */
    double start, end;     /* seconds; end 0: to the end */
    int64_t tolerate;      /* broken packets (or images) to accept before giving up */
    int64_t frame_count;   /* folder: frames of the original video; 0: the last number */
    int threads;           /* decoder threads; 0: as many as the pool has */
};

struct va_frame {
    const uint8_t *pixels; /* [height, width, 3], valid until the next call */
    int64_t width, height;
    int64_t index; /* 1-based frame number in the video */
    double pts;    /* seconds */
};

/* Open a file, "-" (stdin) or a folder. NULL after reporting. */
VA_MUST_USE struct va_source *va_source_open(const char *path,
                                             const struct va_source_options *options);

/* 1 and a frame, 0 at the end, -1 after reporting. Frames of one source have one size. */
VA_MUST_USE int va_source_next(struct va_source *s, struct va_frame *frame);

double va_source_fps(const struct va_source *s); /* average rate; 0 unknown */
int64_t va_source_frame_count(
    const struct va_source *s); /* frames in the video; final at the end */
int64_t va_source_expected(const struct va_source *s); /* for progress; 0 unknown */
int64_t va_source_broken(const struct va_source *s);   /* packets or images passed over */
void va_source_close(struct va_source *s);             /* NULL is fine */

#endif
