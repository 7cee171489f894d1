/*
 * va_product_half.h - the product of va_product.h on tensor cores: operands in bfloat16, float sums.
 *
 * Operands were rounded into scratch by a pass of their own, so that rows begin at 16 bytes however they lay and
 * end with zeros up to `width`, a multiple of 8. They go to shared memory by asynchronous copies, two steps
 * ahead. An operand is as there, but for what is there of it:
 *     ALONG: place find(r), const va_bf16 *from(place, slice, s), which has `width` terms
 *     else:  const va_bf16 *from(slice, s, k), which has `width` rows
 * Both have fewer than 2^31. GAPS: some are NULL, for zeros.
 *
 * A warp makes ROWS x 32; a block has two of them below each other. Large blocks read less; small ones are more
 * where the result is small.
 */
#ifndef VA_PRODUCT_HALF_H
#define VA_PRODUCT_HALF_H

#include "cuda/va_operands.h"

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

template <class A, class B, class Finish, int ROWS, int COLS>
struct va_half_shared {
    typename Finish::place c[2 * ROWS];
    va_half_places<A, 2 * ROWS> a;
    va_half_places<B, COLS> b;
    va_tile_at at;
    union {
        struct {
            va_half_tile<A::ALONG, 2 * ROWS> a;
            va_half_tile<B::ALONG, COLS> b;
        } stage[VA_HALF_STAGES];
        float sums[2 * ROWS][COLS + 8];
    };
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

/* 16 rows from m on by 16 terms from k on, as the left operand of va_mma_bf16. */
template <int rows>
static __device__ __forceinline__ void va_half_left(uint32_t a[4],
                                                    const va_half_tile<true, rows> &t, int m,
                                                    int k)
{
    const int lane = threadIdx.x % 32;

    va_ldmatrix_x4(a, &t.v[m + lane % 16][k + lane / 16 * 8]);
}
template <int rows>
static __device__ __forceinline__ void va_half_left(uint32_t a[4],
                                                    const va_half_tile<false, rows> &t, int m,
                                                    int k)
{
    const int lane = threadIdx.x % 32;

    va_ldmatrix_x4_across(a, &t.v[k + lane / 16 * 8 + lane % 8][m + lane / 8 % 2 * 8]);
}

/* 16 rows as two right operands, one after the other. */
template <int rows>
static __device__ __forceinline__ void va_half_right(uint32_t b[4],
                                                     const va_half_tile<true, rows> &t, int n,
                                                     int k)
{
    const int lane = threadIdx.x % 32;

    va_ldmatrix_x4(b, &t.v[n + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 8]);
}
template <int rows>
static __device__ __forceinline__ void va_half_right(uint32_t b[4],
                                                     const va_half_tile<false, rows> &t, int n,
                                                     int k)
{
    const int lane = threadIdx.x % 32;

    va_ldmatrix_x4_across(b, &t.v[k + lane % 16][n + lane / 16 * 8]);
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
            va_half_left(a[i], ta, m0 + 16 * i, k);
#pragma unroll
        for (int i = 0; i < 2; i++)
            va_half_right(b[i], tb, n0 + 16 * i, k);
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

template <class A, class B, class Finish, int ROWS, int COLS>
__global__ void __launch_bounds__(2 * COLS, COLS == 64 ? 4 : 2)
    va_half_kernel(const A a, const B b, const Finish f, const va_product p)
{
    typedef va_half_shared<A, B, Finish, ROWS, COLS> shared;
    VA_SHARED_MEMORY(shared, s);
    const va_tile_at at = va_tile_of(p, blockIdx.x, 2 * ROWS, COLS);
    const int t = threadIdx.x, m0 = t / 32 % 2 * ROWS, n0 = t / 64 * 32;
    const int64_t pieces = (p.depth + VA_HALF_DEPTH - 1) / VA_HALF_DEPTH;
    const int64_t first = at.part * p.steps;
    const int steps = (int)va_least(pieces * p.segments - first, p.steps); /* or below 0 */
    const int depth = (int)p.depth;
    int seg = p.segments > 1 ? (int)(first / pieces) : 0;
    int k0 = (int)(first - seg * pieces) * VA_HALF_DEPTH;
    float sum[ROWS / 16][4][4] = {};

    static_assert(ROWS <= COLS, "a thread for each row");
    if (t == 0)
        s.at = at; /* for the end */
    if (t < 2 * ROWS) {
        if constexpr (A::ALONG)
            s.a.of[t] = a.find(va_least(at.m0 + t, p.M - 1));
        s.c[t] = f.find(va_least(at.m0 + t, p.M - 1));
    }
    if constexpr (B::ALONG)
        if (t < COLS)
            s.b.of[t] = b.find(va_least(at.n0 + t, p.N - 1));
    __syncthreads();
    for (int step = 1 - VA_HALF_STAGES; step < steps; step++) {
        int next = step + VA_HALF_STAGES - 1;

        if (step >= 0) {
            va_copy_wait<VA_HALF_STAGES - 2>();
            __syncthreads(); /* this step is there, and the one before has been read */
        }
        if (next < steps) {
            auto &to = s.stage[next % VA_HALF_STAGES];

            va_half_stage<2 * COLS>(to.a, a, s.a, at.m0, at.slice, seg, k0, depth);
            va_half_stage<2 * COLS>(to.b, b, s.b, at.n0, at.slice, seg, k0, depth);
            k0 += VA_HALF_DEPTH;
            if (k0 >= depth) {
                k0 = 0;
                seg++;
            }
        }
        va_copy_commit();
        if (step >= 0) {
            auto &now = s.stage[step % VA_HALF_STAGES];

            va_half_multiply<ROWS>(sum, now.a, now.b, m0, n0);
        }
    }
    __syncthreads(); /* the tiles, all of which came, make room for the sums */
    va_half_hand_over<ROWS>(s.sums, sum, m0, n0);
    __syncthreads();
    va_finish(f, s.c, &s.sums[0][0], COLS + 8, 2 * ROWS, COLS, s.at, p);
}

/* ---- operands -------------------------------------------------------------------------------- */

/* Rows of `width`, along the sum; those of segment s lie s * segment further. */
struct va_half_along {
    static constexpr bool ALONG = true, GAPS = false;
    typedef const va_bf16 *place;
    const va_bf16 *x;
    int64_t width, segment;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return x + r * width;
    }
    __device__ __forceinline__ const va_bf16 *from(place at, int, int s) const
    {
        return at + s * segment;
    }
};

/* Rows of `width`, each with a number of every row of the tile. */
struct va_half_across {
    static constexpr bool ALONG = false, GAPS = false;
    const va_bf16 *x;
    int64_t width, segment;

