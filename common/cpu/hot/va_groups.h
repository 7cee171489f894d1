/*
 * va_groups.h - groups of 4 bytes of narrow numbers (cpu/va_narrow.h) in the lanes of a vector.
 */
#ifndef VA_GROUPS_H
#define VA_GROUPS_H

#include "cpu/hot/va_simd.h"
#include "cpu/hot/va_turn.h"
#include "cpu/va_narrow.h"

typedef uint32_t va_vu __attribute__((vector_size(VA_W * 4), may_alias));

VA_INLINE va_vu v_groups(const void *p) /* those that follow each other */
{
    va_vu v;

    memcpy(&v, p, sizeof(v));
    return v;
}

VA_INLINE va_vu v_spread(const uint8_t *x) /* the same one in every lane */
{
    uint32_t group;

    memcpy(&group, x, sizeof(group));
    return (va_vu){ 0 } + group;
}

enum { VA_UPPER = -0x10000 }; /* the bits of a number in an upper half */

/* bfloat16 in the upper halves, to nearest even; a NaN stays one. Rows (hot_halves.c) are rounded number by number all the
 * same: the compiler's own vectors take 3 % less of the time of ViT-L/16 than these with a conversion to 16 bits. */
VA_INLINE va_vu v_nearest(va_vf x)
{
    const va_vu bits = (va_vu)x, odd = (va_vu)(x != x);

    return (odd & (bits | 0x400000)) | (~odd & (bits + 0x7fff + (bits >> 16 & 1)));
}

/* Two numbers of a group, the first in the lower half. */
VA_INLINE va_vu v_pair(va_vu first, va_vu second)
{
    return first >> 16 | (second & (uint32_t)VA_UPPER);
}

/* A tile: 16 rows of 16 groups become 16 groups of 16 rows. */
VA_INLINE void v_turn_tile(const uint32_t *from, int64_t ld, uint32_t *to, int64_t ldto)
{
    for (int i = 0; i < VA_NARROW_PANEL; i += VA_W)
        for (int j = 0; j < VA_NARROW_GROUPS; j += VA_W) {
            va_vf r[VA_W];

            VA_UNROLL
            for (int k = 0; k < VA_W; k++)
                memcpy(&r[k], from + (i + k) * ld + j, sizeof(r[k]));
            v_turn(r);
            VA_UNROLL
            for (int k = 0; k < VA_W; k++)
                memcpy(to + (j + k) * ldto + i, &r[k], sizeof(r[k]));
        }
}

#endif
