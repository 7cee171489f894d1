/*
 * LSTM and GRU. Frames follow each other, so each is a launch, and the launch is spread over channels and
 * sequences: what a frame needs of the one before comes from the results themselves.
 */
#include "cuda/va_act.h"
#include "cuda/va_reduce.h"

enum {
    THREADS = 256,
    WARPS = THREADS / 32,
    TOGETHER = 4 /* sequences that share a look at W_hh */
};

/* ---- forward --------------------------------------------------------------------------------- */

/* What stands before frame t of sequence b: of y and h, or memo and c; NULL: zeros. */
static __device__ __forceinline__ const float *before(const struct va_recurrent &p, int which,
                                                      int64_t b, int64_t t)
{
    const void *of = which ? p.memo : p.y;

    if (t > 0)
        return va_in(of) + (b * p.T + t - 1) * p.H;
    return p.state ? va_in(p.state) + (2 * b + which) * p.H : NULL;
}

/* Channel i of a frame from s = W_hh h + b_hh; a [G, H] becomes the gates. */
static __device__ __forceinline__ void lstm(int64_t H, int64_t i, const float *s, float c0,
                                            float *a, float *c, float *h)
{
    float in = va_sigmoid(a[i] + s[0]), forget = va_sigmoid(a[H + i] + s[1]);
    float g = tanhf(a[2 * H + i] + s[2]), out = va_sigmoid(a[3 * H + i] + s[3]);
    float cell = forget * c0 + in * g;

    a[i] = in;
    a[H + i] = forget;
    a[2 * H + i] = g;
    a[3 * H + i] = out;
    c[i] = cell;
    h[i] = out * tanhf(cell);
}

static __device__ __forceinline__ void gru(int64_t H, int64_t i, const float *s, float h0,
                                           float *a, float *m, float *h)
{
    float r = va_sigmoid(a[i] + s[0]), z = va_sigmoid(a[H + i] + s[1]);
    float n = tanhf(a[2 * H + i] + r * s[2]);

    a[i] = r;
    a[H + i] = z;
    a[2 * H + i] = n;
    m[i] = s[2];
    h[i] = n + z * (h0 - n);
}

/* A warp has a channel of a few sequences: lanes go along the rows of W_hh of its gates, of which each
 * number is read once for all of these sequences. */
template <int G>
__global__ void __launch_bounds__(THREADS)
    recurrent_frame(const struct va_recurrent p, const float *__restrict__ w, int64_t t)
{
    int64_t i = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32, H = p.H;
    int64_t b0 = (int64_t)blockIdx.y * TOGETHER;
    int lane = threadIdx.x % 32, n = (int)(p.B - b0 < TOGETHER ? p.B - b0 : (int64_t)TOGETHER);
    float sum[TOGETHER][G] = {};
    const float *h[TOGETHER];

    if (i >= H)
        return;
#pragma unroll
    for (int k = 0; k < TOGETHER; k++) /* one that is not there: of the first */
        h[k] = before(p, 0, b0 + (k < n ? k : 0), t);
    for (int64_t j = lane; h[0] && j < H; j += 32) {
        float of[G];

#pragma unroll
        for (int g = 0; g < G; g++)
            of[g] = w[(g * H + i) * H + j];
#pragma unroll
        for (int k = 0; k < TOGETHER; k++)
#pragma unroll
            for (int g = 0; g < G; g++)
                sum[k][g] += of[g] * h[k][j];
    }
#pragma unroll
    for (int k = 0; k < TOGETHER; k++) {
        int64_t at = (b0 + k) * p.T + t;
        const float *last = k < n ? before(p, p.cell == VA_CELL_LSTM, b0 + k, t) : NULL;

#pragma unroll
        for (int g = 0; g < G; g++)
            sum[k][g] = va_sum_warp(sum[k][g]) + va_in(p.bias)[g * H + i];
        if (lane != k || k >= n)
            continue;
        (G == 4 ? lstm : gru)(H, i, sum[k], last ? last[i] : 0, va_out(p.gates) + at * G * H,
                              va_out(p.memo) + at * H, va_out(p.y) + at * H);
    }
}

/* h and c behind the last frame, which all of its channels had to see as they were. */
__global__ void __launch_bounds__(THREADS) keep_state(const struct va_recurrent p)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, b = i / p.H, c = i % p.H;
    int64_t last = (b * p.T + p.T - 1) * p.H + c;

    if (i >= p.B * p.H)
        return;
    va_out(p.state)[2 * b * p.H + c] = va_in(p.y)[last];
    if (p.cell == VA_CELL_LSTM)
        va_out(p.state)[(2 * b + 1) * p.H + c] = va_in(p.memo)[last];
}

void va_cuda_recurrent(struct va_backend *be, const struct va_recurrent *p)
{
    dim3 grid, block(THREADS);

    if (!va_cuda_go(be, p->B * p->T * p->H))
        return;
    grid = dim3(va_blocks_of(p->H, WARPS), va_blocks_of(p->B, TOGETHER));
    for (int64_t t = 0; t < p->T; t++)
        if (p->cell == VA_CELL_LSTM)
            VA_LAUNCH(va_gpu_stream(), grid, block, (size_t)0, recurrent_frame<4>, *p,
                      va_in(p->w->data), t);
        else
            VA_LAUNCH(va_gpu_stream(), grid, block, (size_t)0, recurrent_frame<3>, *p,
                      va_in(p->w->data), t);
    if (p->state)
        VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(p->B * p->H, THREADS)), block, (size_t)0,
                  keep_state, *p);
    va_cuda_launched(be, "recurrent");
}

