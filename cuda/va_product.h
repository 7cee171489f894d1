/*
 * va_product.h - C[m, n] = sum over s and k of A[m, s, k] B[n, s, k], for whatever A and B are.
 *
 * The sum has `segments` runs of `depth` terms: the taps of a convolution, or the tensors of a batch, so that
 * no index has to be divided on the way. A block makes 64 x 64 of C with 64 threads, 8 x 8 each. It copies
 * 16 terms of 64 rows of both operands to shared memory while it multiplies the 16 before.
 *
 * An operand says where its numbers are. ALONG: those of a row lie side by side along the sum (x, W); a
 * `place` is kept of each row of the tile; past the last row it is that of the last, whose sums nobody reads.
 *     place find(int64_t r)                                   of row r, below `count`
 *     const float *from(const place &, int slice, int s)        term 0; NULL: zeros
 * Else: terms of the same k, from row 0 on, lie side by side (dy and x, where the sum is over frames).
 *     const float *from(int slice, int s, int64_t k)            row 0; NULL: zeros
 * Both have `x`, somewhere in memory; `count` rows; and `wide`: 16 bytes at a time, as all starts are
 * aligned and lengths multiples of 4.
 *
 * What is made of a sum is said by a finish: a `place` for each row of C, and put(place, slice, n, sum).
 *
 * Large sums are cut into `parts` of the same number of steps; a slice of C is made for each, and whoever
 * asked for it adds them in order. `slices` are products of the same size whose operands differ.
 */
#ifndef VA_PRODUCT_H
#define VA_PRODUCT_H

#include "cuda/va_prepared.h"
#include "cuda/va_product_tile.h"

struct va_product {
    int64_t M, N;
    int64_t depth; /* below 2^31 - VA_DEPTH, as a row of so many terms has 8 GiB */
    int64_t segments, slices, parts;
    int64_t steps; /* of a part; set by va_product_launch */
};

static __device__ __forceinline__ int64_t va_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Which tile, slice and part a block makes: rows run fastest, so that neighbours share B. */
struct va_tile_at {
    int64_t m0, n0;
    int slice, part;
};

static __device__ __forceinline__ va_tile_at va_tile_of(const va_product &p, unsigned block,
                                                        int rows, int cols)
{
    unsigned down = (unsigned)((p.M + rows - 1) / rows), i = block / down;
    unsigned across = (unsigned)((p.N + cols - 1) / cols), z = i / across;
    unsigned slices = (unsigned)p.slices;

    return { (int64_t)(block - i * down) * rows, (int64_t)(i - z * across) * cols,
             (int)(z % slices), (int)(z / slices) };
}

template <class A, class B, class Finish, class Terms>
struct va_product_shared {
    va_places<A> a;
    va_places<B> b;
    typename Finish::place c[VA_TILE];
    va_tile_at at;
    union {
        struct {
            va_tile<A::ALONG> a;
            va_tile<B::ALONG> b;
        } stage[2];
        typename Terms::sum sums[VA_TILE * VA_SUMS_PITCH];
    };
};

/* ---- the kernel ------------------------------------------------------------------------------ */

/* The tile's sums lie in shared memory, rows `pitch` apart: a warp writes a row, so that what is written,
 * and read beside it, is one run of memory. `slice` counts parts, too. */
template <class Finish, class Sum>
static __device__ __forceinline__ void va_finish(const Finish &f,
                                                 const typename Finish::place *c,
                                                 const Sum *sums, int pitch, int rows, int cols,
                                                 const va_tile_at &at, const va_product &p)
{
    int64_t slice = at.part * p.slices + at.slice;

    for (int r = threadIdx.x / 32; r < rows; r += blockDim.x / 32)
        for (int n = threadIdx.x % 32; n < cols; n += 32)
            if (at.m0 + r < p.M && at.n0 + n < p.N)
                f.put(c[r], slice, at.n0 + n, sums[r * pitch + n]);
}

