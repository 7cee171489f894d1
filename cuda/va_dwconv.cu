/*
 * Depthwise causal convolution. A thread is a channel and walks over a run of frames, so that neighbouring
 * lanes read neighbouring numbers. With 4 taps, the usual number, the frames that a tap sees move
 * through registers; with another number they are read again for each tap.
 *
 * Backward, g = dy act'(pre-activation) goes to working memory, with the sums for dW and dbias of
 * every run; dx and the sums over runs, in their order, follow from these.
 */
#include "cuda/va_act.h"

enum { USUAL = 4, CHANNELS = 128 };               /* taps; channels of a block */
static constexpr int FORWARD = 16, BACKWARD = 64; /* frames of a run */

struct conv_args {
    int T, C, K, lead, frames, runs; /* frames of a run, runs of a sequence */
    int64_t ldx;
    const float *x, *w, *bias;
    bool silu;
};

/* A thread's run: frames [from, to) of sequence b. */
struct run {
    int64_t b;
    int c, from, to;
};

static __device__ __forceinline__ struct run run_here(const struct conv_args &p)
{
    const unsigned across = ((unsigned)p.C + CHANNELS - 1) / CHANNELS;
    const unsigned run = blockIdx.x / across;
    const int from = (int)(run % (unsigned)p.runs) * p.frames;

    return { (int64_t)(run / (unsigned)p.runs),
             (int)(blockIdx.x % across * CHANNELS + threadIdx.x), from,
             from + p.frames < p.T ? from + p.frames : p.T };
}

static dim3 grid_of(const struct conv_args &p, int64_t B)
{
    return dim3((unsigned)B * (unsigned)p.runs * va_blocks_of(p.C, CHANNELS));
}

/* x of frame t, zero before the first row that is there */
static __device__ __forceinline__ float x_at(const struct conv_args &p, const struct run &r,
                                             int t)
{
    const int row = p.lead + t;

    return row < 0 ? 0 : p.x[(r.b * (p.lead + p.T) + row) * p.ldx + r.c];
}

/* What the taps see at a frame; next() is to be called for one frame after the other. */
template <int TAPS>
struct window {
    float w[TAPS], x[TAPS];

    __device__ __forceinline__ window(const struct conv_args &p, const struct run &r)
    {
#pragma unroll
        for (int k = 0; k < TAPS; k++) {
            w[k] = p.w[(int64_t)r.c * TAPS + k];
            x[k] = k > 0 ? x_at(p, r, r.from - TAPS + k) : 0;
        }
    }
    __device__ __forceinline__ float next(const struct conv_args &p, const struct run &r, int t)
    {
        float sum = p.bias ? p.bias[r.c] : 0;

#pragma unroll
        for (int k = 0; k < TAPS - 1; k++)
            x[k] = x[k + 1];
        x[TAPS - 1] = x_at(p, r, t);
#pragma unroll
        for (int k = 0; k < TAPS; k++)
            sum += w[k] * x[k];
        return sum;
    }
};

/* Any number of taps. */
template <>
struct window<0> {
    __device__ __forceinline__ window(const struct conv_args &, const struct run &)
    {
    }
    __device__ __forceinline__ float next(const struct conv_args &p, const struct run &r, int t)
    {
        float sum = p.bias ? p.bias[r.c] : 0;

        for (int k = p.K - 1 - (p.lead + t) < 0 ? 0 : p.K - 1 - (p.lead + t); k < p.K; k++)
            sum += p.w[(int64_t)r.c * p.K + k] * x_at(p, r, t - (p.K - 1 - k));
        return sum;
    }
};

template <int TAPS>
static __global__ void __launch_bounds__(CHANNELS) dwconv(const struct conv_args p, float *y)
{
    const struct run r = run_here(p);

    if (r.c >= p.C)
        return;
    window<TAPS> see(p, r);

#pragma unroll 4
    for (int t = r.from; t < r.to; t++) {
        const float sum = see.next(p, r, t);

        y[(r.b * p.T + t) * p.C + r.c] = p.silu ? va_act(VA_SILU, sum) : sum;
    }
}

void va_cuda_dwconv(struct va_backend *be, const struct va_dwconv *p)
{
    const struct conv_args args = { (int)p->T,        (int)p->C,
                                    (int)p->K,        (int)p->lead,
                                    FORWARD,          (int)va_blocks_of(p->T, FORWARD),
                                    p->ldx,           va_in(p->x),
                                    va_in(p->w),      va_in(p->bias),
                                    p->act == VA_SILU };

    if (!va_cuda_go(be, p->B * p->T * p->C))
        return;
    if (p->K == USUAL)
        VA_LAUNCH(va_gpu_stream(), grid_of(args, p->B), dim3(CHANNELS), 0, dwconv<USUAL>, args,
                  va_out(p->y));
    else
        VA_LAUNCH(va_gpu_stream(), grid_of(args, p->B), dim3(CHANNELS), 0, dwconv<0>, args,
                  va_out(p->y));
    va_cuda_launched(be, "dwconv");
}

/* ---- backward ---------------------------------------------------------------------------------- */

struct grad_args {
    struct conv_args conv;
    const float *dy;
    float *g;    /* [B, T, C] */
    float *sums; /* [B * runs, K + 1, C]: dW transposed, then dbias */
};

