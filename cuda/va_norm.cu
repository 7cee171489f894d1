/*
 * Layer norm. A warp takes a row. Its first 1024 numbers stay in registers, so that x is read once and
 * the variance is that of centred values; what is longer is read again (it is in a cache by then).
 * The mean is found twice, as on the CPU: what is left of a row after the first, rounded mean is
 * summed again, so that a row near 100 with deviation 1 loses nothing.
 *
 * Sums over rows (dgamma, dbeta) are taken in groups of rows, and a second kernel adds the groups in
 * their order.
 */
#include "cuda/va_map.h"
#include "cuda/va_reduce.h"

enum { WARPS = 4, HELD = 8 }; /* rows of a block; quads of numbers that a lane holds */

/* Numbers of a row from `at` on, zeros behind its end C. */
template <bool VECTORS>
static __device__ __forceinline__ void get(float (&v)[4], const float *x, int at, int C)
{
    if constexpr (VECTORS) {
        float4 w = at < C ? *(const float4 *)(x + at) : make_float4(0, 0, 0, 0);

        v[0] = w.x, v[1] = w.y, v[2] = w.z, v[3] = w.w;
    } else {
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] = at + k < C ? x[at + k] : 0;
    }
}

/* The same in bfloat16. */
template <bool VECTORS>
static __device__ __forceinline__ void put(const float (&v)[4], va_bf16 *y, int at, int C)
{
    if constexpr (VECTORS) {
        if (at < C)
            *(uint2 *)(y + at) = { va_bf16_pair(v[0], v[1]), va_bf16_pair(v[2], v[3]) };
    } else {
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (at + k < C)
                y[at + k] = va_bf16_of(v[k]);
    }
}

template <bool VECTORS>
static __device__ __forceinline__ void put(const float (&v)[4], float *y, int at, int C)
{
    if constexpr (VECTORS) {
        if (at < C)
            *(float4 *)(y + at) = make_float4(v[0], v[1], v[2], v[3]);
    } else {
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (at + k < C)
                y[at + k] = v[k];
    }
}

/* f(v, at) for every quad of the row that this lane has: those held, then the others, from memory. */
template <bool VECTORS, class F>
static __device__ __forceinline__ void each_quad(float (&held)[HELD][4], const float *x, int C,
                                                 F f)
{
    const int lane = threadIdx.x % 32;

#pragma unroll
    for (int i = 0; i < HELD; i++)
        f(held[i], 4 * (lane + 32 * i));
    for (int at = 4 * (lane + 32 * HELD); at < C; at += 128) {
        float v[4];

        get<VECTORS>(v, x, at, C);
        f(v, at);
    }
}

template <bool VECTORS>
static __device__ __forceinline__ void hold(float (&held)[HELD][4], const float *x, int C)
{
#pragma unroll
    for (int i = 0; i < HELD; i++)
        get<VECTORS>(held[i], x, 4 * (threadIdx.x % 32 + 32 * i), C);
}

template <class Y>
struct norm_args {
    int64_t M;
    int C;
    float share, eps; /* 1 / C */
    const float *x, *gamma, *beta;
    Y *y;
    float *stats;
};

template <bool VECTORS, class Y>
static __global__ void __launch_bounds__(32 * WARPS) norm(const struct norm_args<Y> p)
{
    const int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;
    const float *x = p.x + row * p.C;
    float held[HELD][4], sum = 0, rest = 0, squares = 0;
    Y *y = p.y + row * p.C;

    if (row >= p.M)
        return; /* whole warps; there is no barrier below */
    hold<VECTORS>(held, x, p.C);
    each_quad<VECTORS>(held, x, p.C,
                       [&](float(&v)[4], int) { sum += (v[0] + v[1]) + (v[2] + v[3]); });
    const float first = va_sum_warp(sum) * p.share;
    each_quad<VECTORS>(held, x, p.C, [&](float(&v)[4], int at) {
#pragma unroll
        for (int k = 0; k < 4; k++) {
            float d = at + k < p.C ? v[k] - first : 0;

            rest += d;
            squares += d * d;
        }
    });
    const float off = va_sum_warp(rest) * p.share; /* the mean is first + off */
    const float var = va_sum_warp(squares) * p.share - off * off;
    const float scale = rsqrtf((var < 0 ? 0 : var) + p.eps);
    each_quad<VECTORS>(held, x, p.C, [&](float(&v)[4], int at) {
        float g[4] = { 1, 1, 1, 1 }, b[4] = { 0, 0, 0, 0 };

        if (p.gamma) {
            get<VECTORS>(g, p.gamma, at, p.C);
            get<VECTORS>(b, p.beta, at, p.C);
        }
#pragma unroll
        for (int k = 0; k < 4; k++)
            b[k] += (v[k] - first - off) * scale * g[k];
        put<VECTORS>(b, y, at, p.C);
    });
    if (p.stats && threadIdx.x % 32 == 0) {
        p.stats[2 * row] = first + off;
        p.stats[2 * row + 1] = scale;
    }
}

