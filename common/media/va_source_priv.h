/*
 * va_source_priv.h - what the two kinds of sources, video and folder, share.
 */
#ifndef VA_SOURCE_PRIV_H
#define VA_SOURCE_PRIV_H

#include "media/va_libav_priv.h"
#include "media/va_source.h"
#include <libavutil/frame.h>
#include <stdbool.h>

struct va_rgb; /* opaque: AVFrame -> packed RGB of one size */

/* width, height 0: of the first frame. NULL after reporting. */
VA_MUST_USE struct va_rgb *va_rgb_new(int64_t width, int64_t height);
void va_rgb_follow(struct va_rgb *r); /* with 0, 0: each picture in its own size */

/* Convert, scale and turn `frame`; `matrix` [9] is the stream's display matrix or NULL (one in
 * the frame itself comes first). Fills pixels, width, height of `out`. -1 after reporting, with
 * `path` in the message. */
VA_MUST_USE int va_rgb_convert(struct va_rgb *r, const char *path, const AVFrame *frame,
                               const int32_t *matrix, struct va_frame *out);
void va_rgb_free(struct va_rgb *r); /* NULL is fine */

struct va_source_kind {
    int (*next)(struct va_source *s, struct va_frame *frame);
    void (*close)(struct va_source *s);
};

struct va_source {
    const struct va_source_kind *kind;
    void *state; /* of the kind */
    char *path;  /* as messages name it */
    struct va_source_options options;
    struct va_rgb *rgb;
    int64_t broken, frame_count, expected;
    double fps;
};

/* Fill s->kind and s->state; -1 after reporting, then close is called all the same. */
VA_MUST_USE int va_video_open(struct va_source *s, const char *path);
VA_MUST_USE int va_folder_open(struct va_source *s, const char *path);

/* Whether the options ask for this frame. */
bool va_source_wants(const struct va_source *s, int64_t index, double pts);

/* Count something broken in `path`: a warning, or -1 and an error when it is one too many. What
 * is formatted reads "packet 3 (...): why". */
VA_MUST_USE int va_source_found_broken(struct va_source *s, const char *path,
                                       const char *format, ...) VA_PRINTF(3, 4);

/* "found 70000x2, expected at most ..."; 0 when the size is fine. */
VA_MUST_USE int va_source_check_size(const char *path, int64_t width, int64_t height);

#endif