/* Gradient of the pre-activation. */
static __device__ __forceinline__ float inner(const struct grad_args &p, int64_t at, float pre)
{
    return p.dy[at] * (p.conv.silu ? va_act_slope(VA_SILU, pre, 0) : 1);
}

template <int TAPS>
static __global__ void __launch_bounds__(CHANNELS) inner_grad(const struct grad_args p)
{
    const struct conv_args &conv = p.conv;
    const struct run r = run_here(conv);

    if (r.c >= conv.C)
        return;
    window<TAPS> see(conv, r);
    const int64_t run = r.b * conv.runs + r.from / conv.frames;
    float *sums = p.sums + run * (conv.K + 1) * conv.C + r.c;
    float dw[TAPS + 1] = {}, dbias = 0; /* one more, since 0 would be no array */

#pragma unroll 2
    for (int t = r.from; t < r.to; t++) {
        const int64_t at = (r.b * conv.T + t) * conv.C + r.c;
        const float g = inner(p, at, see.next(conv, r, t));

        p.g[at] = g;
        dbias += g;
        if constexpr (TAPS > 0)
#pragma unroll
            for (int k = 0; k < TAPS; k++)
                dw[k] += g * see.x[k];
    }
    sums[(int64_t)conv.K * conv.C] = dbias;
#pragma unroll
    for (int k = 0; k < TAPS; k++)
        sums[(int64_t)k * conv.C] = dw[k];
    for (int k = 0; TAPS == 0 && k < conv.K; k++) {
        float sum = 0;

        for (int t = r.from; t < r.to; t++)
            sum += p.g[(r.b * conv.T + t) * conv.C + r.c] * x_at(conv, r, t - (conv.K - 1 - k));
        sums[(int64_t)k * conv.C] = sum;
    }
}

/* dx[t] = sum over k of W[k] g[t + K-1-k] */
static __global__ void __launch_bounds__(CHANNELS)
    input_grad(const struct grad_args p, float *dx, int64_t lddx)
{
    const struct conv_args &conv = p.conv;
    const struct run r = run_here(conv);

    if (r.c >= conv.C)
        return;
    for (int t = r.from; t < r.to; t++) {
        float sum = 0;

        for (int k = conv.K - 1; k >= 0 && t + conv.K - 1 - k < conv.T; k--)
            sum += conv.w[(int64_t)r.c * conv.K + k] *
                   p.g[(r.b * conv.T + t + conv.K - 1 - k) * conv.C + r.c];
        dx[(r.b * conv.T + t) * lddx + r.c] = sum;
    }
}

/* A thread adds what all runs have for one number. */
static __global__ void __launch_bounds__(128)
    add_runs(const struct grad_args p, int64_t runs, float *dw, float *dbias)
{
    const int64_t i = (int64_t)blockIdx.x * 128 + threadIdx.x;
    const int64_t size = (int64_t)(p.conv.K + 1) * p.conv.C;
    double sum = 0;

    if (i >= size)
        return;
    const int k = (int)((unsigned)i / (unsigned)p.conv.C), c = (int)(i - (int64_t)k * p.conv.C);
    float *to = k < p.conv.K ? dw : dbias;

    if (!to)
        return;
    to += k < p.conv.K ? (int64_t)c * p.conv.K + k : c;
    for (int64_t run = 0; run < runs; run++)
        sum += (double)p.sums[run * size + i];
    *to = (float)(*to + sum);
}

static void launch_grad(const struct va_dwconv_grad *p, const struct grad_args &args)
{
    const dim3 grid = grid_of(args.conv, p->B), block(CHANNELS);

    if (p->K == USUAL)
        VA_LAUNCH(va_gpu_stream(), grid, block, 0, inner_grad<USUAL>, args);
    else
        VA_LAUNCH(va_gpu_stream(), grid, block, 0, inner_grad<0>, args);
    if (p->dx)
        VA_LAUNCH(va_gpu_stream(), grid, block, 0, input_grad, args, va_out(p->dx), p->lddx);
    if (p->dw || p->dbias)
        VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of((p->K + 1) * p->C, 128)), dim3(128), 0,
                  add_runs, args, p->B * args.conv.runs, va_out(p->dw), va_out(p->dbias));
}

void va_cuda_dwconv_grad(struct va_backend *be, const struct va_dwconv_grad *p)
{
    const int64_t numbers = p->B * p->T * p->C, runs = va_blocks_of(p->T, BACKWARD);
    const int64_t sums = p->B * runs * (p->K + 1) * p->C;
    struct grad_args args = { { (int)p->T, (int)p->C, (int)p->K, 0, BACKWARD, (int)runs, p->ldx,
                                va_in(p->x), va_in(p->w), va_in(p->bias), p->act == VA_SILU },
                              va_in(p->dy),
                              NULL,
                              NULL };

    if (!va_cuda_go(be, numbers))
        return;
    args.g = (float *)va_cuda_room(be, (size_t)(numbers + sums) * sizeof(float));
    if (!args.g)
        return;
    args.sums = args.g + numbers;
    launch_grad(p, args);
    va_cuda_launched(be, "dwconv_grad");
}
