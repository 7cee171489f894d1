/*
 * va_image.h - picture files as packed RGB24: JPEG, PNG, BMP, WebP, TIFF, JPEG 2000 and the first
 * picture of a GIF, known by their contents and not by their names.
 *
 * Decoders run in their strict mode: half an image is a broken image, not a grey one. Orientation
 * in the file is applied. Pixels of a JPEG, and those of any picture that is scaled, equal what Pillow makes
 * of it (media/va_resize.h), except for CMYK and for files of which libjpeg-turbo warns.
 *
 * Threads:   one thread per reader; different readers are independent
 */
#ifndef VA_IMAGE_H
#define VA_IMAGE_H

#include "base/va_attr.h"
#include "media/va_source.h"
#include <stdbool.h>
#include <stdint.h>

struct va_images; /* opaque: the decoders */

/* Images come in this size; with width 0 in their own, or if they are to be `alike` in that of the
 * first. NULL after reporting. */
VA_MUST_USE struct va_images *va_images_new(int64_t width, int64_t height, bool alike);

struct va_zip;

/* From now on images are members of this archive (media/va_zip.h), which lives as long; NULL: files again. */
void va_images_from(struct va_images *im, const struct va_zip *zip);

/*
 * Decode a file. 1: pixels, width and height of `out`, until the next call. 0: no image comes of it;
 * *why, until the next call, goes on after its name: "broken image: ...", "is a HEIC picture; ...".
 * Bytes after the end of a picture are none of it. -1 after reporting: there is no such file, memory is
 * short, sides beyond VA_SIDE_MAX.
 */
VA_MUST_USE int va_images_read(struct va_images *im, const char *path, struct va_frame *out,
                               const char **why);

/*
 * The caller knows what it will read: path(arg, k) is a new string, the k-th image after the one
 * that va_images_read was asked for, NULL when there are no more. Those are then decoded in the
 * background, by as many confined processes as `threads` says (1..16), or by one where the first image
 * says how large the others are. Call it before the first image is read.
 */
void va_images_ahead(struct va_images *im, char *(*path)(void *arg, int64_t k), void *arg,
                     int threads);
void va_images_free(struct va_images *im); /* NULL is fine */

/* Whether a name ends as a picture does: .jpg, .jpeg, .png, .bmp, .webp, .tif or .tiff in any case. */
bool va_image_name(const char *name);

#endif
