/*
 * va_faces_write.h - a va.faces/1 file, written as faces come; who they are is known at the end.
 *
 * In memory stays the number of the tracklet of each face, 4 bytes.
 */
#ifndef VA_FACES_WRITE_H
#define VA_FACES_WRITE_H

#include "faces/va_people.h"
#include "io/va_h5.h"

#define VA_FACES_TEMPLATE "arcface" /* of crops, unless another is asked for */

struct va_faces_writer {
    struct va_h5_out *out; /* for inputs */
    struct va_h5_rows *index, *pts, *box, *points, *score;
    int32_t *tracklets; /* [count] */
    int64_t count, room;
};

/* What is known of the video and of how faces were found, at the end. */
struct va_faces_info {
    const char *video;
    double fps;
    int64_t frame_count, width, height;
    const char *detector; /* content id of its weights */
};

/* Begin `path`. 0, or -1 after reporting; then, and after a failure below, abort. */
VA_MUST_USE int va_faces_create(struct va_faces_writer *w, const char *path);

/* A face of a frame; frames in ascending order. */
VA_MUST_USE int va_faces_append(struct va_faces_writer *w, int32_t index, double pts,
                                const struct va_face *face, int32_t tracklet);

VA_MUST_USE int va_faces_commit(struct va_faces_writer *w, const struct va_faces_info *info,
                                const struct va_people *people);
void va_faces_abort(struct va_faces_writer *w); /* fine after a commit, and when zeroed */

#endif