/* ---- backward -------------------------------------------------------------------------------- */

/* One channel of a frame: dh and carry are gradients of h[t] and, of an LSTM, of c[t]. Returns what
 * goes on to the frame before beside W_hh: of c[t-1], or of h[t-1]. */
static __device__ __forceinline__ float lstm_grad(int64_t H, int64_t i, const float *a, float c,
                                                  float c0, float dh, float carry, float *da,
                                                  float *)
{
    float in = a[i], forget = a[H + i], g = a[2 * H + i], out = a[3 * H + i], top = tanhf(c);
    float d = carry + dh * out * (1 - top * top);

    da[i] = d * g * in * (1 - in);
    da[H + i] = d * c0 * forget * (1 - forget);
    da[2 * H + i] = d * in * (1 - g * g);
    da[3 * H + i] = dh * top * out * (1 - out);
    return d * forget;
}

static __device__ __forceinline__ float gru_grad(int64_t H, int64_t i, const float *a, float m,
                                                 float h0, float dh, float carry, float *da,
                                                 float *ds)
{
    float r = a[i], z = a[H + i], n = a[2 * H + i], d = dh + carry;
    float dn = d * (1 - z) * (1 - n * n), dr = dn * m * r * (1 - r);
    float dz = d * (h0 - n) * z * (1 - z);

    da[i] = ds[i] = dr;
    da[H + i] = ds[H + i] = dz;
    da[2 * H + i] = dn;
    ds[2 * H + i] = dn * r;
    return d * z;
}

struct frame_shared {
    float parts[WARPS][TOGETHER][32];
};

/*
 * A block has 32 channels of a few sequences. What comes back through W_hh from the frame behind is a sum
 * over all rows of W_hh: a lane has a channel, each warp every eighth row, and the warps' parts are added in
 * order. Then a thread has a channel of a sequence. carry [B, H]: from frame to frame.
 */
template <int G>
__global__ void __launch_bounds__(THREADS)
    recurrent_frame_grad(const struct va_recurrent_grad p, const float *__restrict__ w,
                         float *carry, int64_t t)
{
    VA_SHARED_MEMORY(struct frame_shared, s);
    int64_t H = p.H, i = (int64_t)blockIdx.x * 32 + threadIdx.x % 32;
    int64_t b = (int64_t)blockIdx.y * TOGETHER;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int n = (int)(p.B - b < TOGETHER ? p.B - b : (int64_t)TOGETHER);
    const float *ds = va_in(G == 4 ? p.da : p.dsum);
    float sum[TOGETHER] = {}, dh = 0;
    int64_t at;

    for (int64_t r = warp; i < H && t < p.T - 1 && r < G * H; r += WARPS)
#pragma unroll
        for (int k = 0; k < TOGETHER; k++)
            if (k < n)
                sum[k] += w[r * H + i] * ds[((b + k) * p.T + t + 1) * G * H + r];
#pragma unroll
    for (int k = 0; k < TOGETHER; k++)
        s.parts[warp][k][lane] = sum[k];
    __syncthreads();
    if (warp >= n || i >= H)
        return;
    for (int k = 0; k < WARPS; k++)
        dh += s.parts[k][warp][lane];
    b += warp;
    at = b * p.T + t;
    dh += va_in(p.dy)[at * H + i];
    const float *last = t > 0 ? va_in(G == 4 ? p.memo : p.y) + (at - 1) * H : NULL;

    carry[b * H + i] = (G == 4 ? lstm_grad : gru_grad)(
        H, i, va_in(p.gates) + at * G * H, va_in(p.memo)[at * H + i], last ? last[i] : 0, dh,
        t < p.T - 1 ? carry[b * H + i] : 0, va_out(p.da) + at * G * H,
        G == 4 ? NULL : va_out(p.dsum) + at * G * H);
}

void va_cuda_recurrent_grad(struct va_backend *be, const struct va_recurrent_grad *p)
{
    dim3 grid, block(THREADS);
    float *carry;

    if (!va_cuda_go(be, p->B * p->T * p->H))
        return;
    grid = dim3(va_blocks_of(p->H, 32), va_blocks_of(p->B, TOGETHER));
    carry = (float *)va_cuda_room(be, (size_t)(p->B * p->H) * sizeof(float));
    for (int64_t t = p->T - 1; carry && t >= 0; t--)
        if (p->cell == VA_CELL_LSTM)
            VA_LAUNCH(va_gpu_stream(), grid, block, sizeof(struct frame_shared),
                      recurrent_frame_grad<4>, *p, va_in(p->w->data), carry, t);
        else
            VA_LAUNCH(va_gpu_stream(), grid, block, sizeof(struct frame_shared),
                      recurrent_frame_grad<3>, *p, va_in(p->w->data), carry, t);
    va_cuda_launched(be, "recurrent_grad");
}
