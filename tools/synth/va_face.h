/*
 * va_face.h - a cartoon face, drawn with smooth edges.
 *
 * A canvas is [height, width, 3] float, 0..1, red green blue. Parts are drawn over what is
 * there, background first. Lengths of the face are in units of half its head's height, so an
 * expression looks the same at every size.
 *
 * Ownership: a canvas holds one block, made by init and freed by release
 * Threads:   one thread per canvas
 */
#ifndef VA_FACE_H
#define VA_FACE_H

#include "base/va_attr.h"
#include "model/va_yunet.h"
#include <stdbool.h>
#include <stdint.h>

struct va_canvas {
    float *pixels; /* [height, width, 3] */
    int64_t width, height;
};

/* What does not change while a person is on the screen. */
struct va_looks {
    float skin[3], hair[3], lips[3], iris[3], shirt[3];
    float head_width; /* of the head's height */
    float eye_gap;    /* from the middle to an eye */
    float eye_size;   /* half the width of an eye */
    float brow_thick; /* half the thickness of a brow */
    float nose;       /* length */
    float fringe;     /* how far the hair comes down */
};

/* What does. */
struct va_expression {
    float mouth_curve; /* height of the corners over the middle; negative: they hang */
    float mouth_open;  /* half the height of the opening, 0 or more */
    float mouth_width; /* half its width */
    float eye_open;    /* half the height of an eye, 0: shut */
    float pupil;       /* radius */
    float gaze;        /* to the side */
    float brow_height; /* over the eye */
    float brow_tilt;   /* outer end minus inner end; positive: an angry brow */
    float cheeks;      /* 0..1, redness */
};

struct va_pose {
    float x, y;   /* middle of the head, pixels */
    float radius; /* half the head's height, pixels */
    float roll;   /* radians */
    float blur;   /* width of an edge beyond one pixel, pixels */
    bool away;    /* the head is turned: hair only */
};

/* Light that falls on everything: gain at the middle, and its change to the right and down. */
struct va_light {
    float gain, right, down;
};

VA_MUST_USE int va_canvas_init(struct va_canvas *c, int64_t width, int64_t height);
void va_canvas_release(struct va_canvas *c);

/* Fill columns [x0, x1) with a wall: a gradient between two colours, with stripes of width
 * `stripe` pixels. */
void va_canvas_wall(struct va_canvas *c, int64_t x0, int64_t x1, const float top[3],
                    const float bottom[3], float stripe);

/* Draw shoulders and head within columns [x0, x1). */
void va_face_draw(struct va_canvas *c, int64_t x0, int64_t x1, const struct va_looks *looks,
                  const struct va_expression *e, const struct va_pose *pose);

/* Where such a face is in the picture: the box around the head without its hair, and the five points. */
struct va_face va_face_where(const struct va_looks *looks, const struct va_expression *e,
                             const struct va_pose *pose);

/*
 * Light and sensor: out [height, width, 3] bytes. Noise of deviation `noise` (0..1) is grey and
 * the same for equal (seed, step).
 */
void va_canvas_expose(const struct va_canvas *c, const struct va_light *light, float noise,
                      uint64_t seed, uint64_t step, uint8_t *out);

#endif
