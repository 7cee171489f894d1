/*
 * va_scan.h - what the scan's two directions share.
 *
 * A lane holds one state of one channel; NP neighbouring lanes are a channel, and a block has as many
 * channels as 256 threads hold, 32 at most. Channels with more than 16 states go through in groups of 16:
 * a launch each, which adds to what those before it left.
 */
#ifndef VA_SCAN_H
#define VA_SCAN_H

#include "cuda/va_act.h"
#include "cuda/va_map.h"

static constexpr float VA_LOG2E = 1.44269504f;
static constexpr int64_t VA_SCAN_GROUP = 16; /* states */

template <int NP>
struct va_scan_sizes {
    static constexpr int channels = NP < 16 ? 32 : 16; /* of a block */
    static constexpr int threads = channels * NP;
    static constexpr int tile = 32;             /* frames staged at a time, forward */
    static constexpr int piece = VA_SCAN_MARKS; /* backward */
};

/* One operand: rows that lie ld apart, of which columns [0, cols) are there. */
struct va_scan_rows {
    const float *at;
    int64_t ld;
    int cols;
};

static inline struct va_scan_rows va_scan_rows_of(const void *at, int64_t ld, int64_t cols)
{
    return { va_in(at), ld, (int)cols };
}

/* Whether its columns come in fours, aligned to 16 bytes. */
static inline bool va_scan_wide(const struct va_scan_rows &r)
{
    return va_aligned16(r.at) && r.ld % 4 == 0 && r.cols % 4 == 0;
}

/* What both directions read: states [first, first + N) of each channel, of `states`. */
struct va_scan_group {
    int B, T, E, N, states;
    unsigned blocks; /* of a sequence */
    struct va_scan_rows u, delta, Bm, Cm;
    const float *A, *skip, *z; /* A of the first state */
    int64_t ldz;
    bool first, last; /* group of a channel */
    bool wide;        /* u, delta, Bm and Cm are */
};

/* The group from state n0 on of a scan or of its backward pass; channels are those of a block. */
template <class P>
static inline struct va_scan_group va_scan_group_of(const P *p, int64_t n0, int channels)
{
    const int64_t N = p->N - n0 < VA_SCAN_GROUP ? p->N - n0 : VA_SCAN_GROUP;

    struct va_scan_group g = { (int)p->B,
                               (int)p->T,
                               (int)p->E,
                               (int)N,
                               (int)p->N,
                               va_blocks_of(p->E, channels),
                               va_scan_rows_of(p->u, p->ldu, p->E),
                               va_scan_rows_of(p->delta, p->lddelta, p->E),
                               va_scan_rows_of(va_in(p->Bm) + n0, p->ldB, N),
                               va_scan_rows_of(va_in(p->Cm) + n0, p->ldC, N),
                               va_in(p->A) + n0,
                               va_in(p->skip),
                               va_in(p->z),
                               p->ldz,
                               n0 == 0,
                               n0 + N == p->N,
                               false };

    g.wide = va_scan_wide(g.u) && va_scan_wide(g.delta) && va_scan_wide(g.Bm) &&
             va_scan_wide(g.Cm);
    return g;
}

/* Who this thread is. */
struct va_scan_lane {
    int n, c, e0, e; /* state, channel of the block, first channel of the block, channel */
    bool mine;       /* both are there */
    int64_t b, row;  /* sequence, its first row */
};

template <int NP>
static __device__ __forceinline__ struct va_scan_lane va_scan_here(
    const struct va_scan_group &g)
{
    const int n = (int)threadIdx.x % NP, c = (int)threadIdx.x / NP;
    const int b = (int)(blockIdx.x / g.blocks);
    const int e0 = (int)(blockIdx.x % g.blocks) * va_scan_sizes<NP>::channels;

    return { n, c, e0, e0 + c, e0 + c < g.E && n < g.N, b, (int64_t)b * g.T };
}

/* Frames [t0, t0 + ROWS) and WIDTH columns from c0 on; what lies outside is zero. By all threads of a block. WIDE: 16
 * bytes at a time. */
