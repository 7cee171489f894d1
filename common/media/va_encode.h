/*
 * va_encode.h - RGB frames to an H.264 video in MP4, single images to JPEG and PNG.
 *
 * Equal frames give equal bytes on one build of the libraries: one thread, no time stamps, no
 * processor-dependent choices. Files appear under their name only when they are whole.
 * Without an H.264 encoder in libavcodec, MPEG-4 part 2 takes its place.
 *
 * Pixels:    [height, width, 3] RGB, 8 bits
 * Errors:    all functions report
 * Threads:   one thread per encoder; different encoders and images are independent, but files
 *            are begun and finished from one thread at a time (base/va_tempfile.h)
 */
#ifndef VA_ENCODE_H
#define VA_ENCODE_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_encoder; /* opaque */

/* Begin the MP4 file `path`: even width and height, fps > 0 frames a second, quality 1..100.
 * NULL after reporting. */
VA_MUST_USE struct va_encoder *va_encoder_open(const char *path, int64_t width, int64_t height,
                                               double fps, int quality);

/* Turn the shown picture by 90, 180 or 270 degrees clockwise (a note in the file: pixels are
 * stored as given). Before the first frame. */
VA_MUST_USE int va_encoder_rotate(struct va_encoder *e, int degrees);

/* Add a frame shown from time tick / fps on. Ticks ascend; a constant rate is 0, 1, 2, ... */
VA_MUST_USE int va_encoder_frame(struct va_encoder *e, const uint8_t *rgb, int64_t tick);

/* Complete the file under its name. Frees *e and sets it to NULL in any case. */
VA_MUST_USE int va_encoder_close(struct va_encoder **e);
void va_encoder_abort(struct va_encoder **e); /* NULL and *e NULL are fine */

/* Write one image. JPEG: quality 1..100, full chroma resolution. PNG: lossless. */
VA_MUST_USE int va_jpeg_write(const char *path, const uint8_t *rgb, int64_t width,
                              int64_t height, int quality);
/* The bytes of such a JPEG, to be freed with va_free; `path` only names it in messages. Any
 * thread. */
VA_MUST_USE int va_jpeg_bytes(const char *path, const uint8_t *rgb, int64_t width,
                              int64_t height, int quality, uint8_t **bytes, int64_t *size);
VA_MUST_USE int va_png_write(const char *path, const uint8_t *rgb, int64_t width,
                             int64_t height);

#endif
