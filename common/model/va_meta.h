/*
 * va_meta.h - settings of encoders in metadata: numbers, choices, and how pixels are normalised.
 *
 * load_*: what is there already stays when the key is absent. All return 0, or -1 after reporting.
 */
#ifndef VA_META_H
#define VA_META_H

#include "base/va_tensors.h"

VA_MUST_USE int va_meta_store_int(struct va_tensors *set, const char *key, int64_t value);
/* Up to three numbers with as few digits as give them back. */
VA_MUST_USE int va_meta_store_reals(struct va_tensors *set, const char *key, int count,
                                    const double *value);

VA_MUST_USE int va_meta_load_int(const struct va_tensors *set, const char *path,
                                 const char *key, int64_t *value);
VA_MUST_USE int va_meta_load_reals(const struct va_tensors *set, const char *path,
                                   const char *key, int count, double *value);
/* All of these keys are there; NULL after the last. */
VA_MUST_USE int va_meta_need(const struct va_tensors *set, const char *path,
                             const char *const *keys);
/* The index of a name among `names`, two of them. */
VA_MUST_USE int va_meta_load_choice(const struct va_tensors *set, const char *path,
                                    const char *key, const char *const *names, int *value);

/* Mean and deviation of the three channels, of pixels from 0 to 1. */
VA_MUST_USE int va_meta_check_pixels(const char *where, const double *mean, const double *std);
/* table[c][byte]: the normalised pixel, in float32 as those who trained encoders computed it. */
void va_meta_pixel_table(const double *mean, const double *std, float table[3][256]);

#endif
