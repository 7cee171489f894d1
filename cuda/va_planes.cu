/*
 * Pictures without products: depthwise convolution, pooling, upsampling. Threads along x of a block share
 * out the channels of a pixel, four each, those along y the pixels of a row, of which a block has a run.
 */
#include "cuda/va_act.h"
#include "cuda/va_map.h"
#include "cuda/va_reduce.h"

struct plane {
    int B, H, W, Ho, Wo, K, stride, pad;
    unsigned blocks;   /* of an output row */
    struct va_quads q; /* channels */
};

/* Threads that share out these channels. */
static unsigned lanes_of(struct va_quads q)
{
    unsigned lanes = 1;

    while (lanes < 64 && lanes < va_quad_count(q))
        lanes *= 2;
    return lanes;
}

static struct plane plane_of(const struct va_plane *g, int64_t C, bool aligned)
{
    struct plane own = {
        (int)g->B, (int)g->H,      (int)g->W,   (int)g->Ho, (int)g->Wo,
        (int)g->K, (int)g->stride, (int)g->pad, 0,          { C, 0, aligned && C % 4 == 0 }
    };

    own.blocks = va_blocks_of(g->Wo, 256 / lanes_of(own.q));
    return own;
}

static struct va_map_shape shape_of(const struct plane &g)
{
    const unsigned lanes = lanes_of(g.q);

    return { dim3((unsigned)g.B * (unsigned)g.Ho * g.blocks), dim3(lanes, 256 / lanes) };
}

/* The output pixel (b, i, j) of this thread, if it has one; row is b Ho + i. */
struct pixel {
    int row, j;
};

static __device__ __forceinline__ struct pixel pixel_here(const struct plane &g)
{
    const unsigned row = blockIdx.x / g.blocks, run = blockIdx.x - row * g.blocks;

    return { (int)row, (int)(run * blockDim.y + threadIdx.y) };
}
#define EACH_OF_PIXEL(g, at) \
    for (int at = (int)threadIdx.x; at < (int)va_quad_count((g).q); at += (int)blockDim.x)

/* What an output pixel sees of the picture: taps [m0, m1) x [n0, n1) of K x K, and its first pixel
 * there, as a number of pixels from the beginning. */
struct seen {
    int m0, m1, n0, n1;
    int64_t first;
};

static __device__ __forceinline__ struct seen seen_by(const struct plane &g, int row, int j)
{
    const int b = row / g.Ho, y = (row - b * g.Ho) * g.stride - g.pad, x = j * g.stride - g.pad;
    const int m0 = y < 0 ? -y : 0, n0 = x < 0 ? -x : 0;

    return { m0, g.H - y < g.K ? g.H - y : g.K, n0, g.W - x < g.K ? g.W - x : g.K,
             ((int64_t)b * g.H + y + m0) * g.W + x + n0 };
}

/* f(tap, v) for all taps seen, with four channels of the pixel there. */
template <class F>
static __device__ __forceinline__ void each_seen(const struct plane &g, const struct seen &s,
                                                 const float *x, int at, F f)
{
    for (int m = s.m0; m < s.m1; m++)
        for (int n = s.n0; n < s.n1; n++) {
            float v[4];

            va_get4(v, g.q, at, x + (s.first + (int64_t)(m - s.m0) * g.W + n - s.n0) * g.q.n);
            f(m * g.K + n, v);
        }
}

/* ---- depthwise convolution ------------------------------------------------------------------------- */

/* wt [K * K, C] from W [C, K, K], so that neighbouring channels lie beside each other */
static __global__ void __launch_bounds__(256)
    transpose(int C, int taps, const float *w, float *wt)
{
    const int c = (int)(blockIdx.x * 256 + threadIdx.x);

    for (int k = 0; c < C && k < taps; k++)
        wt[(int64_t)k * C + c] = w[(int64_t)c * taps + k];
}

template <enum va_unary f>
static __global__ void __launch_bounds__(256)
    dwconv2d(const struct plane g, const float *x, const float *wt, const float *bias, float *y)
{
    const struct pixel own = pixel_here(g);

    if (own.j >= g.Wo)
        return;
    const struct seen s = seen_by(g, own.row, own.j);

    EACH_OF_PIXEL(g, at)
    {
        float sum[4] = { 0, 0, 0, 0 };

        if (bias)
            va_get4(sum, g.q, at, bias);
        each_seen(g, s, x, at, [&](int tap, const float(&v)[4]) {
            float w[4];

            va_get4(w, g.q, at, wt + tap * g.q.n);
#pragma unroll
            for (int k = 0; k < 4; k++)
                sum[k] += w[k] * v[k];
        });
#pragma unroll
        for (int k = 0; k < 4; k++)
            sum[k] = va_act(f, sum[k]);
        va_put4(sum, g.q, at, y + ((int64_t)own.row * g.Wo + own.j) * g.q.n);
    }
}

