/*
 * va_source_priv.h - what the two kinds of sources, video and folder, share.
 */
#ifndef VA_SOURCE_PRIV_H
#define VA_SOURCE_PRIV_H

#include "media/va_bytes_priv.h"
#include "media/va_libav_priv.h"
#include "media/va_source.h"
#include <libavutil/frame.h>
#include <stdatomic.h>
#include <stdbool.h>

struct va_rgb; /* opaque: AVFrame -> packed RGB of one size */

/* width, height 0: of the first frame. NULL after reporting. */
VA_MUST_USE struct va_rgb *va_rgb_new(int64_t width, int64_t height);
void va_rgb_follow(struct va_rgb *r); /* with 0, 0: each picture in its own size */
void va_rgb_stills(
    struct va_rgb *r); /* scale as Pillow does (media/va_resize.h), not as swscale */

/* Pixels go where `place` says, `size` bytes for each picture, instead of to a buffer of our own. When
 * it says NULL, va_rgb_convert returns -1 without a report. */
void va_rgb_into(struct va_rgb *r, uint8_t *(*place)(void *arg, int64_t size), void *arg);

/* Convert, scale and turn `frame`; `matrix` [9] is the stream's display matrix or NULL (one in
 * the frame itself comes first). Fills pixels, width, height of `out`. -1 after reporting, with
 * `path` in the message. */
VA_MUST_USE int va_rgb_convert(struct va_rgb *r, const char *path, const AVFrame *frame,
                               const int32_t *matrix, struct va_frame *out);

/* The two halves of it: begin does all that may fail and fills `out`; run then makes the pixels, in any
 * thread, while `frame` is kept. One picture at a time. */
VA_MUST_USE int va_rgb_begin(struct va_rgb *r, const char *path, const AVFrame *frame,
                             const int32_t *matrix, struct va_frame *out);
void va_rgb_run(struct va_rgb *r);

/* va_rgb_convert for a picture [height, width, 3] that is packed RGB already, with EXIF's orientation 1 to 8; of
 * stills alone. */
VA_MUST_USE int va_rgb_packed(struct va_rgb *r, const char *path, const uint8_t *pixels,
                              int64_t width, int64_t height, int orientation,
                              struct va_frame *out);
void va_rgb_free(struct va_rgb *r); /* NULL is fine */

/* A thread that runs what was begun, so that the next picture can be decoded meanwhile. */
struct va_rgb_thread;
VA_MUST_USE struct va_rgb_thread *va_rgb_thread_new(struct va_rgb *r); /* NULL: it cannot be */
void va_rgb_thread_run(struct va_rgb_thread *t);                       /* va_rgb_run begins */
void va_rgb_thread_wait(struct va_rgb_thread *t);                      /* until it has ended */
void va_rgb_thread_free(struct va_rgb_thread *t);                      /* NULL is fine */

struct va_source_kind {
    int (*next)(struct va_source *s, struct va_frame *frame);
    void (*close)(struct va_source *s);
    void (*stop)(
        struct va_source *s); /* wake `next`; NULL: it never waits, or looks at s->stopped */
};

struct va_source {
    const struct va_source_kind *kind;
    void *state;                 /* of the kind */
    char *path;                  /* as messages name it */
    struct va_bytes_input input; /* of a video */
    struct va_source_options options;
    struct va_rgb *rgb;
    atomic_bool stopped;
    int64_t broken, frame_count, expected;
    int64_t runs; /* of broken ones */
    bool hurt;    /* the last one was broken */
    bool hasty;   /* nothing is told of the first broken one: it sets `anew`, */
    bool anew;    /* and all is read again with more care */
    double fps;
};

/* Fill s->kind and s->state; -1 after reporting, then close is called all the same. A video
 * reads s->input, here or in a confined process. */
VA_MUST_USE int va_video_open(struct va_source *s);
VA_MUST_USE int va_remote_open(struct va_source *s);
VA_MUST_USE int va_folder_open(struct va_source *s); /* s->path */

/* A source before it is opened. NULL after reporting. */
VA_MUST_USE struct va_source *va_source_new(const char *path,
                                            const struct va_source_options *options);

/* Whether the options ask for this frame. */
bool va_source_wants(const struct va_source *s, int64_t index, double pts);

/* Count something broken in `path`: a warning, or -1 and an error when it is one too many. What
 * is formatted reads "packet 3 (...): why". While s->hasty it says nothing, sets s->anew and returns -1. Of a live source, and where any number is accepted, only the first
 * of a run is said, until s->hurt is cleared. */
VA_MUST_USE int va_source_found_broken(struct va_source *s, const char *path,
                                       const char *format, ...) VA_PRINTF(3, 4);

/* "found 70000x2, expected at most ..."; 0 when the size is fine. */
VA_MUST_USE int va_source_check_size(const char *path, int64_t width, int64_t height);

#endif
