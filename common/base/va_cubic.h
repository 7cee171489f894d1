/*
 * va_cubic.h - weights of antialiased bicubic resizing along one axis.
 *
 * Keys' cubic (a = -0.5), stretched by max(n / size, 1), cut off at the edges and brought to the
 * sum 1: what Pillow resizes pictures with, and PyTorch's interpolate(mode="bicubic",
 * antialias=True) tables of positions.
 */
#ifndef VA_CUBIC_H
#define VA_CUBIC_H

#include <stdint.h>

int64_t va_cubic_taps(int64_t n, int64_t size); /* at most so many weights for an output */

/* Sample i of `size`, made of n: weights in w [va_cubic_taps], for samples from *first on. Returns
 * how many. */
int64_t va_cubic_weights(int64_t n, int64_t size, int64_t i, double *w, int64_t *first);

#endif