/* Eight blocks at once leave 128 registers to a thread, which is too few where the operands lie in two ways. */
template <class A, class B, class Finish, class Terms>
__global__ void __launch_bounds__(VA_PRODUCT_THREADS, A::ALONG == B::ALONG ? 8 : 6)
    va_product_kernel(const A a, const B b, const Finish f, const va_product p)
{
    typedef va_product_shared<A, B, Finish, Terms> shared;
    VA_SHARED_MEMORY(shared, s);
    const va_tile_at at = va_tile_of(p, blockIdx.x, VA_TILE, VA_TILE);
    const int t = threadIdx.x, ty = t / 8, tx = t % 8;
    const int64_t pieces = (p.depth + VA_DEPTH - 1) / VA_DEPTH, first = at.part * p.steps;
    int left = (int)va_least(pieces * p.segments - first, p.steps); /* or below 0 */
    int seg = p.segments > 1 ? (int)(first / pieces) : 0;
    const int depth = (int)p.depth;
    int k0 = (int)(first - seg * pieces) * VA_DEPTH;
    typename Terms::sum sum[8][8] = {};

    if (t == 0)
        s.at = at;
    if constexpr (A::ALONG)
        s.a.of[t] = a.find(va_least(at.m0 + t, p.M - 1));
    if constexpr (B::ALONG)
        s.b.of[t] = b.find(va_least(at.n0 + t, p.N - 1));
    s.c[t] = f.find(va_least(at.m0 + t, p.M - 1));
    __syncthreads();
    if (left > 0) {
        va_stage<A>(s.stage[0].a, a, s.a, at.m0, at.slice, seg, k0, depth);
        va_stage<B>(s.stage[0].b, b, s.b, at.n0, at.slice, seg, k0, depth);
    }
    va_copy_commit();
    for (int now = 0; left-- > 0; now = !now) {
        va_copy_wait<0>();
        __syncthreads(); /* this step's tiles are there, and nobody reads the other ones any more */
        k0 += VA_DEPTH;
        if (k0 >= depth) {
            k0 = 0;
            seg++;
        }
        if (left > 0) {
            va_stage<A>(s.stage[!now].a, a, s.a, at.m0, at.slice, seg, k0, depth);
            va_stage<B>(s.stage[!now].b, b, s.b, at.n0, at.slice, seg, k0, depth);
        }
        va_copy_commit();
        va_multiply<A, B, Terms>(sum, s.stage[now].a, s.stage[now].b, ty, tx);
    }
    __syncthreads(); /* the tiles, all of which came, make room for the sums */
#pragma unroll
    for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 8; j++)
            s.sums[va_tile_row<A::ALONG>(ty, i) * VA_SUMS_PITCH +
                   va_tile_row<B::ALONG>(tx, j)] = sum[i][j];
    __syncthreads();
    va_finish(f, s.c, s.sums, VA_SUMS_PITCH, VA_TILE, VA_TILE, s.at, p);
}

/* Steps of `depth` terms: all of them, and those of a part. */
static inline int64_t va_all_steps(const va_product &p, int depth)
{
    return (p.depth + depth - 1) / depth * p.segments;
}
static inline int64_t va_product_steps(const va_product &p, int depth)
{
    return (va_all_steps(p, depth) + p.parts - 1) / p.parts;
}

/* Cut so that a large sum keeps a GPU busy where C is small, in blocks of 64 x 64: by the shape alone. */
static inline int64_t va_product_parts(const va_product &p, int depth)
{
    enum { BUSY = 512, LEAST = 16 }; /* blocks; steps of a part */
    int64_t tiles = (int64_t)va_blocks_of(p.M, VA_TILE) * va_blocks_of(p.N, VA_TILE) * p.slices;
    int64_t parts = (BUSY + tiles - 1) / tiles;
    int64_t most = (va_all_steps(p, depth) + LEAST - 1) / LEAST;

    return parts < most ? parts : most > 0 ? most : 1;
}

template <class Terms, class A, class B, class Finish>
static inline void va_product_launch(const A &a, const B &b, const Finish &f, va_product p)
{
    typedef va_product_shared<A, B, Finish, Terms> shared;
    auto *kernel = va_product_kernel<A, B, Finish, Terms>;
    unsigned blocks = va_blocks_of(p.M, VA_TILE) * va_blocks_of(p.N, VA_TILE) *
                      (unsigned)(p.slices * p.parts);

    p.steps = va_product_steps(p, VA_DEPTH);
    VA_LAUNCH(va_gpu_stream(), dim3(blocks), dim3(VA_PRODUCT_THREADS), sizeof(shared), kernel,
              a, b, f, p);
}

#endif
