/*
 * va_conv_kept.h - a convolution over time in bfloat16 whose frames are copied once for all taps: of 15 it
 * reads 60 to 70 % of what a product of shifted frames (va_product_half.h) reads from the second cache.
 *
 * A block makes 128 frames x COLS channels. It takes 32 channels at a time: their frames lie in shared memory, with
 * those that the taps reach beyond them, `span` for each sequence that the block has a part of; then the weights
 * of one tap after the other come, two steps ahead. A tap shifts the lines from which the frames are read.
 */
#ifndef VA_CONV_KEPT_H
#define VA_CONV_KEPT_H

#include "cuda/va_conv.h"
#include "cuda/va_product_half.h"

enum {
    VA_KEPT_ROWS = 128,
    VA_KEPT_LINES = 352, /* two sequences of 15 taps, 8 frames apart */
    VA_KEPT_TAPS = 3     /* fewer are not worth the wait for the frames */
};

/* Frame t of a sequence, at tap k: row first + t + k * step of those in memory, `rows` a sequence, or zeros. */
struct va_kept_frames {
    const va_bf16 *x; /* [B, rows, width] */
    int64_t width, T, rows, first, step, taps;
};

/* How far taps reach, and the shift that reads the earliest row. */
struct va_kept_reach {
    int64_t span, base;
};

VA_SHARED va_kept_reach va_kept_reach_of(const va_kept_frames &x)
{
    int64_t last = (x.taps - 1) * x.step;

    return last < 0 ? va_kept_reach{ -last, x.first + last } : va_kept_reach{ last, x.first };
}

template <class B, int COLS>
struct va_kept_shared {
    const va_bf16 *from[VA_KEPT_LINES]; /* rows in memory; NULL: zeros */
    va_conv_finish::place c[VA_KEPT_ROWS];
    int line[VA_KEPT_ROWS]; /* of a frame at the tap that reads the earliest row */
    int lines;              /* that are read */
    va_half_places<B, COLS> b;
    va_tile_at at;
    union {
        struct {
            va_half_tile<true, VA_KEPT_LINES> x;
            va_half_tile<B::ALONG, COLS> w[VA_HALF_STAGES];
        };
        float sums[VA_KEPT_ROWS][COLS + 8];
    };
};

/* Sequences follow each other without gaps in the block's frames, and with `span` more rows each in its lines. */
template <int threads, class Shared>
static __device__ __forceinline__ void va_kept_find(Shared &s, const va_kept_frames &x,
                                                    const va_product &p, int64_t m0)
{
    const va_kept_reach reach = va_kept_reach_of(x);
    const int64_t b0 = m0 / x.T, t0 = m0 - b0 * x.T;

    for (int e = threadIdx.x; e < VA_KEPT_LINES; e += threads) {
        int64_t b = b0, row = t0 + reach.base + e, end = x.T - t0 + reach.span, left = e;

        while (left >= end) { /* the next sequence */
            left -= end;
            end = x.T + reach.span;
            row = reach.base + left;
            b++;
        }
        s.from[e] = row >= 0 && row < x.rows && b * x.T < p.M
                        ? x.x + (b * x.rows + row) * x.width
                        : nullptr;
    }
#pragma unroll
    for (int j = 0; j < VA_KEPT_ROWS / threads; j++) {
        int r = j * threads + (int)threadIdx.x;
        int64_t left = va_least(r, p.M - 1 - m0), end = x.T - t0, line = left;

        while (left >= end) {
            left -= end;
            end = x.T;
            line += reach.span;
        }
        s.line[r] = (int)line;
        if (r == VA_KEPT_ROWS - 1)
            s.lines = (int)(line + reach.span) + 1;
    }
}

/* Channels from k0 on of all frames, which are there when it returns. */
template <int threads, class Shared>
static __device__ __forceinline__ void va_kept_copy(Shared &s, const va_kept_frames &x, int k0)
{
    const int at = threadIdx.x % 4 * 8, width = (int)x.width;
    const int lines = s.lines;

#pragma unroll 1
    for (int e = threadIdx.x / 4; e < lines; e += threads / 4) {
        const va_bf16 *from = s.from[e];
        bool there = from && k0 + at < width;

        va_copy_async16(&s.x.v[e][at], there ? from + k0 + at : x.x, there);
    }
    va_copy_commit();
    va_copy_wait<0>();
    __syncthreads();
}

/* The sums of a warp: 64 frames, and 32 columns from n0 on. `at` are numbers from x to those of which each lane has to
 * give the place, for each 16 of the frames. */
template <class Tile>
static __device__ __forceinline__ void va_kept_multiply(float sum[4][4][4], const va_bf16 *x,
                                                        const Tile &w, const int at[4], int n0)
{
#pragma unroll
    for (int k = 0; k < VA_HALF_DEPTH; k += 16) {
        uint32_t a[4][4], b[2][4];

#pragma unroll
        for (int i = 0; i < 4; i++)
            va_ldmatrix_x4(a[i], x + at[i] + k);
#pragma unroll
        for (int i = 0; i < 2; i++)
            va_half_fetch<false>(b[i], w, n0 + 16 * i, k);
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                va_mma_bf16(sum[i][j], a[i], &b[j / 2][j % 2 * 2]);
    }
}