    __device__ __forceinline__ const va_bf16 *from(int, int s, int64_t k) const
    {
        return x + s * segment + k * width;
    }
};

/* ---- launches -------------------------------------------------------------------------------- */

/* Blocks of 128 x 128 or of 64 x 64, whichever keep the multiprocessors of a large GPU busy for a shorter time: each
 * has at least this many blocks to do, and of small ones 7 / 5 of the instructions. By the shape alone. */
static inline bool va_half_large(const va_product &p)
{
    enum { UNITS = 132 };
    int64_t slices = p.slices * p.parts;
    int64_t large = va_blocks_of(p.M, 128) * (int64_t)va_blocks_of(p.N, 128) * slices;
    int64_t small = va_blocks_of(p.M, 64) * (int64_t)va_blocks_of(p.N, 64) * slices;

    return (large + UNITS - 1) / UNITS * 4 * 5 <= (small + UNITS - 1) / UNITS * 7;
}

/* As va_product_parts, for blocks of 64 x 64. */
static inline int64_t va_half_parts(const va_product &p)
{
    enum { BUSY = 512, LEAST = 16 }; /* blocks; steps of a part */
    int64_t tiles = (int64_t)va_blocks_of(p.M, 64) * va_blocks_of(p.N, 64) * p.slices;
    int64_t steps = (p.depth + VA_HALF_DEPTH - 1) / VA_HALF_DEPTH * p.segments;
    int64_t parts = (BUSY + tiles - 1) / tiles, most = (steps + LEAST - 1) / LEAST;

    return parts < most ? parts : most > 0 ? most : 1;
}

template <int ROWS, int COLS, class A, class B, class Finish>
static inline void va_half_launch_as(const A &a, const B &b, const Finish &f, va_product p)
{
    int64_t steps = (p.depth + VA_HALF_DEPTH - 1) / VA_HALF_DEPTH * p.segments;
    typedef va_half_shared<A, B, Finish, ROWS, COLS> shared;
    auto *kernel = va_half_kernel<A, B, Finish, ROWS, COLS>;
    unsigned blocks = va_blocks_of(p.M, 2 * ROWS) * va_blocks_of(p.N, COLS) *
                      (unsigned)(p.slices * p.parts);

    p.steps = (steps + p.parts - 1) / p.parts;
    VA_LAUNCH(va_gpu_stream(), dim3(blocks), dim3(2 * COLS), sizeof(shared), kernel, a, b, f,
              p);
}

template <class A, class B, class Finish>
static inline void va_half_launch(const A &a, const B &b, const Finish &f, const va_product &p)
{
    if (va_half_large(p))
        va_half_launch_as<64, 128>(a, b, f, p);
    else
        va_half_launch_as<32, 64>(a, b, f, p);
}

#endif
