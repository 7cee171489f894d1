/*
 * va_align.h - the crop of a face: a similarity transform from a picture to a template.
 *
 * A template says where the two eyes, the tip of the nose and the corners of the mouth lie in the
 * unit square (x to the right, y down), in this order, left as seen in the picture first. The
 * transform that brings five points of a picture there with least squared distance has a closed
 * form (Umeyama 1991, without reflection).
 *
 * Coordinates: the middle of the first pixel is (.5, .5). A point beyond the picture is black.
 */
#ifndef VA_ALIGN_H
#define VA_ALIGN_H

#include "base/va_attr.h"
#include <stdint.h>

enum { VA_FACE_POINTS = 5 };

struct va_face_template {
    double points[VA_FACE_POINTS][2];
};

/* "arcface", the one of ArcFace's published crops; or a file with five lines "x y", in units of
 * the crop. -1 after reporting. */
VA_MUST_USE int va_face_template_read(struct va_face_template *t, const char *name);

/* From the crop to the picture: x = c u - s v + x0, y = s u + c v + y0, where (u, v) is counted
 * from the middle of a crop whose side is 1. */
struct va_similarity {
    double c, s, x0, y0;
};

/*
 * The transform whose crop shows `points` (pixels) where the template has them, with `margin` more
 * of the picture on each side, as a share of the side. Points that all lie in one place give
 * c = s = 0.
 */
struct va_similarity va_align(const float points[VA_FACE_POINTS][2],
                              const struct va_face_template *t, double margin);

/*
 * crop [size, size, 3] from pixels [height, width, 3]. A pixel of the crop is the mean of bilinear
 * samples, as many in a row as it covers pixels of the picture. The result depends on
 * nothing else, not on threads or instruction sets.
 */
void va_align_crop(const uint8_t *pixels, int64_t width, int64_t height,
                   const struct va_similarity *from, int size, uint8_t *crop);

#endif
