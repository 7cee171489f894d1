/*
 * va_spectral_product.h - C = A B of complex numbers for each frequency, on tensor cores: operands of
 * va_product_half.h, whose segments 2 k and 2 k + 1 are the real and the imaginary plane of frequency k; slices of
 * the finish are the same.
 *
 * A block makes 32 DOWN x 64, a warp 32 x 32, of both planes: what is copied is used twice.
 */
#ifndef VA_SPECTRAL_PRODUCT_H
#define VA_SPECTRAL_PRODUCT_H

#include "cuda/va_product_half.h"

enum { VA_SPECTRAL_COLS = 64 };

template <class A, class B, int DOWN>
struct va_spectral_shared {
    va_keep_sums::place c[32 * DOWN];
    va_half_places<A, 32 * DOWN> a;
    va_half_places<B, VA_SPECTRAL_COLS> b;
    union {
        struct {
            va_half_tile<A::ALONG, 32 * DOWN> a[2];
            va_half_tile<B::ALONG, VA_SPECTRAL_COLS> b[2];
        } stage[VA_HALF_STAGES];
        float sums[32 * DOWN][VA_SPECTRAL_COLS + 8];
    };
};

/* Both sums of a warp over one stage. */
template <class TileA, class TileB>
static __device__ __forceinline__ void va_spectral_multiply(float re[2][4][4],
                                                            float im[2][4][4], const TileA a[2],
                                                            const TileB b[2], int m0, int n0)
{
#pragma unroll
    for (int k = 0; k < VA_HALF_DEPTH; k += 16) {
        uint32_t ar[2][4], ai[2][4], b2[2][4];

#pragma unroll
        for (int i = 0; i < 2; i++) {
            va_half_fetch<true>(ar[i], a[0], m0 + 16 * i, k);
            va_half_fetch<true>(ai[i], a[1], m0 + 16 * i, k);
        }
#pragma unroll
        for (int i = 0; i < 2; i++)
            va_half_fetch<false>(b2[i], b[0], n0 + 16 * i, k);
#pragma unroll
        for (int i = 0; i < 2; i++)
#pragma unroll
            for (int j = 0; j < 4; j++) {
                va_mma_bf16(re[i][j], ar[i], &b2[j / 2][j % 2 * 2]);
                va_mma_bf16(im[i][j], ai[i], &b2[j / 2][j % 2 * 2]);
            }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            va_half_fetch<false>(b2[i], b[1], n0 + 16 * i, k);
#pragma unroll
            for (int q = 0; q < 4; q++)
                ai[i][q] ^= 0x80008000; /* both numbers change their sign */
        }
#pragma unroll
        for (int i = 0; i < 2; i++)
#pragma unroll
            for (int j = 0; j < 4; j++) {
                va_mma_bf16(re[i][j], ai[i], &b2[j / 2][j % 2 * 2]);
                va_mma_bf16(im[i][j], ar[i], &b2[j / 2][j % 2 * 2]);
            }
    }
}

/* p.slices are the frequencies. */
template <class A, class B, int DOWN>
__global__ void __launch_bounds__(64 * DOWN, DOWN == 4 ? 2 : 3)
    va_spectral_kernel(const A a, const B b, const va_keep_sums f, const va_product p)
{
    typedef va_spectral_shared<A, B, DOWN> shared;
    VA_SHARED_MEMORY(shared, s);
    constexpr int ROWS = 32 * DOWN, COLS = VA_SPECTRAL_COLS, threads = 64 * DOWN;
    va_tile_at at = va_tile_of(p, blockIdx.x, ROWS, COLS);
    const int t = threadIdx.x, m0 = t / 32 % DOWN * 32, n0 = t / 32 / DOWN * 32;
    const int depth = (int)p.depth, steps = (depth + VA_HALF_DEPTH - 1) / VA_HALF_DEPTH;
    float re[2][4][4] = {}, im[2][4][4] = {};

    at.slice *= 2;
    if (t < ROWS) {
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
        [&](int place, int step) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                va_half_stage<threads>(s.stage[place].a[i], a, s.a, at.m0, 0, at.slice + i,
                                       step * VA_HALF_DEPTH, depth);
                va_half_stage<threads>(s.stage[place].b[i], b, s.b, at.n0, 0, at.slice + i,
                                       step * VA_HALF_DEPTH, depth);
            }
        },
        [&](int place) {
            va_spectral_multiply(re, im, s.stage[place].a, s.stage[place].b, m0, n0);
        });
    __syncthreads(); /* the tiles, all of which came, make room for the sums */
    va_half_hand_over<32>(s.sums, re, m0, n0);
    __syncthreads();
    va_finish(f, s.c, &s.sums[0][0], COLS + 8, ROWS, COLS, at, p);
    __syncthreads(); /* the real parts have been read */
    va_half_hand_over<32>(s.sums, im, m0, n0);
    __syncthreads();
    at.slice++;
    va_finish(f, s.c, &s.sums[0][0], COLS + 8, ROWS, COLS, at, p);
}

template <int DOWN, class A, class B>
static inline void va_spectral_launch_as(const A &a, const B &b, const va_keep_sums &f,
                                         const va_product &p)
{
    typedef va_spectral_shared<A, B, DOWN> shared;
    auto *kernel = va_spectral_kernel<A, B, DOWN>;
    unsigned blocks = va_blocks_of(p.M, 32 * DOWN) * va_blocks_of(p.N, VA_SPECTRAL_COLS) *
                      (unsigned)p.slices;

    VA_LAUNCH(va_gpu_stream(), dim3(blocks), dim3(64 * DOWN), sizeof(shared), kernel, a, b, f,
              p);
}

/* Tall blocks read less, low ones are enough for few rows. */
template <class A, class B>
static inline void va_spectral_launch(const A &a, const B &b, const va_keep_sums &f,
                                      const va_product &p)
{
    if (p.M > 64)
        va_spectral_launch_as<4>(a, b, f, p);
    else
        va_spectral_launch_as<2>(a, b, f, p);
}

#endif
