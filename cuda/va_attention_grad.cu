/*
 * Attention, backward: the weights are made again from scores and their log-sums,
 *
 *     w[t, s] = exp(q[t] k[s] / sqrt(D) - lse[t])     e[t, s] = w[t, s] (dy[t] v[s] - dy[t] y[t]) / sqrt(D)
 *     dq[t] = sum over s of e[t, s] k[s]    dk[s] = sum over t of e[t, s] q[t]    dv[s] = sum over t of w[t, s] dy[t]
 *
 * once by blocks of 64 queries, for dq, and once by blocks of 64 keys, for dk and dv: each sum belongs to one
 * block, which adds in order.
 */
#include "cuda/va_attention.h"
#include "cuda/va_reduce.h"

static const float LOG2E = 1.44269504f;

struct grad_shared {
    struct va_square left, right, weights, rows;
};

/* The parameters, with 1 / sqrt(D) and dy y [B, Tq, H]. */
struct grad {
    struct va_attention_grad p;
    float scale;
    float *along;
};

/* A warp a row. */
__global__ void __launch_bounds__(TILE_THREADS) along_rows(const struct grad g, int64_t rows)
{
    int64_t r = (int64_t)blockIdx.x * (TILE_THREADS / 32) + threadIdx.x / 32;
    const float *y = va_in(g.p.y) + r * g.p.D, *dy = va_in(g.p.dy) + r * g.p.D;
    float sum = 0;

    if (r >= rows)
        return;
    for (int64_t d = threadIdx.x % 32; d < g.p.D; d += 32)
        sum += y[d] * dy[d];
    sum = va_sum_warp(sum);
    if (threadIdx.x % 32 == 0)
        g.along[r] = sum;
}

/* Where rows of a head begin. */
static __device__ __forceinline__ int64_t query_at(const struct va_attention_grad &p,
                                                   const struct va_head_tile &t, int64_t row)
{
    return t.b * p.stepq + row * p.ldq + t.h * p.D;
}
static __device__ __forceinline__ int64_t key_at(const struct va_attention_grad &p,
                                                 const struct va_head_tile &t, int64_t row)
{
    return t.b * p.stepk + row * p.ldk + t.h * p.D;
}
static __device__ __forceinline__ int64_t output_at(const struct va_attention_grad &p,
                                                    const struct va_head_tile &t, int64_t row)
{
    return ((t.b * p.Tq + row) * p.H + t.h) * p.D;
}

/* What is kept of a query, and how many keys of 64 it sees, from key `first` on. */
struct query {
    float lse, along;
    int keys;
};

static __device__ __forceinline__ struct query query_of(const struct grad &g,
                                                        const struct va_head_tile &t,
                                                        int64_t row, int64_t first)
{
    const struct va_attention_grad &p = g.p;

    if (row >= p.Tq)
        return { 0, 0, 0 };
    return { va_in(p.lse)[(t.b * p.H + t.h) * p.Tq + row],
             g.along[(t.b * p.Tq + row) * p.H + t.h],
             va_keys_here(p.Tq, p.Tk, p.causal, row, first) };
}

/* w and e of a query and a key that it sees, or not, from their score and dy v, which are there. */
static __device__ __forceinline__ void weigh(const struct query &q, bool sees, float scale,
                                             float &w, float &e)
{
    w = sees ? va_exp2((w * scale - q.lse) * LOG2E) : 0;
    e = sees ? w * (e - q.along) * scale : 0;
}

__global__ void __launch_bounds__(TILE_THREADS) query_grad(const struct grad g)
{
    VA_SHARED_MEMORY(struct grad_shared, m);
    const struct va_attention_grad &p = g.p;
    struct va_head_tile t = va_head_tile_of(p.H, p.Tq, p.D);
    int64_t keys = va_keys_of(p.Tq, p.Tk, p.causal, t.first + t.rows - 1);
    struct va_square_sum w, e, dq;

    va_square_clear(dq);
    for (int64_t k0 = 0; k0 < keys; k0 += TILE) {
        int n = va_rows_left(p.Tk, k0);

        va_row_products(w, m.left, va_in(p.q) + query_at(p, t, t.first), p.ldq, (int)t.rows,
                        false, m.right, va_in(p.k) + key_at(p, t, k0), p.ldk, n, p.D);
        va_row_products(e, m.left, va_in(p.dy) + output_at(p, t, t.first), p.H * p.D,
                        (int)t.rows, false, m.right, va_in(p.v) + key_at(p, t, k0), p.ldk, n,
                        p.D);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            struct query q = query_of(g, t, t.first + va_square_row() + i, k0);

#pragma unroll
            for (int j = 0; j < 4; j++)
                weigh(q, va_square_column() + j < q.keys, g.scale, w.at[i][j], e.at[i][j]);
        }
        va_square_store_across(m.weights, e);
        va_square_load(m.rows, va_in(p.k) + key_at(p, t, k0) + t.from, p.ldk, n, t.cols);
        __syncthreads();
        va_square_multiply(dq, m.weights, m.rows, n);
    }
    va_square_write(va_out(p.dq) + query_at(p, t, t.first) + t.from, p.ldq, (int)t.rows, t.cols,
                    dq);
}

