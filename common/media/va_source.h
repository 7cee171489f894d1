/*
 * va_source.h - frames of a video file, a stream or a folder of crops, one after the other.
 *
 * Frames come in presentation order as packed RGB24, rotation metadata applied, with their
 * 1-based number and time stamp. Frames that an edit list hides are neither shown nor counted.
 * A folder of crops has the numbers in its names (media/va_crops.h): a missing number is a frame
 * without a face.
 *
 * Broken packets and images, and pictures that are known to be lost, are reported and passed over,
 * up to `tolerate` of them (a run of lost pictures counts once); one more is an error. A frame lost
 * that way keeps its number: the following ones do not move up. A live source reports the first ten. Where the times of a file start
 * again, they are made to go on, with a warning (schemas/va.frames.md has the rules).
 *
 * Frames and messages do not depend on the number of threads. After damage a video is decoded anew by one thread,
 * and a stream that cannot be read twice by one from the beginning.
 *
 * Videos and images, but for cameras, are decoded in a confined process unless va_decoder_start said otherwise
 * (media/va_decoder.h).
 *
 * Threads:   one thread per source; different sources are independent
 */
#ifndef VA_SOURCE_H
#define VA_SOURCE_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

enum { VA_SIDE_MAX = 16384 };            /* pixels in a row or column of any picture */
enum { VA_PIXELS_MAX = 8192 * 8192 };    /* pixels in a picture */
enum { VA_NUMBER_MAX = 2147483647 - 1 }; /* frame numbers */

struct va_source; /* opaque */

struct va_source_options {
    int64_t width, height; /* output size; 0: as stored in the first frame */
    int64_t every;         /* every n-th frame: 1, 1 + n, ...; 0 is 1 */
    double start, end;     /* seconds: start <= pts < end; 0: from the beginning, to the end */
    int64_t tolerate;      /* broken packets (or images) to accept before giving up */
    int64_t frame_count;   /* folder: frames of the original video; 0: the last number */
    double fps;            /* folder: rate of the original video; 0: not known */
    int threads;           /* decoder threads; 0: va_threads_available() */
    bool
        live; /* with little delay: one decoder thread, and half a second of a stream is enough to
                  know what is in it */
    bool
        times; /* frames without pixels: a video is not decoded where its packets tell the numbers and times */
};

struct va_frame {
    const uint8_t
        *pixels; /* [height, width, 3], valid until the next call; NULL with `times` */
    int64_t width, height;
    int64_t index; /* 1-based frame number in the video */
    double
        pts; /* seconds, as in the file, may be below 0; folder: (index - 1) / fps, 0 without fps */
    double arrived; /* va_clock() when the last of its packets was read; folder: 0 */
};

/* Open a file, "-" (stdin), a folder or a camera of Linux (/dev/video0), whose times begin with 0 and
 * which is read in this process. NULL after reporting. */
VA_MUST_USE struct va_source *va_source_open(const char *path,
                                             const struct va_source_options *options);

/* 1 and a frame, 0 at the end, -1 after reporting. Frames of one source have one size: a video
 * that changes its size is scaled to that of its first frame. */
VA_MUST_USE int va_source_next(struct va_source *s, struct va_frame *frame);

/* Average rate, 0 if not known. Once two frames are decoded it is measured from their numbers
 * and time stamps, since containers count hidden frames too; before, the container's word. */
double va_source_fps(const struct va_source *s);

/* Frames in the video, never less than the last number; final once va_source_next gave 0. When
 * `end` cuts the video short: the container's count if that is more than were decoded. */
int64_t va_source_frame_count(const struct va_source *s);
int64_t va_source_expected(const struct va_source *s); /* of va_source_next; 0 unknown */
int64_t va_source_broken(const struct va_source *s);   /* packets or images passed over */
/* From any thread: a call of va_source_next that waits for data gives 0 soon, and so do later ones. */
void va_source_stop(struct va_source *s);
void va_source_close(struct va_source *s); /* NULL is fine */

#endif
