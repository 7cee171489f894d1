/*
 * va_derive.h - a row of a weight under a norm, w[r] = g[r] v[r] / |v[r]|, as a block of ROW_THREADS
 * makes it and takes its gradient back; for va_derive.cu and va_update.cu.
 */
#ifndef VA_DERIVE_H
#define VA_DERIVE_H

#include "cuda/va_reduce.h"

enum { ROW_THREADS = 256 };

/* In shared memory; one for each use between two barriers. */
struct va_row_room {
    double sums[2][ROW_THREADS / 32];
};

/* The gradient of v: dw * .dw + v * .v */
struct va_row_slope {
    float dw, v;
};

/* A block's sums of a[i] b[i] and b[i]^2 over a row; products of four are added in float32. */
static __device__ __forceinline__ void va_row_products(int64_t cols, const float *a,
                                                       const float *b, double (&sums)[2],
                                                       struct va_row_room *room)
{
    sums[0] = sums[1] = 0;
    for (int64_t i = threadIdx.x; i < cols; i += 4 * ROW_THREADS) {
        float ab = 0, bb = 0;

#pragma unroll
        for (int k = 0; k < 4; k++) {
            int64_t at = i + k * ROW_THREADS;

            if (at < cols) {
                ab += a[at] * b[at];
                bb += b[at] * b[at];
            }
        }
        sums[0] += ab;
        sums[1] += bb;
    }
    va_sum_block<ROW_THREADS>(sums, room->sums);
}

static __device__ __forceinline__ void va_normed_row(int64_t cols, float g, const float *v,
                                                     float *w, struct va_row_room *room)
{
    double sums[2], length;
    float by;

    va_row_products(cols, v, v, sums, room);
    length = sqrt(sums[1]);
    by = length > 0 ? (float)(g / length) : 0;
    for (int64_t i = threadIdx.x; i < cols; i += ROW_THREADS)
        w[i] = by * v[i];
}

/* The way back, with *dg += by one thread. Nothing goes through a row of zeros. */
static __device__ __forceinline__ struct va_row_slope va_row_slope_of(
    int64_t cols, float g, const float *v, const float *dw, float *dg, struct va_row_room *room)
{
    double sums[2], length;

    va_row_products(cols, dw, v, sums, room);
    length = sqrt(sums[1]);
    if (!(length > 0))
        return { 0, 0 };
    if (threadIdx.x == 0)
        *dg = (float)(*dg + sums[0] / length);
    return { (float)(g / length), (float)(-g / length * sums[0] / sums[1]) };
}

#endif
