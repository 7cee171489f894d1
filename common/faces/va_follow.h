/*
 * va_follow.h - the people of a picture that is filmed now: who is where, known from the frames before.
 *
 * Faces are found in each frame, followed (faces/va_tracks.h) and cropped by the points of the frame itself.
 * A face that nobody before it leads to belongs to the absent person who looks like it, nearer than `join`,
 * else to a new person. Nothing waits for later frames: crops are not smoothed over time, and a person who
 * was taken for a new one stays one.
 *
 * People stand in slots, at most `most` of them at a time. One who is absent for longer than `forget` seconds
 * leaves the slot to somebody else; coming back makes a new person. Memory does not grow.
 *
 * Threads:   one at a time
 */
#ifndef VA_FOLLOW_H
#define VA_FOLLOW_H

#include "faces/va_cropper.h"
#include "faces/va_detect.h"

struct va_follow_options {
    struct va_detect_options detect;
    double gap, join; /* as for va_finder */
    double forget;    /* seconds */
    int64_t most;     /* people at a time */
    const char *template;
    double margin; /* of crops, as in va_cropper_options */
    int64_t size;  /* pixels of a crop's side */
};

struct va_followed {
    int64_t
        number;    /* of the person, from 1 in order of appearance; 0: nobody is in this slot */
    bool seen;     /* in this frame: then */
    float score;   /* of the face, 0 to 1, */
    float box[4];  /* left, top, width, height in pixels, */
    uint8_t *crop; /* [size, size, 3] */
};

struct va_follow; /* opaque */

/* With a detector from `set` (arch = yunet, from file `path`). NULL after reporting. */
VA_MUST_USE struct va_follow *va_follow_new(const struct va_tensors *set, const char *path,
                                            const struct va_follow_options *options);
void va_follow_free(struct va_follow *f); /* NULL is fine */
/* Another video begins: nobody is known. -1 after reporting: then only free is left. */
VA_MUST_USE int va_follow_reset(struct va_follow *f);

/* Take in the next frame. -1 after reporting. */
VA_MUST_USE int va_follow_frame(struct va_follow *f, const struct va_frame *frame);

/* Slots [most] after the last frame, valid until the next. */
const struct va_followed *va_follow_slots(const struct va_follow *f);
int64_t va_follow_people(const struct va_follow *f); /* so far */
int64_t va_follow_left(const struct va_follow *f);   /* faces left out: no slot was free */

#endif
