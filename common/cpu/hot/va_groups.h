/*
 * va_groups.h - groups of 4 bytes of narrow numbers (cpu/va_narrow.h) in the lanes of a vector.
 */
#ifndef VA_GROUPS_H
#define VA_GROUPS_H

#include "cpu/hot/va_simd.h"
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

#endif
