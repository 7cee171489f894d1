/*
 * va_frames_write.h - a va.frames/1 file, written as the pictures come.
 */
#ifndef VA_FRAMES_WRITE_H
#define VA_FRAMES_WRITE_H

#include "base/va_attr.h"
#include "io/va_h5.h"
#include <stdint.h>

struct va_frames_writer {
    struct va_h5_out *out; /* for inputs and further attributes */
    struct va_h5_rows *frames, *index, *pts, *score;
    int64_t likely;
};

/* Begin `path`, for a `likely` number of pictures (0: not known), which saves a copy of them where it is
 * right. 0, or -1 after reporting; then, and after a failure below, abort. */
VA_MUST_USE int va_frames_create(struct va_frames_writer *w, const char *path, int64_t likely);

/* One picture [height, width, 3], all of one size, its number and its time. */
VA_MUST_USE int va_frames_append(struct va_frames_writer *w, const uint8_t *pixels,
                                 int64_t height, int64_t width, int32_t index, double pts);

/* How sure it is that the picture appended last shows the face, 0 to 1: of all pictures or of none. */
VA_MUST_USE int va_frames_append_score(struct va_frames_writer *w, float score);

/* The video's name, rate and length, once there are pictures; then the file is complete. */
VA_MUST_USE int va_frames_commit(struct va_frames_writer *w, const char *video, double fps,
                                 int64_t frame_count);
void va_frames_abort(struct va_frames_writer *w); /* fine after a commit, and when zeroed */

#endif
