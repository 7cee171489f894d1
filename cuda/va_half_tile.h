/*
 * va_half_tile.h - tiles of operands in bfloat16 in shared memory: filled from memory, multiplied on tensor cores.
 */
#ifndef VA_HALF_TILE_H
#define VA_HALF_TILE_H

#include "cuda/va_kernel.h"

enum {
    VA_HALF_DEPTH = 32, /* terms that are copied at once */
    VA_HALF_STAGES = 3
};

/* Rows of a tile lie along the sum or across it; 8 that follow each other lie in all banks. */
template <bool along, int rows>
struct va_half_tile {
    static constexpr int LINES = along ? rows : VA_HALF_DEPTH;
    static constexpr int RUN = along ? VA_HALF_DEPTH : rows;
    alignas(16) va_bf16 v[LINES][RUN + 8];
};

template <class Operand, int rows, bool along = Operand::ALONG>
struct va_half_places {
    typename Operand::place of[rows];
};
template <class Operand, int rows>
struct va_half_places<Operand, rows, false> {
};

/* Terms from k0 on, of the tile's rows from row0 on; zeros elsewhere. */
template <int threads, class Operand, int rows>
static __device__ __forceinline__ void va_half_stage(
    va_half_tile<Operand::ALONG, rows> &to, const Operand &x,
    const va_half_places<Operand, rows> &places, int64_t row0, int slice, int s, int k0,
    int depth)
{
    constexpr int runs = va_half_tile<Operand::ALONG, rows>::RUN / 8;
    const int width = (int)x.width;

#pragma unroll
    for (int j = 0; j < to.LINES * runs / threads; j++) {
        int i = j * threads + threadIdx.x, line = i / runs, at = i % runs * 8;

        if constexpr (Operand::ALONG) {
            const va_bf16 *from = x.from(places.of[line], slice, s);
            bool there = (!Operand::GAPS || from) && k0 + at < width;

            va_copy_async16(&to.v[line][at], there ? from + k0 + at : x.x, there);
        } else {
            bool within = k0 + line < depth;
            const va_bf16 *from = !Operand::GAPS || within ? x.from(slice, s, k0 + line)
                                                           : nullptr;
            bool there = (Operand::GAPS ? from != nullptr : within) && (int)row0 + at < width;

            va_copy_async16(&to.v[line][at], there ? from + row0 + at : x.x, there);
        }
    }
}

/* 16 rows from r on by 16 terms from k on: as the left operand of va_mma_bf16, or as two right ones, one after the
 * other. Squares of 8 x 8 go from one lane's line to the next; which is second, that of further rows or that of further
 * terms, depends on the side, and on whether rows lie along the sum. */
template <bool left, bool along, int rows>
static __device__ __forceinline__ void va_half_fetch(uint32_t to[4],
                                                     const va_half_tile<along, rows> &t, int r,
                                                     int k)
{
    const int lane = threadIdx.x % 32;
    const int line = left == along ? lane % 16 : lane / 16 * 8 + lane % 8;
    const int at = left == along ? lane / 16 * 8 : lane / 8 % 2 * 8;

    if constexpr (along)
        va_ldmatrix_x4(to, &t.v[r + line][k + at]);
    else
        va_ldmatrix_x4_across(to, &t.v[k + line][r + at]);
}

/* Steps of a product: stage(place, step) begins to copy what a step needs to a place of VA_HALF_STAGES, two steps ahead, and
 * multiply(place) is called when it is there. Nobody reads a place any more when it is filled again. */
template <class Stage, class Multiply>
static __device__ __forceinline__ void va_half_steps(int steps, const Stage &stage,
                                                     const Multiply &multiply)
{
    for (int step = 1 - VA_HALF_STAGES; step < steps; step++) {
        int next = step + VA_HALF_STAGES - 1;

        if (step >= 0) {
            va_copy_wait<VA_HALF_STAGES - 2>();
            __syncthreads(); /* this step is there, and the one before has been read */
        }
        if (next < steps)
            stage(next % VA_HALF_STAGES, next);
        va_copy_commit();
        if (step >= 0)
            multiply(step % VA_HALF_STAGES);
    }
}

/* The sums of a warp, whose tile begins at row m0 and column n0 of the block's, over one stage. */
template <int ROWS, class TileA, class TileB>
static __device__ __forceinline__ void va_half_multiply(float sum[ROWS / 16][4][4],
                                                        const TileA &ta, const TileB &tb,
                                                        int m0, int n0)
{
#pragma unroll
    for (int k = 0; k < VA_HALF_DEPTH; k += 16) {
        uint32_t a[ROWS / 16][4], b[2][4];

#pragma unroll
        for (int i = 0; i < ROWS / 16; i++)
            va_half_fetch<true>(a[i], ta, m0 + 16 * i, k);
#pragma unroll
        for (int i = 0; i < 2; i++)
            va_half_fetch<false>(b[i], tb, n0 + 16 * i, k);
#pragma unroll
        for (int i = 0; i < ROWS / 16; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                va_mma_bf16(sum[i][j], a[i], &b[j / 2][j % 2 * 2]);
    }
}

/* A warp's sums to those of the block, which lie in shared memory. */
template <int ROWS, int PITCH>
static __device__ __forceinline__ void va_half_hand_over(float (*to)[PITCH],
                                                         const float sum[ROWS / 16][4][4],
                                                         int m0, int n0)
{
    const int lane = threadIdx.x % 32;

#pragma unroll
    for (int i = 0; i < ROWS / 16; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int q = 0; q < 4; q += 2)
                *(float2 *)&to[m0 + 16 * i + lane / 4 + 4 * q][n0 + 8 * j + lane % 4 * 2] =
                    make_float2(sum[i][j][q], sum[i][j][q + 1]);
}

#endif
