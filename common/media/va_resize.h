/*
 * va_resize.h - Pillow's antialiased bicubic, bit for bit.
 *
 * Source: the Keys cubic (a = -0.5) stretched by max(n / size, 1), weights in 22-bit fixed point,
 * rows first, the result of the first pass rounded to 8 bits; an axis of the right length is
 * left alone. So did all versions up to 12, with which published encoders were trained; 13 takes
 * columns first where the height shrinks and the width does not (or less), which moves single
 * values by up to 20 levels.
 */
#ifndef VA_RESIZE_H
#define VA_RESIZE_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_resize; /* opaque: weights of one (height, width) -> (out_height, out_width) */

VA_MUST_USE struct va_resize *va_resize_new(int64_t width, int64_t height, int64_t out_width,
                                            int64_t out_height); /* NULL after reporting */
/* src [height, width, 3] -> dst [out_height, out_width, 3]; one thread per resizer at a time. */
void va_resize_run(struct va_resize *r, const uint8_t *src, uint8_t *dst);
void va_resize_free(struct va_resize *r); /* NULL is fine */

#endif
