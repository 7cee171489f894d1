/*
 * Backward of the scan. Pieces of frames are gone through from the last. The forward pass left the states before each of
 * them (marks); inside a piece they are in registers.
 * One piece is read while the one before is worked on. What all states of a channel need, or all channels of a state,
 * is laid so that a lane gets four frames in one load. dB and dC are added over the channels of a block in a
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
    const float *marks; /* of the group's first state */
    float *dBm, *dCm;   /* [B, blocks, T, N] */
    float *dA, *dskip;  /* [B, E, N], [B, E]; dskip of the first group only */
    bool wide;          /* all operands are */
};

template <int NP>
struct grad_shared {
    static constexpr int piece = va_scan_sizes<NP>::piece,
                         channels = va_scan_sizes<NP>::channels;
    struct {
        va_scan_tile<NP, piece> tile;
        float dy[piece][channels], z[piece][channels];
    } in[2]; /* of piece i: in[i % 2] */
    /* Frames of a channel or state, rows in other banks: delta, delta u, dy silu(z) */
    alignas(16) float d[channels][piece + 4], du[channels][piece + 4], g[channels][piece + 4];
    alignas(16) float Bm[NP][piece + 4], Cm[NP][piece + 4];
    alignas(16) float dBm[piece][NP][channels + 4],
        dCm[piece][NP][channels + 4]; /* rows in other banks */
};

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

/* Waits for piece i, and lays it along frames. There is a barrier at the end. */
template <int NP>
static __device__ __forceinline__ void take_piece(const struct grad_args &p, grad_shared<NP> &s,
                                                  int i)
{
    constexpr int PIECE = va_scan_sizes<NP>::piece, CHANNELS = va_scan_sizes<NP>::channels;
    constexpr int THREADS = va_scan_sizes<NP>::threads;
    const auto &in = s.in[i % 2];

    va_copy_wait<1>();
    __syncthreads();
#pragma unroll
    for (int first = 0; first < PIECE * CHANNELS; first += THREADS) {
        const int j = first + (int)threadIdx.x, k = j / CHANNELS, c = j % CHANNELS;
        const float d = in.tile.delta[k][c];

        s.d[c][k] = d;
        s.du[c][k] = d * in.tile.u[k][c];
        s.g[c][k] = in.dy[k][c] * (p.g.z ? va_act(VA_SILU, in.z[k][c]) : 1);
    }
#pragma unroll
    for (int first = 0; first < PIECE * NP; first += THREADS) {
        const int j = first + (int)threadIdx.x, k = j / NP, n = j % NP;

        if (PIECE * NP % THREADS != 0 && j >= PIECE * NP)
            break;
        s.Bm[n][k] = in.tile.Bm[k][n];
        s.Cm[n][k] = in.tile.Cm[k][n];
    }
    __syncthreads();
}

/* Four frames, in one load. */
static __device__ __forceinline__ void take_four(float (&to)[4], const float *from)
{
    const float4 x = *(const float4 *)from;

    to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
}

