/*
 * va_reduce.h - sums over a warp and over a block, maxima over a warp, in a fixed tree.
 *
 * All lanes get the same bits, since both partners of an exchange add the same two numbers; so a
 * result may steer a branch of the whole warp or block. T is float or double.
 *
 * Warp:  WIDTH (a power of 2) neighbouring lanes have a result of their own. All 32 lanes call it.
 * Block: all threads of a block of THREADS in x alone, a multiple of 32, call it. `room`, in shared
 *        memory, is read when the call returns: there is a barrier before it is written again, or
 *        the next sum has another room.
 */
#ifndef VA_REDUCE_H
#define VA_REDUCE_H

#include "cuda/va_kernel.h"

template <int WIDTH = 32, class T>
static __device__ __forceinline__ T va_sum_warp(T x)
{
#pragma unroll
    for (int i = WIDTH / 2; i > 0; i /= 2)
        x += __shfl_xor_sync(0xffffffff, x, i);
    return x;
}

/* The larger one; a NaN is the largest. */
template <class T>
static __device__ __forceinline__ T va_larger(T a, T b)
{
    return a > b || a != a ? a : b;
}

/* Which zero is the largest depends on the lane, hence the last exchange. */
template <int WIDTH = 32, class T>
static __device__ __forceinline__ T va_max_warp(T x)
{
#pragma unroll
    for (int i = WIDTH / 2; i > 0; i /= 2)
        x = va_larger(x, __shfl_xor_sync(0xffffffff, x, i));
    return __shfl_sync(0xffffffff, x, 0, WIDTH);
}

/* K sums at once, x[k] over the block. */
template <int THREADS, int K, class T>
static __device__ __forceinline__ void va_sum_block(T (&x)[K], T (&room)[K][THREADS / 32])
{
#pragma unroll
    for (int k = 0; k < K; k++) {
        T sum = va_sum_warp(x[k]);

        if (threadIdx.x % 32 == 0)
            room[k][threadIdx.x / 32] = sum;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < K; k++) {
        x[k] = room[k][0];
#pragma unroll
        for (int i = 1; i < THREADS / 32; i++)
            x[k] += room[k][i];
    }
}

template <int THREADS, class T>
static __device__ __forceinline__ T va_sum_block(T x, T (&room)[THREADS / 32])
{
    T one[1] = { x };

    va_sum_block<THREADS>(one, reinterpret_cast<T(&)[1][THREADS / 32]>(room));
    return one[0];
}

#endif
