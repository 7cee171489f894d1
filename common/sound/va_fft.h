/*
 * va_fft.h - the complex Fourier transform of libavutil, forwards and backwards, not scaled.
 *
 * Its rounding depends on the processor: relative errors are near 1e-6 of the largest value.
 *
 * Threads:   one thread per transform
 */
#ifndef VA_FFT_H
#define VA_FFT_H

#include "base/va_attr.h"
#include <stdbool.h>

struct va_complex {
    float re, im;
};

struct va_fft; /* opaque */

/* Of n values, a power of two. NULL after reporting. */
VA_MUST_USE struct va_fft *va_fft_new(int n, bool inverse);
void va_fft_free(struct va_fft *f); /* NULL is fine */

/* Where the n values go. A run may change them. */
struct va_complex *va_fft_input(struct va_fft *f);
/* Transform them; the n results are the transform's until the next run. */
const struct va_complex *va_fft_run(struct va_fft *f);

#endif