/* Sums of a frame over the states of this group go to the gradients of its numbers. */
template <int NP>
static __device__ __forceinline__ void store(const struct grad_args &p,
                                             const grad_shared<NP> &s,
                                             const struct va_scan_lane &me, int i, int k,
                                             float skip, float y, float dB, float dd)
{
    const auto &in = s.in[i % 2];
    const float d = in.tile.delta[k][me.c], u = in.tile.u[k][me.c];
    const int t0 = i * va_scan_sizes<NP>::piece;
    const int64_t row = me.row + t0 + k;

    if (t0 + k >= p.g.T)
        return;
    if (p.du) {
        float *du = p.du + row * p.lddu + me.e;

        *du = (p.g.first ? s.g[me.c][k] * skip : *du) + dB * d;
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

/* Which frame of a piece and which state this thread adds up over the channels of the block. */
template <int NP>
static __device__ __forceinline__ int frame_of_sum()
{
    return (int)threadIdx.x / NP % va_scan_sizes<NP>::piece;
}

/* Over the channels of the block, four at a time; to number `at` of dBm and dCm. */
template <int NP>
static __device__ __forceinline__ void sum_channels(const struct grad_args &p,
                                                    const grad_shared<NP> &s, int64_t at)
{
    constexpr int SIZE = va_scan_sizes<NP>::piece * NP, CHANNELS = va_scan_sizes<NP>::channels;
    const int k = frame_of_sum<NP>(), n = (int)threadIdx.x % NP;

#pragma unroll
    for (int first = 0; first < 2 * SIZE; first += va_scan_sizes<NP>::threads) {
        const bool of_B = first + (int)threadIdx.x < SIZE;
        const float *row = of_B ? s.dBm[k][n] : s.dCm[k][n];
        float sum = 0;

#pragma unroll
        for (int c = 0; c < CHANNELS; c += 4) {
            const float4 v = *(const float4 *)(row + c);

            sum += (v.x + v.y) + (v.z + v.w);
        }
        (of_B ? p.dBm : p.dCm)[at] = sum;
    }
}

/* h[t - 1] and exp(delta[t] A) of each frame of a piece, from the state before it, and the state after it. */
template <int NP, int PIECE>
static __device__ __forceinline__ float again(const grad_shared<NP> &s,
                                              const struct va_scan_lane &me, float a, float h,
                                              float (&before)[PIECE], float (&decay)[PIECE])
{
#pragma unroll
    for (int k0 = 0; k0 < PIECE; k0 += 4) {
        float d[4], du[4], Bm[4];

        take_four(d, &s.d[me.c][k0]);
        take_four(du, &s.du[me.c][k0]);
        take_four(Bm, &s.Bm[me.n][k0]);
#pragma unroll
        for (int k = 0; k < 4; k++) {
            before[k0 + k] = h;
            decay[k0 + k] = va_exp2(d[k] * a);
            h = decay[k0 + k] * h + du[k] * Bm[k];
        }
    }
    return h;
}

/* What a lane carries from a frame to the one before. */
struct carried {
    float h;  /* h[t] */
    float dh; /* exp(delta[t+1] A) dh[t+1] */
    float dA, dskip;
};

/* Parts of the sums over states, of NP frames from k0 on: C h, dh B, d(delta A) A. */
template <int NP>
struct parts {
    float y[NP], B[NP], A[NP];
};

template <int NP, int PIECE>
static __device__ __forceinline__ void go_back(grad_shared<NP> &s,
                                               const struct va_scan_lane &me, int k0, float A,
                                               const float (&before)[PIECE],
                                               const float (&decay)[PIECE], struct carried &now,
                                               struct parts<NP> &of)
{
#pragma unroll
    for (int k4 = NP - 4; k4 >= 0; k4 -= 4) {
        float d[4], du[4], g[4], Bm[4], Cm[4];

        take_four(d, &s.d[me.c][k0 + k4]);
        take_four(du, &s.du[me.c][k0 + k4]);
        take_four(g, &s.g[me.c][k0 + k4]);
        take_four(Bm, &s.Bm[me.n][k0 + k4]);
        take_four(Cm, &s.Cm[me.n][k0 + k4]);
#pragma unroll
        for (int j = 3; j >= 0; j--) {
            const int k = k4 + j;
            const float dh = g[j] * Cm[j] + now.dh;

            of.y[k] = Cm[j] * now.h;
            of.B[k] = dh * Bm[j];
            s.dBm[k0 + k][me.n][me.c] = dh * du[j];
            s.dCm[k0 + k][me.n][me.c] = g[j] * now.h;
            now.dh = dh * decay[k0 + k];
            now.h = before[k0 + k];
            of.A[k] = now.dh * now.h * A;
            now.dA += now.dh * now.h * d[j];
        }
    }
}

template <int NP>
static __global__ void __launch_bounds__(va_scan_sizes<NP>::threads, 2)
    scan_grad(const struct grad_args p)
{
    VA_SHARED_MEMORY(grad_shared<NP>, s);
    constexpr int PIECE = va_scan_sizes<NP>::piece;
    const struct va_scan_lane me = va_scan_here<NP>(p.g);
    const float A = me.mine ? p.g.A[(int64_t)me.e * p.g.states + me.n] : 0;
    const float skip = p.g.first && me.e < p.g.E ? p.g.skip[me.e] : 0;
    const int k_sum = frame_of_sum<NP>(), n_sum = (int)threadIdx.x % NP;
    int64_t mark = va_scan_mark(p.g, me, (p.pieces - 1) * PIECE);
    int64_t at = ((int64_t)blockIdx.x * p.g.T + (p.pieces - 1) * PIECE + k_sum) * p.g.N + n_sum;
    struct carried now = { 0, 0, 0, 0 };

    stage_piece(p, s, me, p.pieces - 1);
    va_copy_commit();
    for (int i = p.pieces - 1; i >= 0; i--) {
        const float h = me.mine ? p.marks[mark] : 0;
        float before[PIECE], decay[PIECE];

        if (i > 0)
            stage_piece(p, s, me, i - 1);
        va_copy_commit();
        take_piece(p, s, i);
        now.h = again(s, me, A * VA_LOG2E, h, before, decay);
#pragma unroll
        for (int k0 = PIECE - NP; k0 >= 0; k0 -= NP) {
            struct parts<NP> of;

            go_back(s, me, k0, A, before, decay, now, of);
            const float y = va_scan_sum_states<NP / 2>(of.y, me.n);
            const float dB = va_scan_sum_states<NP / 2>(of.B, me.n);
            const float dd = va_scan_sum_states<NP / 2>(of.A, me.n);

            now.dskip += s.g[me.c][k0 + me.n] * s.in[i % 2].tile.u[k0 + me.n][me.c];
            if (me.e < p.g.E)
                store(p, s, me, i, k0 + me.n, skip, y, dB, dd);
        }
        __syncthreads();
        if (i * PIECE + k_sum < p.g.T && n_sum < p.g.N)
            sum_channels(p, s, at);
        mark -= (int64_t)p.g.E * p.g.states;
        at -= PIECE * p.g.N;
    }
    const float dskip = va_sum_warp<NP>(now.dskip);
    if (me.mine)
        p.dA[(me.b * p.g.E + me.e) * p.g.N + me.n] = now.dA;
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
static bool take_room(struct va_backend *be, struct grad_args *a)
{
    const struct va_scan_group *g = &a->g;
    const int64_t rows = (int64_t)g->B * g->blocks * g->T * g->N;
    const int64_t dA = (int64_t)g->B * g->E * g->N, all = 2 * rows + dA + (int64_t)g->B * g->E;

    a->dBm = (float *)va_cuda_room(be, (size_t)all * sizeof(float));
    if (!a->dBm)
        return false;
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
                           va_in(p->marks) + n0,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           false };

    a.wide = g.wide && va_scan_wide(a.dy) && (!p->z || va_scan_wide(a.z));

    if (!take_room(be, &a))
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
