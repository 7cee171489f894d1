/*
 * va_people.h - which tracklets are one person, and what the people of a video are called.
 *
 * The two tracklets whose mean looks are nearest are joined, as long as they are nearer than `join` and
 * never in the same frames; then the next two. People who are seen for less than min_track seconds, and
 * not in all frames (a photograph, a very short clip), or are not among the `most` most prominent (sum of the areas of their boxes), are left out.
 *
 * Names: one person VIDEO; two who are together in most frames of the one who is seen less VIDEO_left
 * and VIDEO_right, by the mean of their places; else VIDEO_1, VIDEO_2, ... in order of appearance.
 */
#ifndef VA_PEOPLE_H
#define VA_PEOPLE_H

#include "faces/va_tracks.h"

struct va_people_options {
    double join;      /* .25 */
    double min_track; /* seconds */
    int64_t most;     /* people; 0: all */
};

struct va_person {
    char *name;
    int32_t first, last; /* numbers of frames */
    int64_t count;       /* faces */
};

struct va_people {
    struct va_person *items; /* [count], in order of appearance; left before right */
    int64_t count;
    int32_t *of; /* [tracklets]: number of the person from 1, 0 for none */
};

/* From all tracklets of a video with this name, rate (0: not known, then min_track counts for
 * nothing) and number of frames. 0, or -1 after reporting; release in any case. */
VA_MUST_USE int va_people_find(struct va_people *p, const struct va_tracklet *tracklets,
                               int64_t count, const char *video, double fps, int64_t frames,
                               const struct va_people_options *options);
void va_people_release(struct va_people *p); /* fine when zeroed */

#endif
