/*
 * va_live_people.h - from what comes now to rows of valence and arousal, a row for each person and frame:
 * the core of va-live (jobs/va_live_run.h) and of the library for other programs (lib/mamba_va.h).
 *
 *     pictures -> faces, people, crops (faces/va_follow.h) -> |
 *     crops of people that the caller knows                -> | models (jobs/va_live_model.h) -> rows
 *     their features                                       -> |
 *
 * Pictures: a person has a row for every frame from the first one that shows the face until the face was
 * absent for `follow.forget` seconds. Crops and features: a person has a row for each frame that was given.
 * Where the face is not seen, what was seen last stands for it. A model with a lookahead gives rows that number
 * of frames later, and those that wait at the end of a person.
 *
 * Errors:    all report. A prediction that is not finite is bad input, and its person is not there any more; a
 *            picture then has no rows of the slots behind. After any other -1 of a call that takes a frame, only
 *            free is left
 * Threads:   one at a time
 */
#ifndef VA_LIVE_PEOPLE_H
#define VA_LIVE_PEOPLE_H

#include "faces/va_faces_write.h"
#include "faces/va_follow.h"
#include "jobs/va_live_model.h"

struct va_live_people_options {
    const char *detector;               /* file of weights; NULL: no pictures */
    struct va_follow_options follow;    /* `most` is that of `model.slots` */
    struct va_live_model_options model; /* `slots`: people at a time */
};

/* What va-live does without options. */
#define VA_LIVE_PEOPLE_DEFAULTS                                                     \
    {                                                                               \
        .follow = { .detect = { .max_side = 640, .min_score = .7, .min_size = 20 }, \
                    .gap = 1,                                                       \
                    .join = .25,                                                    \
                    .forget = 10,                                                   \
                    .template = VA_FACES_TEMPLATE,                                  \
                    .size = VA_CROP_SIDE },                                         \
        .model = { .device = "auto", .slots = 8 },                                  \
    }

struct va_live_row {
    int64_t frame;
    double pts;
    int64_t number; /* of the person, from 1 */
    bool seen;      /* the face, in this frame: then */
    float score,
        box[4];  /* from 0 to 1; left, top, width, height in pixels of a picture. Else 0 */
    float va[2]; /* from -1 to 1 */
};

/* Takes a row: 1; 0 when nobody wants more, -1 after reporting: the call that led to it returns this at once. */
typedef int va_live_put(void *arg, const struct va_live_row *row);

struct va_live_people; /* opaque */

VA_MUST_USE struct va_live_people *va_live_people_new(const struct va_live_people_options *o,
                                                      va_live_put *put, void *arg);
void va_live_people_free(struct va_live_people *p); /* NULL is fine */

/* The next picture. As va_live_put. */
VA_MUST_USE int va_live_people_picture(struct va_live_people *p, const struct va_frame *frame);

/* The next frame of a person whose number (from 1) is the caller's, and for whom there is room; not together with
 * pictures. A crop, whose size is frame->width and height; or features [va_live_model_width] of it; or neither, of
 * somebody who is there. As va_live_put. */
VA_MUST_USE int va_live_people_crop(struct va_live_people *p, int64_t number,
                                    const struct va_frame *frame);
VA_MUST_USE int va_live_people_features(struct va_live_people *p, int64_t number, int64_t frame,
                                        double pts, const float *features);
VA_MUST_USE int va_live_people_absent(struct va_live_people *p, int64_t number, int64_t frame,
                                      double pts);
/* Whether this person is there, or a slot is free for them. */
bool va_live_people_room(const struct va_live_people *p, int64_t number);
/* The last frame of a person who is there, and how many there were; 0: nobody. */
struct va_live_last {
    int64_t frames;
    double pts;
};
struct va_live_last va_live_people_last(const struct va_live_people *p, int64_t number);

/* A person (0: all of them) is not coming back: rows that wait come now. As va_live_put. */
VA_MUST_USE int va_live_people_end(struct va_live_people *p, int64_t number);
/* After the end of all: another video begins, with other people. -1 after reporting. */
VA_MUST_USE int va_live_people_begin(struct va_live_people *p);

struct va_live_model *va_live_people_model(const struct va_live_people *p);
const struct va_follow *va_live_people_follow(const struct va_live_people *p); /* or NULL */

/* When the last picture was searched, and its features were made (va_clock). */
struct va_live_times {
    double found, embedded;
};
struct va_live_times va_live_people_times(const struct va_live_people *p);

#endif
