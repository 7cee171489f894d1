/*
 * va_look.h - what a face looks like, coarsely: enough to know somebody again in the same video.
 *
 * The face, aligned to a template (media/va_align.h), is reduced to 14 x 14 colours in CIE Lab (8 bits a number: L *
 * 2.55, a + 128, b + 128); half of the mean lightness is taken off, and the vector gets length 1.
 * Measured: mean looks of one person in a video lie .005 to .14 apart, of two people .39 to .40.
 */
#ifndef VA_LOOK_H
#define VA_LOOK_H

#include "media/va_align.h"
#include "model/va_yunet.h"

enum { VA_LOOK_SIDE = 14, VA_LOOK = VA_LOOK_SIDE * VA_LOOK_SIDE * 3 };

/* Of a face in a picture [height, width, 3] of RGB; what lies outside of the picture is black. */
void va_look(const uint8_t *rgb, int64_t width, int64_t height, const struct va_face *face,
             const struct va_face_template *t, float look[VA_LOOK]);

/* How far two looks, or means of looks, lie apart. */
double va_look_distance(const float a[VA_LOOK], const float b[VA_LOOK]);

#endif
