/*
 * va_frame_values.h - what is known of each frame of a video, or of one person in it: what files
 * of predictions hold, and what tables show.
 *
 * Ownership: the struct only points
 */
#ifndef VA_FRAME_VALUES_H
#define VA_FRAME_VALUES_H

#include <stdint.h>

struct va_frame_values {
    const char *name;  /* of the video, or of the person in it ("interview_left") */
    int64_t T;         /* frames */
    const float *va;   /* [T, 2] valence, arousal */
    const double *pts; /* [T] seconds, NaN where not known; NULL: none is known */
    const uint8_t
        *face; /* [T] 1: the frame shows the face; 0: va was filled in. NULL: not known */
    const float
        *confidence; /* [T] of the face, 0 to 1, NaN where not known; NULL: none is known */
    /* of several models, [T, 2] each: standard deviation; ends of the interval. NULL: none */
    const float *spread, *lower, *upper;
};

/* One frame of one person. */
struct va_frame_row {
    int64_t frame; /* from 1 */
    double time;   /* seconds, NaN where not known */
    const char *person;
    int64_t number;    /* of the person, from 0 */
    int face;          /* 1, 0; -1: not known */
    double confidence; /* NaN where not known */
    float va[2];
    const float *spread, *lower, *upper; /* [2] each, or NULL */
};

#endif