template <bool WIDE, int THREADS, int ROWS, int WIDTH>
static __device__ __forceinline__ void va_scan_stage(float (&to)[ROWS][WIDTH],
                                                     const struct va_scan_rows &from,
                                                     int64_t row, int t0, int T, int c0)
{
    constexpr int EACH = WIDE ? 4 : 1, COUNT = ROWS * WIDTH / EACH;
    const float *start = from.at + (row + t0) * from.ld + c0;
    const int rows = T - t0, cols = from.cols - c0; /* that are there */

#pragma unroll(WIDE ? 8 : 1)
    for (int first = 0; first < COUNT; first += THREADS) {
        const int i = first + (int)threadIdx.x, k = i / (WIDTH / EACH);
        const int j = i % (WIDTH / EACH) * EACH;
        const bool there = k < rows && j < cols;
        const float *x = there ? start + k * from.ld + j : from.at;

        if (COUNT % THREADS != 0 && i >= COUNT)
            break;
        if constexpr (WIDE)
            va_copy_async16(&to[k][j], x, there);
        else
            va_copy_async4(&to[k][j], x, there);
    }
}

/* Frames of all that the states follow from. */
template <int NP, int ROWS>
struct va_scan_tile {
    float u[ROWS][va_scan_sizes<NP>::channels], delta[ROWS][va_scan_sizes<NP>::channels];
    float Bm[ROWS][NP], Cm[ROWS][NP];
};

template <bool WIDE, int NP, int ROWS>
static __device__ __forceinline__ void va_scan_stage_tile(va_scan_tile<NP, ROWS> &s,
                                                          const struct va_scan_group &g,
                                                          const struct va_scan_lane &me, int t0)
{
    constexpr int THREADS = va_scan_sizes<NP>::threads;

    va_scan_stage<WIDE, THREADS>(s.u, g.u, me.row, t0, g.T, me.e0);
    va_scan_stage<WIDE, THREADS>(s.delta, g.delta, me.row, t0, g.T, me.e0);
    va_scan_stage<WIDE, THREADS>(s.Bm, g.Bm, me.row, t0, g.T, 0);
    va_scan_stage<WIDE, THREADS>(s.Cm, g.Cm, me.row, t0, g.T, 0);
}

/* Where the mark before frame t of this lane's state lies. */
static __device__ __forceinline__ int64_t va_scan_mark(const struct va_scan_group &g,
                                                       const struct va_scan_lane &me, int t)
{
    const int marks = (g.T + VA_SCAN_MARKS - 1) / VA_SCAN_MARKS;

    return ((me.b * marks + t / VA_SCAN_MARKS) * g.E + me.e) * g.states + me.n;
}

/*
 * In: v[k], this lane's part of frame k. Out: in lane n, the sum over lanes of frame n. Each exchange
 * sends what the partner keeps, so that NP sums take NP - 1 exchanges. A recursion, since a loop over
 * HALF is left rolled from 16 frames on, and v then goes to local memory.
 */
template <int HALF, int NP>
static __device__ __forceinline__ float va_scan_sum_states(float (&v)[NP], int n)
{
    if constexpr (HALF > 0) {
        const bool high = n & HALF;

#pragma unroll
        for (int k = 0; k < HALF; k++) {
            const float send = high ? v[k] : v[k + HALF], keep = high ? v[k + HALF] : v[k];

            v[k] = keep + __shfl_xor_sync(0xffffffff, send, HALF);
        }
        return va_scan_sum_states<HALF / 2>(v, n);
    }
    return v[0];
}

/* Lanes of a channel, as a type: call launch(va_scan_lanes<NP>()) for N states, or for a group. */
template <int NP>
struct va_scan_lanes {
    static constexpr int count = NP;
};

template <class L>
static inline void va_scan_for_lanes(int64_t N, L launch)
{
    if (N <= 4)
        launch(va_scan_lanes<4>());
    else if (N <= 8)
        launch(va_scan_lanes<8>());
    else
        launch(va_scan_lanes<16>());
}

#endif
