/*
 * Backward of the scan. A sweep forward leaves the states at the start of every piece of frames (marks);
 * then pieces are gone through from the last, and inside one the states are in registers.
 * One piece is read while the one before is worked on. dB and dC are added over the channels of a block in a
 * fixed order, and by a second kernel over blocks; so are dA and dskip over sequences.
 */
#include "cuda/va_reduce.h"
#include "cuda/va_scan.h"

struct grad_args {
    struct va_scan_group g;
    int pieces;
    struct va_scan_rows dy, z;
    float *du, *ddelta, *dz;
    int64_t lddu, ldddelta, lddz;
    float *marks;      /* [B, blocks, pieces, threads] */
    float *dBm, *dCm;  /* [B, blocks, T, N] */
    float *dA, *dskip; /* [B, E, N], [B, E]; dskip of the first group only */
    bool wide;         /* all operands are */
};

template <int NP>
struct grad_shared {
    static constexpr int piece = va_scan_sizes<NP>::piece,
                         channels = va_scan_sizes<NP>::channels;
    struct {
        va_scan_tile<NP, piece> tile;
        float dy[piece][channels], z[piece][channels];
    } in[2];                  /* of piece i: in[i % 2] */
    float g[piece][channels]; /* dy silu(z) */
    alignas(16) float dBm[piece][NP][channels + 4],
        dCm[piece][NP][channels + 4]; /* rows in other banks */
};

template <int NP>
static __device__ __forceinline__ void stage_states(const struct grad_args &p,
                                                    grad_shared<NP> &s,
                                                    const struct va_scan_lane &me, int i)
{
    const int t0 = i * va_scan_sizes<NP>::piece;

    if (p.g.wide)
        va_scan_stage_states<true>(s.in[i % 2].tile, p.g, me, t0);
    else
        va_scan_stage_states<false>(s.in[i % 2].tile, p.g, me, t0);
    va_copy_commit();
}

/* States before each piece; those after the last are not asked for. */
template <int NP>
static __device__ void leave_marks(const struct grad_args &p, grad_shared<NP> &s,
                                   const struct va_scan_lane &me, float a, float *marks)
{
    constexpr int PIECE = va_scan_sizes<NP>::piece, THREADS = va_scan_sizes<NP>::threads;
    const int last = p.pieces - 1;
    float h = 0;

    if (last > 0)
        stage_states(p, s, me, 0);
    for (int i = 0; i < last; i++) {
        const va_scan_tile<NP, PIECE> &now = s.in[i % 2].tile;

        marks[(int64_t)i * THREADS] = h;
        if (i + 1 < last)
            stage_states(p, s, me, i + 1);
        else
            va_copy_commit();
        va_copy_wait<1>();
        __syncthreads();
#pragma unroll
        for (int k = 0; k < PIECE; k++)
            h = va_scan_next(now, me, k, a, h);
        __syncthreads(); /* its place is that of the piece after the next */
    }
    marks[(int64_t)last * THREADS] = h;
}

template <bool WIDE, int NP>
static __device__ __forceinline__ void stage_all(const struct grad_args &p, grad_shared<NP> &s,
                                                 const struct va_scan_lane &me, int i)
{
    constexpr int THREADS = va_scan_sizes<NP>::threads;
    const int t0 = i * va_scan_sizes<NP>::piece;
    auto &to = s.in[i % 2];

    va_scan_stage_tile<WIDE>(to.tile, p.g, me, t0);
    va_scan_stage<WIDE, THREADS>(to.dy, p.dy, me.row, t0, p.g.T, me.e0);
    if (p.g.z)
        va_scan_stage<WIDE, THREADS>(to.z, p.z, me.row, t0, p.g.T, me.e0);
}

template <int NP>
static __device__ __forceinline__ void stage_piece(const struct grad_args &p,
                                                   grad_shared<NP> &s,
                                                   const struct va_scan_lane &me, int i)
{
    if (p.wide)
        stage_all<true>(p, s, me, i);
    else
        stage_all<false>(p, s, me, i);
}

/* Waits for piece i, and makes the gradient before the gate. There is a barrier at the end. */
template <int NP>
static __device__ __forceinline__ void take_piece(const struct grad_args &p, grad_shared<NP> &s,
                                                  int i)
{
    constexpr int PIECE = va_scan_sizes<NP>::piece, CHANNELS = va_scan_sizes<NP>::channels;
    const auto &in = s.in[i % 2];

    va_copy_wait<1>();
    __syncthreads();
#pragma unroll
    for (int first = 0; first < PIECE * CHANNELS; first += va_scan_sizes<NP>::threads) {
        const int j = first + (int)threadIdx.x, k = j / CHANNELS, c = j % CHANNELS;

        s.g[k][c] = in.dy[k][c] * (p.g.z ? va_act(VA_SILU, in.z[k][c]) : 1);
    }
    __syncthreads();
}

