/*
 * va_product_tile.h - tiles of operands (va_product.h has what these are) in shared memory: filled from memory, and
 * multiplied.
 */
#ifndef VA_PRODUCT_TILE_H
#define VA_PRODUCT_TILE_H

#include "cuda/va_kernel.h"

enum {
    VA_TILE = 64,
    VA_DEPTH = 16,                 /* terms that are copied at once */
    VA_ALONG_PITCH = VA_DEPTH + 4, /* numbers: rows of 80 bytes, 8 of which lie in all banks */
    VA_ACROSS_PITCH = VA_TILE + 4,
    VA_SUMS_PITCH = VA_TILE + 8,
    VA_PRODUCT_THREADS = 64
};

/* How terms are multiplied: numbers, or words of four bytes. */
struct va_f32_terms {
    typedef float sum;

    static __device__ __forceinline__ void add(float &s, float a, float b)
    {
        s += a * b;
    }
};
struct va_byte_terms {
    typedef int32_t sum;

    static __device__ __forceinline__ void add(int32_t &s, float a, float b)
    {
        s = va_dot4(__float_as_uint(a), __float_as_uint(b), s);
    }
};

template <bool along>
struct va_tile {
    alignas(16) float v[along ? VA_TILE * VA_ALONG_PITCH : VA_DEPTH * VA_ACROSS_PITCH];
};

template <class Operand, bool along = Operand::ALONG>
struct va_places {
    typename Operand::place of[VA_TILE];
};
template <class Operand>
struct va_places<Operand, false> {
};

/* ---- from memory to a tile ------------------------------------------------------------------- */

/* Four numbers, of which `left` are there. */
template <bool WIDE, class Left>
static __device__ __forceinline__ void va_copy4(float *to, const float *base, const float *from,
                                                int64_t at, Left left)
{
    if constexpr (WIDE) {
        bool there = from && left > 0;

        va_copy_async16(to, there ? from + at : base, there);
    } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            bool there = from && left > j;

            va_copy_async4(to + j, there ? from + at + j : base, there);
        }
    }
}

template <bool WIDE, class Operand>
static __device__ __forceinline__ void va_stage_all(va_tile<Operand::ALONG> &to,
                                                    const Operand &x,
                                                    const va_places<Operand> &places,
                                                    int64_t row0, int slice, int s, int k0,
                                                    int depth)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if constexpr (Operand::ALONG) {
            int r = threadIdx.x / 4 + 16 * i, k = threadIdx.x % 4 * 4;
            const float *from = x.from(places.of[r], slice, s);

            va_copy4<WIDE>(to.v + r * VA_ALONG_PITCH + k, x.x, from, k0 + k, depth - k0 - k);
        } else {
            int k = threadIdx.x / 16 + 4 * i, r = threadIdx.x % 16 * 4;
            const float *from = k0 + k < depth ? x.from(slice, s, k0 + k) : nullptr;

            va_copy4<WIDE>(to.v + k * VA_ACROSS_PITCH + r, x.x, from, row0 + r,
                           x.count - row0 - r);
        }
    }
}

/* How wide is asked once, as a branch for each copy takes more instructions than the copy. */
template <class Operand>
static __device__ __forceinline__ void va_stage(va_tile<Operand::ALONG> &to, const Operand &x,
                                                const va_places<Operand> &places, int64_t row0,
                                                int slice, int s, int k0, int depth)
{
    if (x.wide)
        va_stage_all<true>(to, x, places, row0, slice, s, k0, depth);
    else
        va_stage_all<false>(to, x, places, row0, slice, s, k0, depth);
}

/* ---- from a tile to registers: 4 terms of rows first .. first + rows of the 8 of thread t (0..7) */

template <bool along>
static __device__ __forceinline__ int va_tile_row(int t, int i)
{
    return along ? t + 8 * i : 4 * t + i % 4 + i / 4 * 32;
}

template <bool along, int rows>
static __device__ __forceinline__ void va_fetch(float to[rows][4], const va_tile<along> &tile,
                                                int t, int first, int k)
{
    if constexpr (along) {
#pragma unroll
        for (int i = 0; i < rows; i++) {
            float4 v = *(const float4 *)(tile.v +
                                         va_tile_row<true>(t, first + i) * VA_ALONG_PITCH + k);

            to[i][0] = v.x, to[i][1] = v.y, to[i][2] = v.z, to[i][3] = v.w;
        }
    } else {
#pragma unroll
        for (int i = 0; i < rows; i += 4)
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float4 v = *(const float4 *)(tile.v + (k + j) * VA_ACROSS_PITCH +
                                             va_tile_row<false>(t, first + i));

                to[i][j] = v.x, to[i + 1][j] = v.y, to[i + 2][j] = v.z, to[i + 3][j] = v.w;
            }
    }
}

template <class A, class B, class Terms>
static __device__ __forceinline__ void va_multiply(typename Terms::sum sum[8][8],
                                                   const va_tile<A::ALONG> &ta,
                                                   const va_tile<B::ALONG> &tb, int ty, int tx)
{
#pragma unroll 1 /* or the loads of all of them take the registers first */
    for (int k = 0; k < VA_DEPTH; k += 4) {
        float a[8][4];

        va_fetch<A::ALONG, 8>(a, ta, ty, 0, k);
#pragma unroll
        for (int half = 0; half < 8; half += 4) {
            float b[4][4];

            va_fetch<B::ALONG, 4>(b, tb, tx, half, k);
#pragma unroll
            for (int q = 0; q < 4; q++)
#pragma unroll
                for (int i = 0; i < 8; i++)
#pragma unroll
                    for (int j = 0; j < 4; j++)
                        Terms::add(sum[i][half + j], a[i][q], b[j][q]);
        }
    }
}

#endif
