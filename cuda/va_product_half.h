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

#include "cuda/va_half_tile.h"
#include "cuda/va_operands.h"

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
    va_half_steps(
        steps,
        [&](int place, int) {
            auto &to = s.stage[place];

            va_half_stage<2 * COLS>(to.a, a, s.a, at.m0, at.slice, seg, k0, depth);
            va_half_stage<2 * COLS>(to.b, b, s.b, at.n0, at.slice, seg, k0, depth);
            k0 += VA_HALF_DEPTH;
            if (k0 >= depth) {
                k0 = 0;
                seg++;
            }
        },
        [&](int place) {
            va_half_multiply<ROWS>(sum, s.stage[place].a, s.stage[place].b, m0, n0);
        });
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

template <int ROWS, int COLS, class A, class B, class Finish>
static inline void va_half_launch_as(const A &a, const B &b, const Finish &f, va_product p)
{
    typedef va_half_shared<A, B, Finish, ROWS, COLS> shared;
    auto *kernel = va_half_kernel<A, B, Finish, ROWS, COLS>;
    unsigned blocks = va_blocks_of(p.M, 2 * ROWS) * va_blocks_of(p.N, COLS) *
                      (unsigned)(p.slices * p.parts);

    p.steps = va_product_steps(p, VA_HALF_DEPTH);
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
