/*
 * va_frame_times.h - when the frames of a video are shown.
 *
 * Ownership: the struct is the caller's and begins as { 0 }; release frees what it owns
 */
#ifndef VA_FRAME_TIMES_H
#define VA_FRAME_TIMES_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_frame_times {
    double *time; /* [count] seconds of frames 1, 2, ... */
    double fps;   /* average; 0: not known, and neither are the times, which are NaN then */
    int64_t count;
};

/*
 * Those of video `name` by its features: the file `to`, or <name>.h5 in the folder `to`. Frames without features
 * lie between the others, or follow from the frames per second. `source` is who needs them, and `remedy`
 * ("": none) what to do where the folder has none, for messages. 0, or -1 after reporting.
 */
VA_MUST_USE int va_frame_times_read(struct va_frame_times *f, const char *to, const char *name,
                                    const char *source, const char *remedy);

/* Frames at a steady rate from 0 on. -1 after reporting. */
VA_MUST_USE int va_frame_times_rows(struct va_frame_times *f, int64_t count, double fps);
void va_frame_times_release(struct va_frame_times *f);

#endif