template <class B, int COLS>
__global__ void __launch_bounds__(2 * COLS, COLS == 32 ? 5 : 4)
    va_conv_kept(const va_kept_frames x, const B w, const va_conv_finish f, const va_product p)
{
    typedef va_kept_shared<B, COLS> shared;
    VA_SHARED_MEMORY(shared, s);
    const va_tile_at at = va_tile_of(p, blockIdx.x, VA_KEPT_ROWS, COLS);
    const int t = threadIdx.x, m0 = t / 32 % 2 * 64, n0 = t / 64 * 32;
    const int depth = (int)p.depth, taps = (int)p.segments, ahead = VA_HALF_STAGES - 1;
    const int steps = (depth + VA_HALF_DEPTH - 1) / VA_HALF_DEPTH * taps;
    const int back = x.step < 0 ? (int)va_kept_reach_of(x).span : 0;
    constexpr int PITCH = VA_HALF_DEPTH + 8;
    int line[4], tap = 0, shift = 0, now = 0, place = 0, k0 = 0, next_tap = 0, next_k0 = 0;
    float sum[4][4][4] = {};

    if (t == 0)
        s.at = at; /* for the end */
    va_kept_find<2 * COLS>(s, x, p, at.m0);
#pragma unroll
    for (int r = 0; r < VA_KEPT_ROWS; r += 2 * COLS)
        s.c[r + t] = f.find(va_least(at.m0 + r + t, p.M - 1));
    if constexpr (B::ALONG)
        if (t < COLS)
            s.b.of[t] = w.find(va_least(at.n0 + t, p.N - 1));
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; i++)
        line[i] = (s.line[m0 + 16 * i + t % 16] + back) * PITCH + t % 32 / 16 * 8;
    for (int step = -ahead; step < steps; step++) {
        if (step >= 0) {
            va_copy_wait<VA_HALF_STAGES - 2>();
            __syncthreads(); /* this step is there, and the one before has been read */
        }
        if (step + ahead < steps) {
            va_half_stage<2 * COLS>(s.w[place], w, s.b, at.n0, 0, next_tap, next_k0, depth);
            place = place == ahead ? 0 : place + 1;
            if (++next_tap == taps) {
                next_tap = 0;
                next_k0 += VA_HALF_DEPTH;
            }
        }
        va_copy_commit();
        if (step < 0)
            continue;
        if (tap == 0)
            va_kept_copy<2 * COLS>(s, x, k0);
        va_kept_multiply(sum, &s.x.v[0][0] + shift, s.w[now], line, n0);
        now = now == ahead ? 0 : now + 1;
        shift += (int)x.step * PITCH;
        if (++tap == taps) {
            tap = shift = 0;
            k0 += VA_HALF_DEPTH;
        }
    }
    __syncthreads(); /* the tiles, all of which came, make room for the sums */
    va_half_hand_over<64>(s.sums, sum, m0, n0);
    __syncthreads();
    va_finish(f, s.c, &s.sums[0][0], COLS + 8, VA_KEPT_ROWS, COLS, s.at, p);
}

/* Whether the lines hold what any block needs. */
static inline bool va_kept_fits(const va_kept_frames &x, const va_product &p)
{
    int64_t span = va_kept_reach_of(x).span;
    int64_t touched = (VA_KEPT_ROWS - 2 + x.T) / x.T + 1, B = p.M / x.T; /* by a block */

    return x.taps >= VA_KEPT_TAPS && span < VA_KEPT_LINES &&
           VA_KEPT_ROWS + (touched < B ? touched : B) * span <= VA_KEPT_LINES;
}

template <int COLS, class B>
static inline void va_kept_launch_as(const va_kept_frames &x, const B &w,
                                     const va_conv_finish &f, const va_product &p)
{
    typedef va_kept_shared<B, COLS> shared;
    auto *kernel = va_conv_kept<B, COLS>;
    unsigned blocks = va_blocks_of(p.M, VA_KEPT_ROWS) * va_blocks_of(p.N, COLS);

    VA_LAUNCH(va_gpu_stream(), dim3(blocks), dim3(2 * COLS), sizeof(shared), kernel, x, w, f,
              p);
}

/* Broad blocks, where narrow ones would not be done sooner (va_half_large). */
template <class B>
static inline void va_kept_launch(const va_kept_frames &x, const B &w, const va_conv_finish &f,
                                  const va_product &p)
{
    enum { UNITS = 132 };
    int64_t down = va_blocks_of(p.M, VA_KEPT_ROWS);
    int64_t broad = down * va_blocks_of(p.N, 64), narrow = down * va_blocks_of(p.N, 32);

    if ((broad + UNITS - 1) / UNITS * 2 <= (narrow + UNITS - 1) / UNITS)
        va_kept_launch_as<64>(x, w, f, p);
    else
        va_kept_launch_as<32>(x, w, f, p);
}

#endif
