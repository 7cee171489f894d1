/*
 * va_footage.h - the pictures of one video in their order, whatever holds them: a va.frames/1 file, a
 * video, a stream or a folder of crops. They come whole, or cropped to the face of a person.
 *
 * Threads:   va_footage_next from one at a time; the rest before it or after its end
 */
#ifndef VA_FOOTAGE_H
#define VA_FOOTAGE_H

#include "faces/va_cropper.h"
#include "media/va_source.h"

struct va_footage; /* opaque */

/* `name` is that of the video, NULL: by its file. `path` lives as long; `tolerate` and `threads` as in media/va_source.h. NULL after reporting: also where
 * the name of the file is no name for a video. */
VA_MUST_USE struct va_footage *va_footage_open(const char *path, const char *name,
                                               int64_t tolerate, int threads);
void va_footage_close(struct va_footage *f); /* NULL is fine */

/* From now on the people of the cropper, which lives as long, instead of whole pictures: for each frame
 * those that are there, in their order. Before the first picture. */
void va_footage_crop(struct va_footage *f, struct va_cropper *c);

const char *va_footage_path(const struct va_footage *f);
const char *va_footage_video(const struct va_footage *f); /* its name */
const char *va_footage_input(
    const struct va_footage *f);                         /* io/va_pictured.h; NULL: not known */
const char *va_footage_id(const struct va_footage *f);   /* of a va.frames/1 file; else NULL */
int64_t va_footage_count(const struct va_footage *f);    /* pictures, -1: not known */
int64_t va_footage_expected(const struct va_footage *f); /* a guess for progress; 0: none */

VA_MUST_USE int va_footage_next(struct va_footage *f,
                                struct va_frame *frame); /* va_source_next */

int64_t va_footage_person(
    const struct va_footage *f); /* of the cropper, in the last picture; or 0 */

/* Whether it is known how sure it is that pictures show the face; of the last one, 0 to 1. */
bool va_footage_scored(const struct va_footage *f);
float va_footage_score(const struct va_footage *f);

/* Of the video, final at the end: its rate, 0 if not known, and its frames. Where pictures have no times, they and the
 * rate are those of the cropper's file. */
double va_footage_fps(const struct va_footage *f);
int64_t va_footage_frame_count(const struct va_footage *f);

#endif