/* sum += weights (of this block's keys and the queries from q0) times rows of queries */
static __device__ __forceinline__ void add_rows(struct va_square_sum &sum,
                                                const struct va_square_sum &weights,
                                                const float *rows, int64_t ld, int n, int cols,
                                                struct grad_shared &m)
{
    __syncthreads();
    va_square_store_across(m.weights, weights);
    va_square_load(m.rows, rows, ld, n, cols);
    __syncthreads();
    va_square_multiply(sum, m.weights, m.rows, n);
}

__global__ void __launch_bounds__(TILE_THREADS) key_grad(const struct grad g)
{
    VA_SHARED_MEMORY(struct grad_shared, m);
    const struct va_attention_grad &p = g.p;
    struct va_head_tile t = va_head_tile_of(p.H, p.Tk, p.D);
    int64_t before = p.causal ? t.first - (p.Tk - p.Tq) : 0; /* queries that see none of them */
    struct va_square_sum w, e, dk, dv;

    va_square_clear(dk);
    va_square_clear(dv);
    for (int64_t q0 = before > 0 ? before : 0; q0 < p.Tq; q0 += TILE) {
        int n = va_rows_left(p.Tq, q0);
        const float *q = va_in(p.q) + query_at(p, t, q0);
        const float *dy = va_in(p.dy) + output_at(p, t, q0);

        va_row_products(w, m.left, va_in(p.k) + key_at(p, t, t.first), p.ldk, (int)t.rows,
                        false, m.right, q, p.ldq, n, p.D);
        va_row_products(e, m.left, va_in(p.v) + key_at(p, t, t.first), p.ldk, (int)t.rows,
                        false, m.right, dy, p.H * p.D, n, p.D);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            struct query own = query_of(g, t, q0 + va_square_column() + j, t.first);

#pragma unroll
            for (int i = 0; i < 4; i++)
                weigh(own, va_square_row() + i < own.keys, g.scale, w.at[i][j], e.at[i][j]);
        }
        add_rows(dv, w, dy + t.from, p.H * p.D, n, t.cols, m);
        add_rows(dk, e, q + t.from, p.ldq, n, t.cols, m);
    }
    va_square_write(va_out(p.dk) + key_at(p, t, t.first) + t.from, p.ldk, (int)t.rows, t.cols,
                    dk);
    va_square_write(va_out(p.dv) + key_at(p, t, t.first) + t.from, p.ldk, (int)t.rows, t.cols,
                    dv);
}

void va_cuda_attention_grad(struct va_backend *be, const struct va_attention_grad *p)
{
    int64_t rows = p->B * p->Tq * p->H;
    struct grad g = { *p, (float)(1 / sqrt((double)p->D)), NULL };
    dim3 block(TILE_THREADS);
    size_t shared = sizeof(struct grad_shared);

    if (!va_cuda_go(be, p->B * p->Tk * p->H * p->D))
        return;
    g.along = (float *)va_cuda_room(be, (size_t)(rows + 1) * sizeof(float));
    if (!g.along)
        return;
    if (rows > 0) {
        VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(rows, TILE_THREADS / 32)), block,
                  (size_t)0, along_rows, g, rows);
        VA_LAUNCH(va_gpu_stream(), va_head_tiles(p->B, p->H, p->Tq, p->D), block, shared,
                  query_grad, g);
    }
    VA_LAUNCH(va_gpu_stream(), va_head_tiles(p->B, p->H, p->Tk, p->D), block, shared, key_grad,
              g);
    va_cuda_launched(be, "attention_grad");
}