void va_cuda_dwconv2d(struct va_backend *be, const struct va_dwconv2d *p)
{
    const bool aligned = va_aligned16(p->x) && va_aligned16(p->bias) && va_aligned16(p->y);
    const struct plane g = plane_of(&p->at, p->C, aligned);
    const struct va_map_shape s = shape_of(g);
    const int taps = g.K * g.K;
    float *wt;

    if (!va_cuda_go(be, (int64_t)g.B * g.Ho * g.Wo * p->C))
        return;
    wt = (float *)va_cuda_room(be, (size_t)taps * (size_t)p->C * sizeof(float));
    if (!wt)
        return;
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(p->C, 256)), dim3(256), 0, transpose,
              (int)p->C, taps, va_in(p->w), wt);
    va_for_act(p->act, [&](auto is) {
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, dwconv2d<is.f>, g, va_in(p->x), wt,
                  va_in(p->bias), va_out(p->y));
    });
    va_cuda_launched(be, "dwconv2d");
}

/* ---- pooling --------------------------------------------------------------------------------- */

template <enum va_pool pool>
static __global__ void __launch_bounds__(256)
    pool2d(const struct plane g, const float *x, float *y)
{
    const struct pixel own = pixel_here(g);

    if (own.j >= g.Wo)
        return;
    const struct seen s = seen_by(g, own.row, own.j);
    const float share = va_rcp((float)((s.m1 - s.m0) * (s.n1 - s.n0)));

    EACH_OF_PIXEL(g, at)
    {
        const float none = pool == VA_POOL_MAX ? -INFINITY : 0;
        float r[4] = { none, none, none, none };

        each_seen(g, s, x, at, [&](int, const float(&v)[4]) {
#pragma unroll
            for (int k = 0; k < 4; k++)
                r[k] = pool == VA_POOL_MAX ? va_larger(r[k], v[k]) : r[k] + v[k];
        });
#pragma unroll
        for (int k = 0; k < 4; k++)
            r[k] = pool == VA_POOL_MAX ? r[k] : r[k] * share;
        va_put4(r, g.q, at, y + ((int64_t)own.row * g.Wo + own.j) * g.q.n);
    }
}

void va_cuda_pool2d(struct va_backend *be, const struct va_pool2d *p)
{
    const struct plane g = plane_of(&p->at, p->C, va_aligned16(p->x) && va_aligned16(p->y));
    const struct va_map_shape s = shape_of(g);

    if (!va_cuda_go(be, (int64_t)g.B * g.Ho * g.Wo * p->C))
        return;
    if (p->pool == VA_POOL_MAX)
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, pool2d<VA_POOL_MAX>, g, va_in(p->x),
                  va_out(p->y));
    else
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, pool2d<VA_POOL_MEAN>, g, va_in(p->x),
                  va_out(p->y));
    va_cuda_launched(be, "pool2d");
}

/* ---- gates ----------------------------------------------------------------------------------- */

static __global__ void __launch_bounds__(256)
    gate(const struct plane g, bool below, const float *x, const float *s, float *y)
{
    const struct pixel own = pixel_here(g);

    if (own.j >= g.Wo)
        return;
    const int64_t at_pixel = ((int64_t)own.row * g.Wo + own.j) * g.q.n;

    EACH_OF_PIXEL(g, at)
    {
        float v[4], w[4];

        va_get4(v, g.q, at, x + at_pixel);
        va_get4(w, g.q, at, s + own.row * g.q.n);
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] = below && v[k] > 0 ? v[k] : w[k] * v[k];
        va_put4(v, g.q, at, y + at_pixel);
    }
}

/* The pixels of a picture are a row. */
void va_cuda_gate(struct va_backend *be, const struct va_gate *p)
{
    const struct va_plane rows = { .B = p->B, .H = 1, .W = p->P, .Ho = 1, .Wo = p->P };
    const bool aligned = va_aligned16(p->x) && va_aligned16(p->s) && va_aligned16(p->y);
    const struct plane g = plane_of(&rows, p->C, aligned);
    const struct va_map_shape s = shape_of(g);

    if (!va_cuda_go(be, p->B * p->P * p->C))
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, gate, g, p->below, va_in(p->x), va_in(p->s),
              va_out(p->y));
    va_cuda_launched(be, "gate");
}

/* ---- upsampling ------------------------------------------------------------------------------ */

/* Row b 2H + i of y is over row b H + i / 2 of x. */
static __global__ void __launch_bounds__(256)
    upsample2d(const struct plane g, const float *x, const float *add, float *y)
{
    const struct pixel own = pixel_here(g);

    if (own.j >= g.Wo)
        return;
    const int64_t from = (int64_t)(own.row / 2) * g.W + own.j / 2,
                  to = (int64_t)own.row * g.Wo + own.j;

    EACH_OF_PIXEL(g, at)
    {
        float v[4], w[4] = { 0, 0, 0, 0 };

        va_get4(v, g.q, at, x + from * g.q.n);
        if (add)
            va_get4(w, g.q, at, add + to * g.q.n);
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] += w[k];
        va_put4(v, g.q, at, y + to * g.q.n);
    }
}

void va_cuda_upsample2d(struct va_backend *be, const struct va_upsample2d *p)
{
    const bool aligned = va_aligned16(p->x) && va_aligned16(p->add) && va_aligned16(p->y);
    const struct va_plane twice = {
        .B = p->B, .H = p->H, .W = p->W, .Ho = 2 * p->H, .Wo = 2 * p->W
    };
    const struct plane g = plane_of(&twice, p->C, aligned);
    const struct va_map_shape s = shape_of(g);

    if (!va_cuda_go(be, p->B * p->H * p->W * p->C))
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, upsample2d, g, va_in(p->x), va_in(p->add),
              va_out(p->y));
    va_cuda_launched(be, "upsample2d");
}
