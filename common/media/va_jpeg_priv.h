/*
 * va_jpeg_priv.h - JPEG through libjpeg-turbo, for files about which it has no doubt.
 *
 * Pixels equal those of other programs that decode with it at its usual settings (Pillow, OpenCV):
 * the accurate integer DCT, chroma interpolated.
 */
#ifndef VA_JPEG_PRIV_H
#define VA_JPEG_PRIV_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_jpeg; /* opaque */

VA_MUST_USE struct va_jpeg *va_jpeg_new(void); /* NULL after reporting */
void va_jpeg_free(struct va_jpeg *j);          /* NULL is fine */

struct va_jpeg_picture {
    const uint8_t *pixels; /* [height, width, 3], as stored; until the next call */
    int64_t width, height;
    int orientation; /* of EXIF: 1 (upright) to 8 */
};

/*
 * Decode a file of `size` bytes: grey, YCbCr or RGB, 8 bits. 1: it is in *out. 0: another decoder has
 * to look at it, because the library found a fault or warns of one, the colours are others, or the
 * picture is larger than VA_PIXELS_MAX or VA_SIDE_MAX. -1 after reporting that memory is short.
 */
VA_MUST_USE int va_jpeg_decode(struct va_jpeg *j, const uint8_t *data, int64_t size,
                               struct va_jpeg_picture *out);

/* Bytes of a JPEG with its end marker, of `size`; 0 when the marker is missing. */
int64_t va_jpeg_size(const uint8_t *data, int64_t size);

#endif
