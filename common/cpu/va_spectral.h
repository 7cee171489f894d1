/*
 * va_spectral.h - causal convolution by products of spectra (overlap-save).
 *
 * A sequence is cut into tiles of `size` samples which overlap by taps - 1. The spectrum of an
 * output tile is that of the input tile times the kernel's, summed over channels: one complex
 * product of matrices per frequency. `outputs` = size - taps + 1 of the samples are right, the others
 * have wrapped round. For 15 taps and tiles of 64 that is 2.5 multiplications per output and pair of
 * channels instead of 15. Dilated kernels see each phase of the time as a sequence of its own.
 *
 * Spectra of kernels are made where they are used, block by block in the second cache: that costs
 * some 6 % of the products, and spares a copy of all kernels of 64 / 15 their size.
 *
 * Time runs from -size / 2 in a tile, from -outputs / 2 in its outputs, from -(taps - 1) / 2 in a
 * kernel: then what is even in time gives the real parts, what is odd the imaginary ones. The sign
 * is that of exp(+i w t). A spectrum is size / 2 slots of two numbers: slot 0 holds the real
 * frequencies 0 and size / 2, slot k frequency k.
 *
 *   tile    [slot][row][2][VA_SPECTRAL_IN]      a block of channels of `rows` tiles
 *   kernel  [slot][in][2][VA_SPECTRAL_OUT]      a block of pairs of channels
 *   sums    [slot][row][2][VA_SPECTRAL_OUT]
 * `step` is the distance of slots, in floats.
 */
#ifndef VA_SPECTRAL_H
#define VA_SPECTRAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    VA_SPECTRAL_IN = 64,  /* channels that a block of products sums over */
    VA_SPECTRAL_OUT = 32, /* channels that it gives */
    VA_TILE_MIN = 32,
    VA_TILE_MAX = 64,
    VA_TAPS_MIN = 7,
    VA_TAPS_MAX = 31,
};

/* Sizes of tiles of one kind, and the waves they are measured by. */
struct va_tile {
    int size, taps, outputs;              /* size even, taps odd */
    const float *cosine, *sine;           /* [size / 2 + 1][size / 2 + 1]: of 2 pi k t / size */
    const float *cosine_back, *sine_back; /* the same by 2 / size, 1 / size for slot 0 */
};

/* Samples of a tile: sample n at x + (n - first) * ld for first <= n < end, zeros elsewhere. */
struct va_samples {
    const float *x;
    int64_t ld;
    int first, end;
    bool conjugate; /* the spectrum's imaginary parts are negated */
};

/* A block of a kernel: tap k of pair (in, out) at w + in * in_step + out * out_step + k. */
struct va_kernel_block {
    float *w;
    int64_t in_step, out_step;
    int in, out;
    bool mirrored; /* taps run the other way */
};

/* C = A B for every slot, or += with `add`. */
struct va_spectral_product {
    int slots;
    int64_t rows, depth; /* depth: what is summed over */
    const float *a;
    const float *b;
    float *c;
    int64_t stepa, stepb, stepc;
    bool add;
    bool
        over_rows; /* a is summed over its rows, b is a block of tiles as well: rows are channels */
};

#endif
