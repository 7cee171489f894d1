/*
 * va_area.h - pictures made smaller: a pixel of the result is the mean of the area that it covers.
 */
#ifndef VA_AREA_H
#define VA_AREA_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_area; /* opaque: weights of one (width, height) -> (out_width, out_height) */

/* NULL after reporting. No side of the result is longer than that of the source. */
VA_MUST_USE struct va_area *va_area_new(int64_t width, int64_t height, int64_t out_width,
                                        int64_t out_height);
/* src [height, width, 3] -> dst [out_height, out_width, 3]; one thread per va_area at a time. */
void va_area_run(struct va_area *a, const uint8_t *src, uint8_t *dst);
void va_area_free(struct va_area *a); /* NULL is fine */

#endif
