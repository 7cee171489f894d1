/*
 * va_operands.h - operands that several products have, and a finish (cuda/va_product.h).
 */
#ifndef VA_OPERANDS_H
#define VA_OPERANDS_H

#include "cuda/va_product.h"

static inline bool va_wide(const void *x, int64_t length, int64_t ld, int64_t step)
{
    return ((uintptr_t)x / 4 | (uintptr_t)length | (uintptr_t)ld | (uintptr_t)step) % 4 == 0;
}

/* Rows, along the sum; those of segment s lie s * segment further. */
struct va_along_rows {
    static constexpr bool ALONG = true;
    typedef const float *place;
    const float *x;
    va_rows rows;
    int64_t count, segment;
    bool wide;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return x + va_row_begin(rows, r);
    }
    __device__ __forceinline__ const float *from(place at, int, int s) const
    {
        return at + s * segment;
    }
};

static inline va_along_rows va_along(va_rows rows, int64_t count, int64_t depth,
                                     int64_t segment)
{
    return { rows.x, rows, count, segment,
             va_wide(rows.x, depth | segment, rows.ld, rows.step) };
}

/* Rows, each with a number of every row of the tile: term k is row k, `ld` apart. */
struct va_across_rows {
    static constexpr bool ALONG = false;
    const float *x;
    int64_t count, ld, segment;
    bool wide;

    __device__ __forceinline__ const float *from(int, int s, int64_t k) const
    {
        return x + s * segment + k * ld;
    }
};

static inline va_across_rows va_across(const void *x, int64_t count, int64_t ld,
                                       int64_t segment)
{
    return { va_in(x), count, ld, segment, va_wide(x, count, ld, segment) };
}

/* Slices of [M, N], one after the other. */
struct va_keep_sums {
    typedef int64_t place;
    float *to;
    int64_t M, N;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return r;
    }
    __device__ __forceinline__ void put(place r, int64_t slice, int64_t n, float sum) const
    {
        to[(slice * M + r) * N + n] = sum;
    }
};

#endif
