/*
 * va_resize_priv.h - the loops of resizing, one copy per instruction set (media/hot), all of which give
 * the same bytes.
 */
#ifndef VA_RESIZE_PRIV_H
#define VA_RESIZE_PRIV_H

#include "base/va_cpu.h"
#include <stdint.h>

enum {
    VA_RESIZE_BITS = 22,                   /* of a weight below 1 */
    VA_RESIZE_GROUP = 4,                   /* pixels of a row that are made together, */
    VA_RESIZE_LANES = 4 * VA_RESIZE_GROUP, /* three sums and an unused one of each */
};

/* How one axis of n samples becomes one of `size`. */
struct va_resize_axis {
    int64_t n, size;
    int64_t taps;    /* from the weights of one output to those of the next */
    int64_t most;    /* of `count` */
    int32_t *first;  /* [size rounded up to groups] first sample that counts */
    int32_t *count;  /* [size] how many do */
    int32_t *weight; /* [size, taps] in units of 2^-22; NULL: the axis stays as it is */

    /* For rows. The weights of a group of pixels side by side, each for three bytes and an unused one: */
    int32_t *lanes; /* [groups, most, VA_RESIZE_LANES] */
    /* and where these bytes are, counted from the group's first sample; 255 where one is too far away. */
    uint8_t *order; /* [groups, VA_RESIZE_LANES] */
};

struct va_resize_loops {
    /* One row. src [n, 3] and 3 * most + 16 bytes that may be read; dst [size rounded up, 3] and a byte that
     * may be written. */
    void (*row)(const struct va_resize_axis *a, const uint8_t *src, uint8_t *dst);
    /* dst [width] = the sum of `count` rows, [count, width], each times its weight. */
    void (*column)(const int32_t *weight, int64_t count, const uint8_t *rows, int64_t width,
                   uint8_t *dst);
};

extern const struct va_resize_loops va_resize_loops_plain;
#if defined(__x86_64__)
extern const struct va_resize_loops va_resize_loops_avx2, va_resize_loops_avx512;
#endif

/* Use this level instead (at most va_cpu_isa()): for tests. */
struct va_resize;
void va_resize_use(struct va_resize *r, enum va_isa isa);

#endif
