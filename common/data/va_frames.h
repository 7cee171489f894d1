/*
 * va_frames.h - the pictures of a va.frames/1 file, one after the other.
 *
 * Pixels come from the mapped file. Where it cannot be mapped (chunks, filters) they are read
 * through the HDF5 library, which bears one thread at a time: a caller that writes HDF5 files in
 * another thread meanwhile gives the lock it holds there.
 *
 * Threads:   one thread per reader
 */
#ifndef VA_FRAMES_H
#define VA_FRAMES_H

#include "base/va_attr.h"
#include <pthread.h>
#include <stdint.h>

struct va_frames; /* opaque */

struct va_frames_info {
    const char *video; /* name; a valid one. Lives as long as the reader */
    const char *id;    /* content id of the file, likewise */
    double fps;        /* 0: not known */
    int64_t frame_count;
    int64_t T, height, width;
};

/* `lock` may be NULL. NULL after reporting. */
VA_MUST_USE struct va_frames *va_frames_open(const char *path, pthread_mutex_t *lock);
const struct va_frames_info *va_frames_info(const struct va_frames *f);
/* 1 and a picture [height, width, 3] that stays until the next call, its number and time; 0 at
 * the end; -1 after reporting. */
VA_MUST_USE int va_frames_next(struct va_frames *f, const uint8_t **pixels, int32_t *index,
                               double *pts);
void va_frames_close(struct va_frames *f); /* NULL is fine */

#endif
