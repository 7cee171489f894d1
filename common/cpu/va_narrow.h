/*
 * va_narrow.h - products of numbers in 16 bits (bfloat16) or in 8.
 *
 * Numbers along k stand in groups of 4 bytes, two or four of them, and 16 groups are a line of 64
 * bytes; what is beyond the last k is 0. So a line of a row, and 16 rows of a panel, are what AMX has as
 * a tile, and a group is what the other instructions for such numbers take of a row.
 *
 *   rows    [row][line][64]                       of x; rows lie an odd number of lines apart, so that
 *                                                 they do not meet in a few sets of the cache
 *   panels  [panel][line][group][VA_NARROW_PANEL] of W, 4 bytes each: a panel is 16 columns
 * Both begin at a multiple of 64 bytes.
 *
 * bfloat16: sums are in float32. The even numbers of a line are summed, and the odd ones, one after the
 * other; the two together are added to the sum of the lines before. That is what AMX does, and all others do
 * the same, so that they give the same bytes; but for AVX512_BF16, which takes groups one after the other
 * (used where it pays: va_cpu_bf16_dots). Denormal numbers count as zeros.
 *
 * float32 in parts: a float32 is the sum of three bfloat16, its upper 8 bits and what is left of them, twice (each
 * cut off, not rounded), and a product is the sum of the six largest products of parts; the three others are each
 * below 2^-22 of it. A line of a number's parts lies before the next line, and so do tiles:
 *
 *   rows    [row][line][part][64]
 *   panels  [panel][line][part][group][VA_NARROW_PANEL]
 *
 * The six products of a line are summed one after the other, the smallest parts first (va_narrow_order), each
 * as above. Each stretch of VA_NARROW_STRETCH numbers is summed so, from 0. The sums of stretches are added to c,
 * one after the other; without `add`, the first is stored. (In one sum over all of k, small parts would be lost.)
 * So there are fewer roundings than in a sum of float32 products (va_gemm.h), and the error is no larger; but what is
 * below 2^-102 loses bits, and a sum with a number that is not finite is not finite, infinite or NaN.
 *
 * Products of bfloat16 alone are one sum over all of k: rounding to bfloat16 costs at least 50 times as much,
 * measured for k to 20,000.
 *
 * int8: a row of x and a row of W are each scaled by a float of its own so that its largest is 127, and
 * rounded to whole numbers, to nearest even. Sums of their products are exact in 32 bits, so that every
 * instruction set gives the same bytes:
 *
 *     y[m, n] = (sum over k of qx[m, k] qw[n, k]) scale_w[n] scale_x[m]
 *
 * Instructions for this multiply unsigned bytes by signed ones. So x is kept as qx + 128, and sums begin at -128
 * times the sum of qw.
 */
#ifndef VA_NARROW_H
#define VA_NARROW_H

#include <stdbool.h>
#include <stdint.h>

enum {
    VA_NARROW_LINE = 64,   /* bytes */
    VA_NARROW_GROUPS = 16, /* of a line */
    VA_NARROW_PANEL = 16,  /* columns */
    VA_NARROW_ROWS =
        48, /* rows of x are there up to a multiple of this; what is in them does not matter */
    VA_NARROW_PARTS = 3,     /* of a float32 */
    VA_NARROW_STRETCH = 512, /* numbers in parts that are summed apart */
    VA_NARROW_TILE = VA_NARROW_LINE * VA_NARROW_PANEL, /* bytes of a line of a panel */
    VA_BYTES_ZERO = 128,                               /* 0 of x in 8 bits */
    VA_BYTES_DEPTH = 1 << 17, /* the most numbers in 8 bits whose sum is sure to fit */
};

/* A row in 8 bits whose largest number is below this counts as zeros. */
#define VA_BYTES_LEAST 0x1p-100f

/* Parts of x and of w that are multiplied: each pair has one of the pair before. */
enum { VA_NARROW_PAIRS = 6 };
static const uint8_t va_narrow_order[VA_NARROW_PAIRS][2]
    __attribute__((unused)) = { { 2, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 2 }, { 0, 0 } };

/*
 * c [rows, cols] = the sum over taps of x [rows, k] by W transposed, or += with `add` (bfloat16 and parts):
 * c[m, n] at c + m * ldc + n. Tap i reads x at x + i * stepx, and panels at w + i * stepw.
 */
struct va_narrow_product {
    int64_t rows, cols, lines, taps; /* each above 0 */
    bool in_parts; /* lines have VA_NARROW_PARTS; one tap, a stretch at most */
    const uint8_t *x;
    int64_t ldx, stepx; /* bytes; from row to row, from tap to tap */
    const uint8_t
        *next; /* NULL, or rows that will be wanted next: they are asked for meanwhile */
    const uint8_t *w;
    int64_t panel, stepw; /* from panel to panel, from tap to tap */
    float *c;
    int64_t ldc;
    bool add;
    /* of 8 bits */
    const float *scale_x; /* [rows] */
    const int32_t *start; /* [cols rounded up to whole panels]: where sums begin */
    const float *scale_w; /* the same */
};

static inline int64_t va_narrow_lines(int64_t k, int64_t size) /* size: bytes of a number */
{
    return (k * size + VA_NARROW_LINE - 1) / VA_NARROW_LINE;
}

/* Lines of numbers of 16 bits, or in parts, as they count in bytes. */
static inline int64_t va_narrow_lines_of_parts(int64_t k)
{
    return VA_NARROW_PARTS * va_narrow_lines(k, 2);
}

static inline int64_t va_narrow_ld(int64_t lines) /* bytes from row to row */
{
    return (lines | 1) * VA_NARROW_LINE;
}

#endif
