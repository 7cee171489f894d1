/*
 * va_bytes.h - products of numbers in 8 bits, for linear layers in int8.
 *
 * A row of x and a row of W are each scaled by a float of its own so that its largest is 127, and
 * rounded to whole numbers, to nearest even. Sums of their products are exact in 32 bits, so that every
 * instruction set gives the same bytes:
 *
 *     y[m, n] = (sum over k of qx[m, k] qw[n, k]) scale_w[n] scale_x[m]
 *
 * Instructions for this (VNNI) multiply unsigned bytes by signed ones. So x is kept as qx + 128, and sums
 * begin at -128 times the sum of qw.
 *
 *   rows    [tile][group][VA_BYTES_ROWS][4]    of x: tiles of rows, groups of 4 numbers along k
 *   panels  [panel][group][VA_BYTES_PANEL][4]  of W
 * What is beyond the last k is 0, in panels and times them.
 */
#ifndef VA_BYTES_H
#define VA_BYTES_H

#include <stdint.h>

enum {
    VA_BYTES_ROWS = 12,
    VA_BYTES_PANEL = 16,
    VA_BYTES_ZERO = 128,      /* 0 of x */
    VA_BYTES_DEPTH = 1 << 17, /* the most numbers whose sum is sure to fit */
};

/* A row whose largest number is below this counts as zeros. */
#define VA_BYTES_LEAST 0x1p-100f

/* Rows [0, rows) of x by columns [0, cols) of W transposed: c[m, n] at c + m * ldc + n. */
struct va_bytes_product {
    int64_t rows, cols, groups; /* each above 0 */
    const uint8_t *x;           /* rows, from the first of a tile on */
    const float *scale_x;       /* [rows] */
    const int8_t *w;            /* panels */
    const int32_t *start;       /* [cols rounded up to whole panels]: where sums begin */
    const float *scale_w;       /* the same */
    float *c;
    int64_t ldc;
};

static inline int64_t va_bytes_groups(int64_t depth)
{
    return (depth + 3) / 4;
}

#endif
