/*
 * va_patches.h - the pictures of a batch as an encoder wants them.
 */
#ifndef VA_PATCHES_H
#define VA_PATCHES_H

#include "model/va_vit.h"
#include <stdint.h>

/* pictures [count, S, S, 3], patches [count, P, 3*p*p]: va_vit_cut of each, by all threads. */
void va_patches_cut(const struct va_vit *vit, int64_t count, const uint8_t *pictures,
                    float *patches);

#endif