static bool vectors(int64_t C, const void *const *buffers, int count)
{
    bool yes = C % 4 == 0;

    for (int i = 0; i < count; i++)
        yes = yes && va_aligned16(buffers[i]);
    return yes;
}

template <class Y>
static void norm_to(struct va_backend *be, const struct va_norm *p, Y *y)
{
    const void *const buffers[] = { p->x, p->gamma, p->beta, y };
    const struct norm_args<Y> args = {
        p->M, (int)p->C, 1 / (float)p->C, (float)p->eps, va_in(p->x), va_in(p->gamma),
            va_in(p->beta), y, va_out(p->stats)
    };
    const dim3 grid(va_blocks_of(p->M, WARPS)), block(32 * WARPS);

    if (!va_cuda_go(be, p->M * p->C))
        return;
    auto *kernel = vectors(p->C, buffers, VA_COUNT(buffers)) ? norm<true, Y> : norm<false, Y>;
    VA_LAUNCH(va_gpu_stream(), grid, block, 0, kernel, args);
    va_cuda_launched(be, "norm");
}

void va_cuda_norm(struct va_backend *be, const struct va_norm *p)
{
    norm_to(be, p, va_out(p->y));
}

void va_cuda_norm_halves(struct va_backend *be, const struct va_norm *p)
{
    norm_to(be, p, (va_bf16 *)p->y);
}

/* ---- backward ---------------------------------------------------------------------------------- */

struct grad_args {
    int64_t M;
    int C;
    float share;
    const float *dy, *x, *gamma, *stats, *add;
    float *dx, *sums; /* sums [groups, 2, C] of dgamma, dbeta */
    int64_t group;    /* rows */
};

/* dx = scale (g - mean(g) - n mean(g n)) + add, with n the normalised row and g = dy gamma. */
template <bool VECTORS>
static __global__ void __launch_bounds__(32 * WARPS) norm_grad(const struct grad_args p)
{
    const int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;
    const int C = p.C;
    const float *x = p.x + row * C, *dy = p.dy + row * C;
    float held[HELD][4], sum = 0, with_n = 0;

    if (row >= p.M)
        return;
    const float mean = p.stats[2 * row], scale = p.stats[2 * row + 1];
    auto slope = [&](float(&g)[4], int at) { /* of the normalised row; behind its end 0 */
                                             float w[4];

                                             get<VECTORS>(g, dy, at, C);
                                             if (!p.gamma)
                                                 return;
                                             get<VECTORS>(w, p.gamma, at, C);
#pragma unroll
                                             for (int k = 0; k < 4; k++)
                                                 g[k] *= w[k];
    };

    hold<VECTORS>(held, x, C);
    each_quad<VECTORS>(held, x, C, [&](float(&v)[4], int at) {
        float g[4];

        slope(g, at);
#pragma unroll
        for (int k = 0; k < 4; k++) {
            sum += g[k];
            with_n += g[k] * ((v[k] - mean) * scale);
        }
    });
    sum = va_sum_warp(sum) * p.share;
    with_n = va_sum_warp(with_n) * p.share;
    each_quad<VECTORS>(held, x, C, [&](float(&v)[4], int at) {
        float g[4], a[4] = { 0, 0, 0, 0 };

        slope(g, at);
        if (p.add)
            get<VECTORS>(a, p.add + row * C, at, C);
#pragma unroll
        for (int k = 0; k < 4; k++)
            a[k] += scale * (g[k] - sum - (v[k] - mean) * scale * with_n);
        put<VECTORS>(a, p.dx + row * C, at, C);
    });
}

