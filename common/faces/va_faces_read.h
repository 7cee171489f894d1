/*
 * va_faces_read.h - a va.faces/1 file, person by person.
 *
 * Ownership: everything belongs to the reader
 * Threads:   nothing changes once it is read
 */
#ifndef VA_FACES_READ_H
#define VA_FACES_READ_H

#include "base/va_attr.h"
#include "media/va_align.h"
#include "media/va_match.h"
#include <stdint.h>

/* A person's face in a frame. */
struct va_seen {
    int32_t index; /* number of the frame, from 1 */
    double pts;    /* its time in seconds */
    float score;   /* 0 to 1 */
    float box[4];  /* left, top, width, height in pixels */
    float points[VA_FACE_POINTS][2];
};

struct va_faces_person {
    char *name;           /* a valid name of a video; no two alike */
    struct va_seen *seen; /* [count], at least one, frames ascending */
    int64_t count;
};

struct va_faces {
    char *path, *id; /* of the file */
    char *video;     /* its name */
    double fps;      /* average frames per second, 0: not known */
    int64_t frame_count, width, height;
    char *template;
    struct va_faces_person *people; /* [count], in the order of the file */
    int64_t count;
    int64_t strangers; /* faces that belong to no person, and are left out */
};

/* Every value is checked. NULL after reporting. */
VA_MUST_USE struct va_faces *va_faces_read(const char *path);
void va_faces_free(struct va_faces *f); /* NULL is fine */

/* To compare it with the video `path`. Points into both. */
struct va_match va_faces_match(const struct va_faces *f, const char *path);

#endif
