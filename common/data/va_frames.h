/*
 * va_frames.h - the pictures of a va.frames/1 file, one after the other or in any order.
 *
 * Pixels come from the mapped file. Where it cannot be mapped (chunks, filters) they are read
 * through the HDF5 library.
 *
 * Threads:   one thread per reader; va_frames_at from any
 */
#ifndef VA_FRAMES_H
#define VA_FRAMES_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_frames; /* opaque */

struct va_frames_info {
    const char *video; /* name; a valid one. Lives as long as the reader */
    const char *id;    /* content id of the file, likewise */
    const char
        *input; /* what the pictures show (io/va_pictured.h), NULL: not known; likewise */
    double fps; /* 0: not known */
    int64_t frame_count;
    int64_t T, height, width;
};

/* NULL after reporting. */
VA_MUST_USE struct va_frames *va_frames_open(const char *path);
const struct va_frames_info *va_frames_info(const struct va_frames *f);
/* 1 and a picture [height, width, 3] that stays until the next call, its number and time; 0 at
 * the end; -1 after reporting. */
VA_MUST_USE int va_frames_next(struct va_frames *f, const uint8_t **pixels, int32_t *index,
                               double *pts);

/* Numbers [T] of the pictures, ascending. */
const int32_t *va_frames_numbers(const struct va_frames *f);
/* Picture t of [0, T): in the mapped file, or in `buffer` [height, width, 3]. NULL after
 * reporting. */
VA_MUST_USE const uint8_t *va_frames_at(const struct va_frames *f, int64_t t, uint8_t *buffer);

/* Whether the file tells how sure it is that pictures show the face; of the picture that
 * va_frames_next gave last, 0 to 1. */
bool va_frames_scored(const struct va_frames *f);
float va_frames_score(const struct va_frames *f);

void va_frames_close(struct va_frames *f); /* NULL is fine */

#endif
