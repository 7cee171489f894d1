/*
 * va_square.h - a block multiplies tiles of 64 x 64 in float32, for attention (va_attention.cu,
 * va_attention_grad.cu): A [64, n] times B [n, 64], both in shared memory with the summed index first.
 *
 * The 256 threads stand as 16 x 16; thread (y, x) has rows 4y .. 4y + 3 and columns 4x .. 4x + 3 of the
 * result in registers. So a row of the result lies in 16 neighbouring lanes.
 */
#ifndef VA_SQUARE_H
#define VA_SQUARE_H

#include "cuda/va_kernel.h"

static constexpr int TILE = 64, TILE_THREADS = 256, TILE_ROW = 16 /* lanes */;

struct alignas(16) va_square {
    float at[TILE][TILE + 4]; /* rows stay aligned, and neighbours are in other banks */
};

struct va_square_sum {
    float at[4][4];
};

/* The first of this thread's rows and columns. */
static __device__ __forceinline__ int va_square_row()
{
    return 4 * (int)(threadIdx.x / 16);
}
static __device__ __forceinline__ int va_square_column()
{
    return 4 * (int)(threadIdx.x % 16);
}

static __device__ __forceinline__ void va_square_clear(struct va_square_sum &sum)
{
    sum = {};
}

static __device__ __forceinline__ float va_square_round(float x)
{
    return va_f32_of(va_bf16_of(x));
}

/* to[i][j] = from[i * ld + j] for i < rows, j < cols, else 0. */
template <bool ROUND = false>
static __device__ __forceinline__ void va_square_load(struct va_square &to, const float *from,
                                                      int64_t ld, int rows, int cols)
{
    int j = threadIdx.x % TILE;

#pragma unroll 4
    for (int i = threadIdx.x / TILE; i < TILE; i += TILE_THREADS / TILE) {
        float x = i < rows && j < cols ? from[i * ld + j] : 0;

        to.at[i][j] = ROUND ? va_square_round(x) : x;
    }
}

/* to[j][i], likewise. 8 lanes read along a row, so that a warp writes to 32 banks. */
template <bool ROUND = false>
static __device__ __forceinline__ void va_square_load_across(struct va_square &to,
                                                             const float *from, int64_t ld,
                                                             int rows, int cols)
{
    int j = threadIdx.x % 8 + threadIdx.x / 128 * 8, i = threadIdx.x / 8 % 16;

#pragma unroll
    for (int jj = 0; jj < TILE; jj += 16)
#pragma unroll
        for (int ii = 0; ii < TILE; ii += 16) {
            float x = i + ii < rows && j + jj < cols ? from[(i + ii) * ld + j + jj] : 0;

            to.at[j + jj][i + ii] = ROUND ? va_square_round(x) : x;
        }
}

/* sum[i][j] += a[k][i] b[k][j] for k < n */
static __device__ __forceinline__ void va_square_multiply(struct va_square_sum &sum,
                                                          const struct va_square &a,
                                                          const struct va_square &b, int n)
{
    int row = va_square_row(), column = va_square_column();

#pragma unroll 8
    for (int k = 0; k < n; k++) {
        float4 x = *(const float4 *)&a.at[k][row], y = *(const float4 *)&b.at[k][column];
        float of[4] = { x.x, x.y, x.z, x.w };

#pragma unroll
        for (int i = 0; i < 4; i++) {
            sum.at[i][0] += of[i] * y.x;
            sum.at[i][1] += of[i] * y.y;
            sum.at[i][2] += of[i] * y.z;
            sum.at[i][3] += of[i] * y.w;
        }
    }
}

/* to[j][i] = sum[i][j] */
static __device__ __forceinline__ void va_square_store_across(struct va_square &to,
                                                              const struct va_square_sum &sum)
{
    int row = va_square_row(), column = va_square_column();

#pragma unroll
    for (int j = 0; j < 4; j++)
        *(float4 *)&to.at[column + j][row] = make_float4(sum.at[0][j], sum.at[1][j],
                                                         sum.at[2][j], sum.at[3][j]);
}

/* to[i * ld + j] = sum[i][j] for i < rows, j < cols */
static __device__ __forceinline__ void va_square_write(float *to, int64_t ld, int rows,
                                                       int cols,
                                                       const struct va_square_sum &sum)
{
    int row = va_square_row(), column = va_square_column();

#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (row + i < rows && column + j < cols)
                to[(row + i) * ld + column + j] = sum.at[i][j];
}

#endif
