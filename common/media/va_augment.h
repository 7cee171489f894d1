/*
 * va_augment.h - a random part of a picture, resized, perhaps mirrored, with other colours.
 *
 * As torchvision's transforms of the same names, with Pillow's bicubic and Pillow's 8-bit colour
 * arithmetic:
 *   RandomResizedCrop   ten tries of an area and a ratio (uniform in its logarithm), then the
 *                       middle with the ratio nearest to the picture's own
 *   RandomHorizontalFlip
 *   ColorJitter         brightness, contrast, saturation and hue in random order
 * The choices are a function of (seed, epoch, picture): the same whichever thread asks, and after a
 * resume.
 *
 * Pixels:    [height, width, 3] RGB, 8 bits
 * Threads:   one thread per augmenter
 */
#ifndef VA_AUGMENT_H
#define VA_AUGMENT_H

#include "base/va_settings.h"
#include <stdint.h>

struct va_augment_options {
    double scale[2]; /* share of the area that a crop has, 0 < low <= high <= 1; 1, 1: no crop,
                        the whole picture resized to a square */
    double flip;     /* how likely, 0..1 */
    /* Jitter: factors uniform in [max(0, 1 - x), 1 + x]; hue: turns in [-x, x], x <= .5 */
    double brightness, contrast, saturation, hue;
};

extern const struct va_settings va_augment_settings; /* of these options, under a heading */

/* What is done to one picture. */
struct va_augment_choice {
    int64_t x, y, width, height; /* of the crop */
    int flip;
    int order[4];     /* of brightness 0, contrast 1, saturation 2, hue 3 */
    double factor[4]; /* 1 and hue 0: nothing */
};

/* The choice for a picture of this size. */
void va_augment_choose(const struct va_augment_options *o, uint64_t seed, uint64_t epoch,
                       uint64_t picture, int64_t width, int64_t height,
                       struct va_augment_choice *c);

struct va_augmenter; /* opaque: room for the work on one picture */

VA_MUST_USE struct va_augmenter *va_augmenter_new(int64_t size); /* NULL after reporting */
/* The choice applied to src [height, width, 3]: dst [size, size, 3]. -1 after reporting. */
VA_MUST_USE int va_augmenter_run(struct va_augmenter *a, const struct va_augment_choice *c,
                                 const uint8_t *src, int64_t width, int64_t height,
                                 uint8_t *dst);
void va_augmenter_free(struct va_augmenter *a); /* NULL is fine */

#endif
