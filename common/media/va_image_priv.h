/*
 * va_image_priv.h - images that are decoded in this process or in a confined one.
 */
#ifndef VA_IMAGE_PRIV_H
#define VA_IMAGE_PRIV_H

#include "base/va_attr.h"
#include "media/va_image.h"

struct va_zip;

/* The bytes of an image: a file, or a member of an archive. */
struct va_image_bytes {
    int64_t size;
    int fd;                   /* -1: */
    const struct va_zip *zip; /* in this archive, */
    int64_t member;
};

/* Find an image, in the archive unless that is NULL. 0; -1 after reporting. *what is NULL, or says why it
 * cannot be an image. */
VA_MUST_USE int va_image_open(struct va_image_bytes *b, const struct va_zip *zip,
                              const char *path, const char **what);
/* The same without a word: -1 when there is anything to say. */
VA_MUST_USE int va_image_try(struct va_image_bytes *b, const struct va_zip *zip,
                             const char *path);
/* Read it to `data` [size]: how many bytes there are, fewer when a file has shrunk; 0 and *why, else NULL, where
 * they are damaged; -1 after reporting. */
VA_MUST_USE int64_t va_image_load(const struct va_image_bytes *b, const char *path,
                                  uint8_t *data, const char **why);
void va_image_close(struct va_image_bytes *b);

/* ---- in this process -------------------------------------------------------------------- */

struct va_image_decoder; /* opaque */

/* As va_images_new. */
VA_MUST_USE struct va_image_decoder *va_image_decoder_new(int64_t width, int64_t height,
                                                          bool alike);
/* Pixels go to a place of the caller's: see va_rgb_into. */
void va_image_decoder_into(struct va_image_decoder *im,
                           uint8_t *(*place)(void *arg, int64_t size), void *arg);
/* As va_images_read, of `size` bytes; `path` is for messages. */
VA_MUST_USE int va_image_decode(struct va_image_decoder *im, const char *path, uint8_t *data,
                                int64_t size, struct va_frame *out, const char **why);
void va_image_decoder_free(struct va_image_decoder *im); /* NULL is fine */

/* ---- in a confined one ------------------------------------------------------------------ */

struct va_remote_images; /* opaque */

VA_MUST_USE struct va_remote_images *va_remote_images_new(int64_t width, int64_t height,
                                                          bool alike);
/* As va_images_from. */
void va_remote_images_from(struct va_remote_images *m, const struct va_zip *zip);
VA_MUST_USE int va_remote_images_read(struct va_remote_images *m, const char *path,
                                      struct va_frame *out, const char **why);
void va_remote_images_ahead(struct va_remote_images *m, char *(*path)(void *arg, int64_t k),
                            void *arg);
void va_remote_images_free(struct va_remote_images *m); /* NULL is fine */

#endif
