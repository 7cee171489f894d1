/*
 * va_pictures.h - the pictures of many va.frames/1 files, folders of images and videos, in any order.
 *
 * An input is
 *   a va.frames/1 file   mapped, so that it costs address space only
 *   a folder             searched with all its folders for picture files; each folder that holds some
 *                        is a video of its name. Numbers are those of media/va_crops.h, or all 0.
 *                        A zip archive is a folder too
 *   a video              decoded once to a va.frames/1 file in the cache folder, pictures of which the
 *                        shorter side is at most `side`; a later run finds it there
 * Pictures are numbered in the order of the inputs, of their folders by name and of the frames in
 * them. Memory: 16 bytes a picture and the names of the images, whatever their size, and about 70
 * bytes for each image file that was opened (base/va_input.h remembers it), or what media/va_zip.h says.
 *
 * Ownership: the collection owns all strings it returns
 * Threads:   va_pictures_open, from one thread; afterwards one reader per thread
 */
#ifndef VA_PICTURES_H
#define VA_PICTURES_H

#include "base/va_attr.h"
#include "base/va_hash.h"
#include "media/va_source.h"
#include <stdbool.h>
#include <stdint.h>

struct va_pictures_options {
    int64_t every;     /* of each video pictures 1, 1 + every, ...; 0 is 1 */
    const char *cache; /* folder for decoded videos; NULL: videos are refused */
    int64_t side;      /* of cached pictures, see above */
    int64_t tolerate;  /* broken images and packets before giving up, in all */
};

struct va_picture {
    int32_t video;  /* index of va_pictures_video */
    int32_t number; /* 1-based frame number; 0: the file's name tells none */
    int64_t row;    /* in the frames file or folder */
};

struct va_picture_video {
    const char *path, *name;
    const char *id;       /* content id of a va.frames/1 file that was given, or NULL */
    const char *input;    /* what they show (io/va_pictured.h), NULL: not known */
    int64_t first, count; /* its pictures are first .. first + count - 1 */
    int64_t frame_count;  /* frames of the video, of a folder the last number */
    double fps;           /* average; 0: not known */
};

struct va_pictures; /* opaque */

/* Find all pictures; decode videos that the cache lacks. NULL after reporting: also when an input
 * has no picture. */
VA_MUST_USE struct va_pictures *va_pictures_open(char *const *inputs, int64_t count,
                                                 const struct va_pictures_options *options);
int64_t va_pictures_count(const struct va_pictures *p);
const struct va_picture *va_pictures_at(const struct va_pictures *p, int64_t i);
int64_t va_pictures_videos(const struct va_pictures *p);
const struct va_picture_video *va_pictures_video(const struct va_pictures *p, int64_t v);
const char *va_pictures_input(
    const struct va_pictures *p);             /* what all have in common, or NULL */
void va_pictures_free(struct va_pictures *p); /* NULL is fine */

/*
 * A fingerprint of the collection, wherever it lies: names and numbers, of frames files (also those
 * made from videos) their content ids, of images their sizes. -1 after reporting.
 */
VA_MUST_USE int va_pictures_digest(const struct va_pictures *p, char text[VA_HASH_TEXT]);

struct va_picture_reader; /* opaque */

VA_MUST_USE struct va_picture_reader *va_picture_reader_new(struct va_pictures *p);
/*
 * Pixels, width and height of picture i, valid until the next call. A broken image is named and
 * counted against `tolerate`, once, and replaced by the next picture of its video that is whole. 0; 1
 * when another took its place; -1 after reporting.
 */
VA_MUST_USE int va_picture_read(struct va_picture_reader *r, int64_t i, struct va_frame *out);
void va_picture_reader_free(struct va_picture_reader *r); /* NULL is fine */

#endif
