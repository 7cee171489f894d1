/*
 * va_map.h - what maps share: a thread takes four neighbouring numbers at a time, as one vector where that is
 * possible, and goes on by a grid's width, so that any count fits.
 *
 * Quad j of n numbers is numbers 4 j - shift .. 4 j - shift + 3, as far as they are there. A shift (0 to 3) is
 * for masks, whose random words come in blocks of four that need not begin with the first number.
 */
#ifndef VA_MAP_H
#define VA_MAP_H

#include "cuda/va_cuda.h"

struct va_quads {
    int64_t n;
    int shift;
    bool vectors; /* shift is 0, and all buffers are aligned to 16 bytes */
};

VA_SHARED int64_t va_quad_count(struct va_quads q)
{
    return (q.n + q.shift + 3) / 4;
}

static inline bool va_aligned16(const void *p) /* NULL is */
{
    return (uintptr_t)p % 16 == 0;
}

/* Whether runs of n numbers that begin `step` apart can be read as vectors. */
static inline bool va_aligned_runs(const void *p, int64_t runs, int64_t step)
{
    return va_aligned16(p) && (runs == 1 || step % 4 == 0);
}

/* 256 threads along a single run, or 64 along each of 4 runs at a time. */
struct va_map_shape {
    dim3 grid, block;
};

static inline struct va_map_shape va_map_shape(struct va_quads q, int64_t runs)
{
    const int64_t most_x = 4096, most_y = 65535, along = runs == 1 ? 256 : 64,
                  beside = 256 / along;
    const int64_t x = (va_quad_count(q) + along - 1) / along, y = (runs + beside - 1) / beside;

    return { dim3((unsigned)(x < most_x ? x : most_x), (unsigned)(y < most_y ? y : most_y)),
             dim3((unsigned)along, (unsigned)beside) };
}

/* Not unrolled: the number of rounds would have to be found by a long division. */
#define VA_EACH_RUN(run, runs)                                                             \
    _Pragma("unroll 1") for (int64_t run = (int64_t)blockIdx.y * blockDim.y + threadIdx.y; \
                             run < (runs); run += (int64_t)gridDim.y * blockDim.y)
#define VA_EACH_QUAD(j, q)                                                               \
    _Pragma("unroll 1") for (int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; \
                             j < va_quad_count(q); j += (int64_t)gridDim.x * blockDim.x)

/* Zeros where nothing is. */
static __device__ __forceinline__ void va_get4(float (&v)[4], struct va_quads q, int64_t j,
                                               const float *x)
{
    int64_t at = 4 * j - q.shift;

    if (q.vectors && at + 4 <= q.n) {
        float4 w = *(const float4 *)(x + at);

        v[0] = w.x, v[1] = w.y, v[2] = w.z, v[3] = w.w;
        return;
    }
#pragma unroll
    for (int k = 0; k < 4; k++)
        v[k] = at + k >= 0 && at + k < q.n ? x[at + k] : 0;
}

/* The same of numbers in bfloat16. */
static __device__ __forceinline__ void va_get4(float (&v)[4], struct va_quads q, int64_t j,
                                               const va_bf16 *x)
{
    int64_t at = 4 * j - q.shift;

    if (q.vectors && at + 4 <= q.n) {
        uint2 w = *(const uint2 *)(x + at);

        v[0] = __uint_as_float(w.x << 16), v[1] = __uint_as_float(w.x & 0xffff0000);
        v[2] = __uint_as_float(w.y << 16), v[3] = __uint_as_float(w.y & 0xffff0000);
        return;
    }
#pragma unroll
    for (int k = 0; k < 4; k++)
        v[k] = at + k >= 0 && at + k < q.n ? va_f32_of(x[at + k]) : 0;
}

static __device__ __forceinline__ void va_add4(float (&v)[4], struct va_quads q, int64_t j,
                                               const float *x)
{
    float w[4];

    va_get4(w, q, j, x);
#pragma unroll
    for (int k = 0; k < 4; k++)
        v[k] += w[k];
}

static __device__ __forceinline__ void va_put4(const float (&v)[4], struct va_quads q,
                                               int64_t j, float *y)
{
    int64_t at = 4 * j - q.shift;

    if (q.vectors && at + 4 <= q.n) {
        *(float4 *)(y + at) = make_float4(v[0], v[1], v[2], v[3]);
        return;
    }
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (at + k >= 0 && at + k < q.n)
            y[at + k] = v[k];
}

#endif