/* Sums of a frame over the states of this group go to the gradients of its numbers. */
template <int NP>
static __device__ __forceinline__ void store(const struct grad_args &p,
                                             const grad_shared<NP> &s,
                                             const struct va_scan_lane &me, int i, int k,
                                             float y, float dB, float dd)
{
    const auto &in = s.in[i % 2];
    const float d = in.tile.delta[k][me.c], u = in.tile.u[k][me.c];
    const int t0 = i * va_scan_sizes<NP>::piece;
    const int64_t row = me.row + t0 + k;
    const float skip = p.g.skip[me.e];

    if (t0 + k >= p.g.T)
        return;
    if (p.du) {
        float *du = p.du + row * p.lddu + me.e;

        *du = (p.g.first ? s.g[k][me.c] * skip : *du) + dB * d;
    }
    if (p.ddelta) {
        float *ddelta = p.ddelta + row * p.ldddelta + me.e;

        *ddelta = (p.g.first ? 0 : *ddelta) + (dB * u + dd);
    }
    if (p.g.z && p.dz) { /* y before the gate, until the last group */
        float *dz = p.dz + row * p.lddz + me.e, z = in.z[k][me.c];

        y += p.g.first ? skip * u : *dz;
        *dz = p.g.last ? in.dy[k][me.c] * y * va_act_slope(VA_SILU, z, 0) : y;
    }
}

/* Over the channels of the block, four at a time. */
template <int NP>
static __device__ __forceinline__ void sum_channels(const struct grad_args &p,
                                                    const grad_shared<NP> &s, int t0)
{
    constexpr int PIECE = va_scan_sizes<NP>::piece, CHANNELS = va_scan_sizes<NP>::channels;

    for (int j = threadIdx.x; j < 2 * PIECE * NP; j += va_scan_sizes<NP>::threads) {
        const int k = j / NP % PIECE, n = j % NP;
        const bool of_B = j < PIECE * NP;
        const float *row = of_B ? s.dBm[k][n] : s.dCm[k][n];
        float sum = 0;

#pragma unroll
        for (int c = 0; c < CHANNELS; c += 4) {
            const float4 v = *(const float4 *)(row + c);

            sum += (v.x + v.y) + (v.z + v.w);
        }
        if (t0 + k < p.g.T && n < p.g.N)
            (of_B ? p.dBm : p.dCm)[((int64_t)blockIdx.x * p.g.T + t0 + k) * p.g.N + n] = sum;
    }
}

template <int NP>
static __global__ void __launch_bounds__(va_scan_sizes<NP>::threads, 2)
    scan_grad(const struct grad_args p)
{
    VA_SHARED_MEMORY(grad_shared<NP>, s);
    constexpr int PIECE = va_scan_sizes<NP>::piece, THREADS = va_scan_sizes<NP>::threads;
    const struct va_scan_lane me = va_scan_here<NP>(p.g);
    const float A = me.mine ? p.g.A[(int64_t)me.e * p.g.states + me.n] : 0, a = A * VA_LOG2E;
    float *marks = p.marks + (int64_t)blockIdx.x * p.pieces * THREADS + threadIdx.x;
    float carry = 0, dA = 0, dskip = 0; /* carry: exp(delta[t+1] A) dh[t+1] */

    leave_marks(p, s, me, a, marks);
    stage_piece(p, s, me, p.pieces - 1);
    va_copy_commit();
    for (int i = p.pieces - 1; i >= 0; i--) {
        const va_scan_tile<NP, PIECE> &tile = s.in[i % 2].tile;
        float before[PIECE], h = marks[(int64_t)i * THREADS]; /* h[t - 1] */

        if (i > 0)
            stage_piece(p, s, me, i - 1);
        va_copy_commit();
        take_piece(p, s, i);
#pragma unroll
        for (int k = 0; k < PIECE; k++) {
            before[k] = h;
            h = va_scan_next(tile, me, k, a, h);
        }
#pragma unroll
        for (int k0 = PIECE - NP; k0 >= 0; k0 -= NP) {
            float of_y[NP], of_B[NP], of_A[NP]; /* C h, dh B, d(delta A) A */

#pragma unroll
            for (int k = NP - 1; k >= 0; k--) {
                const float d = tile.delta[k0 + k][me.c], g = s.g[k0 + k][me.c];
                const float Ct = tile.Cm[k0 + k][me.n], dh = g * Ct + carry;

                of_y[k] = Ct * h;
                of_B[k] = dh * tile.Bm[k0 + k][me.n];
                s.dBm[k0 + k][me.n][me.c] = dh * (d * tile.u[k0 + k][me.c]);
                s.dCm[k0 + k][me.n][me.c] = g * h;
                carry = dh * va_exp2(d * a);
                h = before[k0 + k];
                of_A[k] = carry * h * A;
                dA += carry * h * d;
            }
            const float y = va_scan_sum_states<NP / 2>(of_y, me.n);
            const float dB = va_scan_sum_states<NP / 2>(of_B, me.n);
            const float dd = va_scan_sum_states<NP / 2>(of_A, me.n);

            dskip += s.g[k0 + me.n][me.c] * tile.u[k0 + me.n][me.c];
            if (me.e < p.g.E)
                store(p, s, me, i, k0 + me.n, y, dB, dd);
        }
        __syncthreads();
        sum_channels(p, s, i * PIECE);
    }
    dskip = va_sum_warp<NP>(dskip);
    if (me.mine)
        p.dA[(me.b * p.g.E + me.e) * p.g.N + me.n] = dA;
    if (p.g.first && me.e < p.g.E && me.n == 0)
        p.dskip[me.b * p.g.E + me.e] = dskip;
}

