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
 *
 * In bfloat16 (cpu/va_narrow.h) both numbers of a frequency are rounded and make a group of 4 bytes, and a complex product is a
 * product of matrices of twice the size: a row's (re, im) by (re, -im) of a kernel gives the real sum, by
 * (im, re) the imaginary one; in slot 0 by (re, 0) and by (0, im). So tiles are rows of groups, one a channel, and a
 * block of kernels, of VA_SPECTRAL_OUT channels, has its panels for real sums and then those for imaginary ones:
 *
 *   rows    [slot][row][channel]                  rows lie `ld` groups apart
 *   panels  [slot][block][2][VA_SPECTRAL_OUT / VA_NARROW_PANEL][row or in][VA_NARROW_PANEL]
 *
 * For the gradient of kernels, which sums over rows of tiles, those of dy are in panels, and those of x are turned:
 * [slot][channel][row]. Products are by halves_product, and their sums lie as those above. Spectra are rounded
 * relative to the largest number of a tile, so what is small beside it has a larger error.
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

/* How spectra lie, and where: that of channel 0 in slot 0, the distance of slots and of panels, in floats (or groups). */
enum va_spectral_form { VA_SPECTRA_FLOATS, VA_SPECTRA_ROWS, VA_SPECTRA_PANELS };

struct va_spectra {
    enum va_spectral_form form;
    float *at;
    int64_t step, panel;
    int first,
        last; /* frequencies k: slots k and size / 2 - k are made, with `first` 1 slot 0; `first` is odd */
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