enum { COLUMNS = 32, LANES = 8 }; /* of a block: columns, and rows at a time */

struct columns_shared {
    float dgamma[LANES][COLUMNS], dbeta[LANES][COLUMNS];
};

/* Sums over a group of rows; a warp has a row of 32 columns. */
static __global__ void __launch_bounds__(COLUMNS *LANES) sum_columns(const struct grad_args p)
{
    VA_SHARED_MEMORY(struct columns_shared, s);
    const int column = threadIdx.x % COLUMNS, lane = threadIdx.x / COLUMNS;
    const int c = (int)blockIdx.x * COLUMNS + column;
    const int64_t from = (int64_t)blockIdx.y * p.group;
    const int64_t to = from + p.group < p.M ? from + p.group : p.M;
    float dgamma = 0, dbeta = 0;

    for (int64_t row = from + lane; c < p.C && row < to; row += LANES) {
        float g = p.dy[row * p.C + c];

        dgamma += g * ((p.x[row * p.C + c] - p.stats[2 * row]) * p.stats[2 * row + 1]);
        dbeta += g;
    }
    s.dgamma[lane][column] = dgamma;
    s.dbeta[lane][column] = dbeta;
    __syncthreads();
    if (lane > 1 || c >= p.C)
        return;
    float sum = 0;

    for (int i = 0; i < LANES; i++)
        sum += lane ? s.dbeta[i][column] : s.dgamma[i][column];
    p.sums[(2 * (int64_t)blockIdx.y + lane) * p.C + c] = sum;
}

static __global__ void __launch_bounds__(128)
    add_groups(int groups, int C, const float *sums, float *dgamma, float *dbeta)
{
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    float *to = i < C ? dgamma + i : dbeta + (i - C);
    double sum = 0;

    if (i >= 2 * C)
        return;
    for (int64_t k = 0; k < groups; k++)
        sum += (double)sums[k * 2 * C + i];
    *to = (float)(*to + sum);
}

/* Groups of at least 64 rows, and at most 256 groups. */
static int64_t rows_of_group(int64_t M)
{
    return M <= 64 * 256 ? 64 : (M + 255) / 256;
}

static void gradients_of_affine(struct va_backend *be, struct grad_args args,
                                const struct va_norm_grad *p)
{
    const unsigned groups = va_blocks_of(p->M, args.group);

    args.sums = (float *)va_cuda_room(be, groups * 2 * (size_t)p->C * sizeof(float));
    if (!args.sums)
        return;
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(p->C, COLUMNS), groups), dim3(COLUMNS * LANES),
              sizeof(struct columns_shared), sum_columns, args);
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(2 * p->C, 128)), dim3(128), 0, add_groups,
              (int)groups, args.C, args.sums, va_out(p->dgamma), va_out(p->dbeta));
}

void va_cuda_norm_grad(struct va_backend *be, const struct va_norm_grad *p)
{
    const void *const buffers[] = { p->dy, p->x, p->gamma, p->add, p->dx };
    const struct grad_args args = { p->M,
                                    (int)p->C,
                                    1 / (float)p->C,
                                    va_in(p->dy),
                                    va_in(p->x),
                                    va_in(p->gamma),
                                    va_in(p->stats),
                                    va_in(p->add),
                                    va_out(p->dx),
                                    NULL,
                                    rows_of_group(p->M) };
    const dim3 grid(va_blocks_of(p->M, WARPS)), block(32 * WARPS);

    if (!va_cuda_go(be, p->M * p->C))
        return;
    if (p->dx && vectors(p->C, buffers, VA_COUNT(buffers)))
        VA_LAUNCH(va_gpu_stream(), grid, block, 0, norm_grad<true>, args);
    else if (p->dx)
        VA_LAUNCH(va_gpu_stream(), grid, block, 0, norm_grad<false>, args);
    if (p->dgamma)
        gradients_of_affine(be, args, p);
    va_cuda_launched(be, "norm_grad");
}
