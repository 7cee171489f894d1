/*
 * va_match.h - whether a file that was made of a video is of the video that is given: faces, predictions.
 *
 * Nothing in a video file says which one it is, so what both know is compared: the name, the size of the
 * frames, their times and their number. A copy in another container is the same video: its times may be
 * shifted, and rounded by less than half a frame. Once the shift may change: AVI gives the first frame
 * another time than the rest.
 *
 * Each function is 0, or -1 after reporting that it is another video.
 */
#ifndef VA_MATCH_H
#define VA_MATCH_H

#include "base/va_attr.h"
#include "media/va_source.h"
#include <stdbool.h>
#include <stdint.h>

struct va_match {
    const char *path;      /* of the video */
    const char *made;      /* the file that was made of it, */
    const char *part;      /* and which part of it, such as a person; or NULL */
    int64_t width, height; /* of frames as the file says; 0: not known */
    int64_t frame_count;   /* likewise */
    double fps;            /* likewise; 0: it has no times */
    int shifts;            /* internal, as what follows: how many there were */
    double shift;          /* the last one in seconds */
};

/* `video` is the name of the given one, `made_of` that in the file. */
VA_MUST_USE int va_match_name(const struct va_match *m, const char *video, const char *made_of);
VA_MUST_USE int va_match_size(const struct va_match *m, const struct va_frame *frame);
/* Whether the time of a frame is known: a folder of pictures has a rate only where somebody gave it. */
bool va_match_timed(const struct va_frame *frame);
/* The file has a time for this frame; NaN: it has none. */
VA_MUST_USE int va_match_time(struct va_match *m, const struct va_frame *frame, double pts);
/* After the last frame, of so many. */
VA_MUST_USE int va_match_count(const struct va_match *m, int64_t frame_count);

#endif
