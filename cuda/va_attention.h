/*
 * va_attention.h - which part of an attention a block works on: a tile of rows (queries, or keys) of one
 * head of one sequence, and a tile of the head's D numbers.
 */
#ifndef VA_ATTENTION_H
#define VA_ATTENTION_H

#include "cuda/va_cuda.h"
#include "cuda/va_square.h"

/* Forward with rounded operands on tensor cores; false where D is too large for it. */
bool va_attention_half(const struct va_attention *p);

struct va_head_tile {
    int64_t b, h;
    int64_t first, rows; /* rows [first, first + rows) */
    int from, cols;      /* numbers [from, from + cols) of D */
};

static inline dim3 va_head_tiles(int64_t B, int64_t H, int64_t T, int64_t D)
{
    return dim3((unsigned)(B * H * ((T + TILE - 1) / TILE)), va_blocks_of(D, TILE));
}

/* The block's; tiles of one head come one after the other, as they read the same keys. */
static __device__ __forceinline__ struct va_head_tile va_head_tile_of(int64_t H, int64_t T,
                                                                      int64_t D)
{
    unsigned tiles = (unsigned)((T + TILE - 1) / TILE), task = blockIdx.x / tiles;
    struct va_head_tile t;

    t.b = task / (unsigned)H;
    t.h = task % (unsigned)H;
    t.first = (int64_t)(blockIdx.x % tiles) * TILE;
    t.rows = T - t.first < TILE ? T - t.first : TILE;
    t.from = (int)blockIdx.y * TILE;
    t.cols = (int)(D - t.from < TILE ? D - t.from : TILE);
    return t;
}

static __device__ __forceinline__ int64_t va_lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Keys that query t sees: the first so many. */
static __device__ __forceinline__ int64_t va_keys_of(int64_t Tq, int64_t Tk, bool causal,
                                                     int64_t t)
{
    return causal ? Tk - Tq + t + 1 : Tk;
}

/* Those of them that are in the tile at `first`: so many, which come first in it. */
static __device__ __forceinline__ int va_keys_here(int64_t Tq, int64_t Tk, bool causal,
                                                   int64_t t, int64_t first)
{
    int64_t n = va_keys_of(Tq, Tk, causal, t);

    n = (n < Tk ? n : Tk) - first;
    return (int)(n < 0 ? 0 : n < TILE ? n : TILE);
}

/* Of `all` rows those of the tile at `first`. */
static __device__ __forceinline__ int va_rows_left(int64_t all, int64_t first)
{
    return (int)(all - first < TILE ? all - first : TILE);
}

/*
 * sum[i][j] = a[i] b[j] for rows of D numbers, by way of two tiles. Where D fits into a tile, `left` may
 * hold a from the call before: `held`. Barriers: one before the tiles are written, none behind.
 */
template <bool ROUND = false>
static __device__ __forceinline__ void va_row_products(struct va_square_sum &sum,
                                                       struct va_square &left, const float *a,
                                                       int64_t lda, int rows_a, bool held,
                                                       struct va_square &right, const float *b,
                                                       int64_t ldb, int rows_b, int64_t D)
{
    va_square_clear(sum);
    for (int64_t d = 0; d < D; d += TILE) {
        int n = va_rows_left(D, d);

        __syncthreads();
        if (!held)
            va_square_load_across<ROUND>(left, a + d, lda, rows_a, n);
        va_square_load_across<ROUND>(right, b + d, ldb, rows_b, n);
        __syncthreads();
        va_square_multiply(sum, left, right, n);
    }
}

#endif
