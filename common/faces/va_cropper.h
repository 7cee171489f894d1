/*
 * va_cropper.h - crops of people's faces, cut out of the frames of a video as they come.
 *
 * A va.faces/1 file says where the faces are (faces/va_faces_read.h). The transform of each face to the
 * template (media/va_align.h) is averaged with those of its neighbours in time, which takes the jitter of
 * the points away. Neighbours are successive frames in which the person is seen and the crop moves by
 * less than a quarter of its side: no mean goes across a gap or a cut.
 *
 * The video has to be that of the file (media/va_match.h).
 *
 * Threads:   one at a time; different croppers are independent
 */
#ifndef VA_CROPPER_H
#define VA_CROPPER_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include "media/va_source.h"
#include <stdbool.h>

enum { VA_CROP_SIDE = 112, VA_CROP_SIDE_LEAST = 16, VA_CROP_SIDE_MOST = 4096 }; /* pixels */

struct va_cropper_options {
    const char *faces;    /* the file */
    const char *track;    /* name of a person; NULL: all people, or the only one */
    const char *template; /* of va_face_template_read; NULL: that of the file */
    double margin;  /* more of the picture on each side, as a share of the template's side */
    int64_t size;   /* side of a crop in pixels */
    int64_t smooth; /* frames in a mean; 1: none */
};
#define VA_CROPPER_DEFAULTS               \
    (struct va_cropper_options)           \
    {                                     \
        .size = VA_CROP_SIDE, .smooth = 3 \
    }

/* As options of a tool, without that of the size. */
#define VA_OPT_CROPPER(o)                                                                     \
    VA_OPT_FILE(0, "faces", &(o)->faces,                                                      \
                "faces of this video (va.faces/1): crop frames to a person's face"),          \
        VA_OPT_STRING(0, "track", &(o)->track, "NAME", "person of --faces to crop"),          \
        VA_OPT_STRING(0, "template", &(o)->template, "NAME|FILE",                             \
                      "place of eyes, nose and mouth in crops: arcface, or a file with five " \
                      "lines \"x y\" (default: as in --faces)"),                              \
        VA_OPT_REAL(0, "margin", &(o)->margin, -.4, 10,                                       \
                    "add this share of a crop's side on each side"),                          \
        VA_OPT_INT(0, "smooth", &(o)->smooth, 1, 999,                                         \
                   "average the alignment of crops over this many successive frames")

/* Whether an option of crops is given without --faces: an error of usage, with *status. */
bool va_cropper_check(const struct va_cropper_options *o, int *status);

struct va_cropper; /* opaque */

/* How many people there may be without a track. */
enum va_crop_people { VA_CROP_ONE, VA_CROP_SOME, VA_CROP_SOME_OR_NONE };

/* For the video `path` called `video`. NULL after reporting. `path` lives as long. */
VA_MUST_USE struct va_cropper *va_cropper_open(const struct va_cropper_options *o,
                                               const char *path, const char *video,
                                               enum va_crop_people people);
void va_cropper_close(struct va_cropper *c); /* NULL is fine */

int64_t va_cropper_count(const struct va_cropper *c);               /* people */
const char *va_cropper_name(const struct va_cropper *c, int64_t i); /* of a person */
int64_t va_cropper_frames(const struct va_cropper *c, int64_t i);   /* with the person */
int64_t va_cropper_strangers(const struct va_cropper *c);           /* faces of no person */
const char *va_cropper_path(const struct va_cropper *c);            /* of the file of faces */
const char *va_cropper_id(const struct va_cropper *c);              /* its content id */
const char *va_cropper_input(const struct va_cropper *c); /* of its crops (io/va_pictured.h) */
double va_cropper_fps(const struct va_cropper *c);        /* of the video, as that file says */
int64_t va_cropper_frame_count(const struct va_cropper *c); /* likewise */

/*
 * Cut person i out of a frame; the frames of a person come in ascending order. 1: *crop, valid until the
 * next call, and *score of the face, 0 to 1; 0: the person is not there, or i is 0 and nobody is; -1 after reporting.
 */
VA_MUST_USE int va_cropper_cut(struct va_cropper *c, int64_t i, const struct va_frame *frame,
                               struct va_frame *crop, float *score);

/* After the last frame of the video, which has so many. -1 after reporting: it is another video. */
VA_MUST_USE int va_cropper_end(const struct va_cropper *c, int64_t frame_count);

#endif
