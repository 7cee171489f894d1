/*
 * va_encode.h - RGB frames to an H.264 video in MP4 or QuickTime, single images to JPEG and PNG.
 *
 * Equal frames give equal bytes on one build of the libraries: one thread, no time stamps, no
 * processor-dependent choices. Files appear under their name only when they are whole.
 * Without libx264 in libavcodec, MPEG-4 part 2 takes the place of H.264.
 *
 * A video begins with a note that it is ours; a video of others under the same name is not replaced
 * (base/va_output.h).
 *
 * Pixels:    [height, width, 3] RGB, 8 bits
 * Errors:    all functions report
 * Threads:   one thread per encoder; different encoders and images are independent, but files
 *            are begun and finished from one thread at a time (base/va_tempfile.h)
 */
#ifndef VA_ENCODE_H
#define VA_ENCODE_H

#include "base/va_attr.h"
#include "media/va_sound.h"
#include <stdint.h>

struct va_encoder; /* opaque */

/* Begin the file `path`, QuickTime where its name ends in .mov, else MP4: even width and height, fps > 0
 * frames a second, quality 1..100. A tick is 1 / fps seconds. NULL after reporting. */
VA_MUST_USE struct va_encoder *va_encoder_open(const char *path, int64_t width, int64_t height,
                                               double fps, int quality);

/* The same for frames at any time: a tick is 1 / VA_ENCODER_TICKS seconds, fps is about their rate.
 * MPEG-4 knows no shorter tick than 1/65535 s; this one counts 24, 25, 30, 50, 60 and 30000/1001 frames
 * exactly. */
enum { VA_ENCODER_TICKS = 60000 };
VA_MUST_USE struct va_encoder *va_encoder_open_timed(const char *path, int64_t width,
                                                     int64_t height, double fps, int quality);

/* Turn the shown picture by 90, 180 or 270 degrees clockwise (a note in the file: pixels are
 * stored as given). Before the first frame. */
VA_MUST_USE int va_encoder_rotate(struct va_encoder *e, int degrees);

/* Copy a sound along, `delay` seconds later than it says. It lives until the encoder is closed. Before the
 * first frame. A sound that the format of the file cannot hold is left out, with a warning. */
VA_MUST_USE int va_encoder_sound(struct va_encoder *e, struct va_sound *sound, double delay);

/* A sound of one channel beside the frames, FLAC, `rate` samples a second from the time 0 on. Before the first frame. Instead of
 * va_encoder_sound. */
VA_MUST_USE int va_encoder_speak(struct va_encoder *e, int rate);
/* Its next samples; best about as many as the frames before them last. */
VA_MUST_USE int va_encoder_samples(struct va_encoder *e, const int16_t *samples, int64_t count);

/* Add a frame shown from this tick on. Ticks ascend; a constant rate is 0, 1, 2, ... */
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
