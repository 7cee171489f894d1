/*
 * Attention, forward. A block has 64 queries of a head and goes through the keys, 64 at a time: scores, their
 * softmax as far as it is known (Milakov and Gimelshein 2018: what was summed so far is scaled when a
 * larger score comes), and the mix of values. Nothing of size Tq x Tk is kept.
 *
 * With rounded operands (bfloat16) weights are rounded when they are divided by their sum, so that this is
 * known first: scores are made twice.
 */
#include "cuda/va_attention.h"
#include "cuda/va_reduce.h"

static const float LOG2E = 1.44269504f;

struct attention_shared {
    struct va_square q, k, v; /* k: weights after the scores */
};

/* Rows of a thread: the largest score so far, and the sum of exponentials less it. */
struct softmax {
    float most[4], sum[4];
};

/* Scores of the block's queries and the keys from k0; -infinity where a query does not see the key. */
template <bool ROUND>
static __device__ __forceinline__ void score(struct va_square_sum &s,
                                             const struct va_attention &p,
                                             const struct va_head_tile &t, int64_t k0,
                                             struct attention_shared &m)
{
    const float *q = va_in(p.q) + t.b * p.stepq + t.first * p.ldq + t.h * p.D;
    const float *k = va_in(p.k) + t.b * p.stepk + k0 * p.ldk + t.h * p.D;

    va_row_products<ROUND>(s, m.q, q, p.ldq, (int)t.rows, k0 > 0 && p.D <= TILE, m.k, k, p.ldk,
                           va_rows_left(p.Tk, k0), p.D);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int keys = va_keys_here(p.Tq, p.Tk, p.causal, t.first + va_square_row() + i, k0);

#pragma unroll
        for (int j = 0; j < 4; j++)
            if (va_square_column() + j >= keys)
                s.at[i][j] = -INFINITY;
    }
}

/* Scores become exponentials less the largest so far. Returns by what earlier ones shrink: by[4]. */
static __device__ __forceinline__ void exponentials(struct va_square_sum &s, struct softmax &r,
                                                    float scale, float (&by)[4])
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float most = r.most[i], sum = 0;

#pragma unroll
        for (int j = 0; j < 4; j++)
            most = va_larger(most, s.at[i][j]);
        most = va_max_warp<TILE_ROW>(most);
        by[i] = r.most[i] == -INFINITY ? 0 : va_exp2((r.most[i] - most) * (scale * LOG2E));
#pragma unroll
        for (int j = 0; j < 4; j++)
            sum += s.at[i][j] = va_exp2((s.at[i][j] - most) * (scale * LOG2E));
        r.sum[i] = r.sum[i] * by[i] + va_sum_warp<TILE_ROW>(sum);
        r.most[i] = most;
    }
}

/* o += weights times values of the keys from k0; the weights go where the keys were. */
template <bool ROUND>
static __device__ __forceinline__ void mix(struct va_square_sum &o,
                                           const struct va_square_sum &s,
                                           const struct va_attention &p,
                                           const struct va_head_tile &t, int64_t k0,
                                           struct attention_shared &m)
{
    const float *v = va_in(p.v) + t.b * p.stepk + k0 * p.ldk + t.h * p.D + t.from;
    int keys = va_rows_left(p.Tk, k0);

    __syncthreads();
    va_square_store_across(m.k, s);
    va_square_load<ROUND>(m.v, v, p.ldk, keys, t.cols);
    __syncthreads();
    va_square_multiply(o, m.k, m.v, keys);
}

static __device__ __forceinline__ void write_rows(const struct va_attention &p,
                                                  const struct va_head_tile &t,
                                                  const struct va_square_sum &o,
                                                  const struct softmax &r, float scale)
{
    float *y = va_out(p.y) + ((t.b * p.Tq + t.first) * p.H + t.h) * p.D + t.from;
    float *lse = p.lse ? va_out(p.lse) + (t.b * p.H + t.h) * p.Tq + t.first : NULL;

    va_square_write(y, p.H * p.D, (int)t.rows, t.cols, o);
    for (int i = 0; lse && t.from == 0 && va_square_column() == 0 && i < 4; i++)
        if (va_square_row() + i < t.rows)
            lse[va_square_row() + i] = r.most[i] * scale + logf(r.sum[i]);
}

static __device__ __forceinline__ void begin(struct softmax &r)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        r.most[i] = -INFINITY;
        r.sum[i] = 0;
    }
}

__global__ void __launch_bounds__(TILE_THREADS)
    attention(const struct va_attention p, const float scale)
{
    VA_SHARED_MEMORY(struct attention_shared, m);
    struct va_head_tile t = va_head_tile_of(p.H, p.Tq, p.D);
    int64_t keys = va_keys_of(p.Tq, p.Tk, p.causal, t.first + t.rows - 1);
    struct va_square_sum s, o;
    struct softmax r;
    float by[4];

    va_square_clear(o);
    begin(r);
    for (int64_t k0 = 0; k0 < keys; k0 += TILE) {
        score<false>(s, p, t, k0, m);
        exponentials(s, r, scale, by);
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                o.at[i][j] *= by[i];
        mix<false>(o, s, p, t, k0, m);
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
            o.at[i][j] *= va_rcp(r.sum[i]);
    write_rows(p, t, o, r, scale);
}

__global__ void __launch_bounds__(TILE_THREADS)
    attention_rounded(const struct va_attention p, const float scale)
{
    VA_SHARED_MEMORY(struct attention_shared, m);
    struct va_head_tile t = va_head_tile_of(p.H, p.Tq, p.D);
    int64_t keys = va_keys_of(p.Tq, p.Tk, p.causal, t.first + t.rows - 1);
    struct va_square_sum s, o;
    struct softmax r;
    float by[4];

    begin(r);
    for (int64_t k0 = 0; k0 < keys; k0 += TILE) {
        score<true>(s, p, t, k0, m);
        exponentials(s, r, scale, by);
    }
    va_square_clear(o);
    for (int64_t k0 = 0; k0 < keys; k0 += TILE) {
        score<true>(s, p, t, k0, m);
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                s.at[i][j] = va_square_round(
                    va_exp2((s.at[i][j] - r.most[i]) * (scale * LOG2E)) * va_rcp(r.sum[i]));
        mix<true>(o, s, p, t, k0, m);
    }
    write_rows(p, t, o, r, scale);
}

void va_cuda_attention(struct va_backend *be, const struct va_attention *p)
{
    dim3 grid = va_head_tiles(p->B, p->H, p->Tq, p->D);
    float scale = (float)(1 / sqrt((double)p->D));
    size_t shared = sizeof(struct attention_shared);

    if (!va_cuda_go(be, p->B * p->Tq * p->H * p->D))
        return;
    if (be->precision != VA_BF16_PRODUCTS || p->lse)
        VA_LAUNCH(va_gpu_stream(), grid, dim3(TILE_THREADS), shared, attention, *p, scale);
    else if (!va_attention_half(p))
        VA_LAUNCH(va_gpu_stream(), grid, dim3(TILE_THREADS), shared, attention_rounded, *p,
                  scale);
    va_cuda_launched(be, "attention");
}