/* y[b, t, n] = (add ? y : 0) + the sum of `terms` parts [T, N] of sequence b, in their order. Rows of y
 * lie ld apart. */
struct sum {
    const float *parts;
    int B, T, N, terms;
    float *y; /* NULL: nobody wants it */
    int64_t ld;
    bool add;
};
struct sums {
    struct sum of[4];
};

/* One of them for each z of the grid. */
static __global__ void __launch_bounds__(256) sum_parts(const struct sums all)
{
    const struct sum &p = all.of[blockIdx.z];
    const int64_t i = (int64_t)blockIdx.x * 256 + threadIdx.x, size = (int64_t)p.T * p.N;

    if (i >= size || !p.y)
        return;
    const int t = (int)((unsigned)i / (unsigned)p.N), n = (int)i - t * p.N;

    for (int b = blockIdx.y; b < p.B; b += gridDim.y) {
        const float *x = p.parts + (int64_t)b * p.terms * size + i;
        float *to = p.y + ((int64_t)b * p.T + t) * p.ld + n, sum = 0;

        for (int k = 0; k < p.terms; k++)
            sum += x[k * size];
        *to = p.add ? *to + sum : sum;
    }
}

/* Working memory of a group, in parts; false after reporting. */
static bool take_room(struct va_backend *be, struct grad_args *a, int threads)
{
    const struct va_scan_group *g = &a->g;
    const int64_t blocks = (int64_t)g->B * g->blocks, marks = blocks * a->pieces * threads;
    const int64_t rows = blocks * g->T * g->N, dA = (int64_t)g->B * g->E * g->N;
    const int64_t all = marks + 2 * rows + dA + (int64_t)g->B * g->E;

    a->marks = (float *)va_cuda_room(be, (size_t)all * sizeof(float));
    if (!a->marks)
        return false;
    a->dBm = a->marks + marks;
    a->dCm = a->dBm + rows;
    a->dA = a->dCm + rows;
    a->dskip = a->dA + dA;
    return true;
}

/* What the blocks of a group left, from state n0 on. */
static void add_up(const struct grad_args &a, const struct va_scan_grad *p, int64_t n0)
{
    const struct va_scan_group &g = a.g;
    const int64_t most = (int64_t)(g.T > g.E ? g.T : g.E) * g.N;
    const int blocks = (int)g.blocks;
    const struct sums all = {
        { { a.dBm, g.B, g.T, g.N, blocks, p->dBm ? va_out(p->dBm) + n0 : NULL, p->lddB, false },
          { a.dCm, g.B, g.T, g.N, blocks, p->dCm ? va_out(p->dCm) + n0 : NULL, p->lddC, false },
          { a.dA, 1, g.E, g.N, g.B, p->dA ? va_out(p->dA) + n0 : NULL, p->N, true },
          { a.dskip, 1, g.E, 1, g.B, g.first ? va_out(p->dskip) : NULL, 1, true } }
    };

    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(most, 256), g.B < 65535 ? g.B : 65535, 4),
              dim3(256), 0, sum_parts, all);
}

template <int NP>
static void grad_of_group(struct va_backend *be, const struct va_scan_grad *p, int64_t n0)
{
    const struct va_scan_group g = va_scan_group_of(p, n0, va_scan_sizes<NP>::channels);
    struct grad_args a = { g,
                           (g.T + va_scan_sizes<NP>::piece - 1) / va_scan_sizes<NP>::piece,
                           va_scan_rows_of(p->dy, p->E, p->E),
                           va_scan_rows_of(p->z, p->ldz, p->E),
                           va_out(p->du),
                           va_out(p->ddelta),
                           va_out(p->dz),
                           p->lddu,
                           p->ldddelta,
                           p->lddz,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           false };

    a.wide = g.wide && va_scan_wide(a.dy) && (!p->z || va_scan_wide(a.z));

    if (!take_room(be, &a, va_scan_sizes<NP>::threads))
        return;
    VA_LAUNCH(va_gpu_stream(), dim3((unsigned)g.B * g.blocks), dim3(va_scan_sizes<NP>::threads),
              sizeof(grad_shared<NP>), scan_grad<NP>, a);
    add_up(a, p, n0);
}

void va_cuda_scan_grad(struct va_backend *be, const struct va_scan_grad *p)
{
    if (!va_cuda_go(be, p->B * p->T * p->E))
        return;
    for (int64_t n0 = 0; n0 < p->N; n0 += VA_SCAN_GROUP)
        va_scan_for_lanes(p->N - n0,
                          [&](auto lanes) { grad_of_group<lanes.count>(be, p, n0); });
    va_cuda_launched(be, "scan_grad");
}
