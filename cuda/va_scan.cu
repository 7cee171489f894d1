/*
 * Selective scan, serial in time (va_scan.h says which lane holds what). One tile of frames is read while the
 * next is on its way. Sums over states are taken for NP frames at once, so that each lane has one
 * frame to gate and to store.
 */
#include "cuda/va_scan.h"

struct scan_args {
    struct va_scan_group g;
    const float *h0; /* of the group's first state */
    float *y, *h_last, *marks;
};

template <int NP>
struct scan_shared {
    va_scan_tile<NP, va_scan_sizes<NP>::tile> tile[2];
};

template <int NP>
static __device__ __forceinline__ void stage(va_scan_tile<NP, va_scan_sizes<NP>::tile> &to,
                                             const struct va_scan_group &g,
                                             const struct va_scan_lane &me, int t0)
{
    if (g.wide)
        va_scan_stage_tile<true>(to, g, me, t0);
    else
        va_scan_stage_tile<false>(to, g, me, t0);
    va_copy_commit();
}

/* Frame t of a channel: what the states of this group add, gated after the last group. */
static __device__ __forceinline__ void store(const struct scan_args &p, int64_t row, int e,
                                             float sum)
{
    float *y = p.y + row * p.g.E + e;

    if (!p.g.first)
        sum += *y;
    if (p.g.last && p.g.z)
        sum *= va_act(VA_SILU, p.g.z[row * p.g.ldz + e]);
    *y = sum;
}

template <int NP>
static __global__ void __launch_bounds__(va_scan_sizes<NP>::threads)
    scan(const struct scan_args p)
{
    VA_SHARED_MEMORY(scan_shared<NP>, s);
    constexpr int TILE = va_scan_sizes<NP>::tile;
    const struct va_scan_lane me = va_scan_here<NP>(p.g);
    const int T = p.g.T;
    const int64_t state = (me.b * p.g.E + me.e) * p.g.states + me.n;
    const float a = me.mine ? p.g.A[(int64_t)me.e * p.g.states + me.n] * VA_LOG2E : 0;
    const float skip = p.g.first && me.e < p.g.E ? p.g.skip[me.e] : 0;
    float h = me.mine && p.h0 ? p.h0[state] : 0;

    stage<NP>(s.tile[0], p.g, me, 0);
    for (int t0 = 0, at = 0; t0 < T; t0 += TILE, at ^= 1) {
        if (t0 + TILE < T)
            stage<NP>(s.tile[at ^ 1], p.g, me, t0 + TILE);
        else
            va_copy_commit();
        va_copy_wait<1>();
        __syncthreads();
        const va_scan_tile<NP, TILE> &now = s.tile[at];
#pragma unroll 1
        for (int k0 = 0; k0 < TILE && t0 + k0 < T; k0 += NP) {
            const int t = t0 + k0 + me.n;
            float part[NP];

            if (p.marks && me.mine && k0 % VA_SCAN_MARKS == 0)
                p.marks[va_scan_mark(p.g, me, t0 + k0)] = h;
#pragma unroll
            for (int k = 0; k < NP; k++) {
                const float d = now.delta[k0 + k][me.c];

                /* behind the last frame delta and u are 0, and h stays */
                h = va_exp2(d * a) * h + d * now.u[k0 + k][me.c] * now.Bm[k0 + k][me.n];
                part[k] = now.Cm[k0 + k][me.n] * h;
            }
            const float sum = va_scan_sum_states<NP / 2>(part, me.n);

            if (t < T && me.e < p.g.E)
                store(p, me.row + t, me.e,
                      p.g.first ? sum + skip * now.u[k0 + me.n][me.c] : sum);
        }
        __syncthreads();
    }
    if (me.mine && p.h_last)
        p.h_last[state] = h;
}

void va_cuda_scan(struct va_backend *be, const struct va_scan *p)
{
    if (!va_cuda_go(be, p->B * p->T * p->E))
        return;
    for (int64_t n0 = 0; n0 < p->N; n0 += VA_SCAN_GROUP)
        va_scan_for_lanes(p->N - n0, [&](auto lanes) {
            constexpr int NP = lanes.count;
            const struct scan_args args = { va_scan_group_of(p, n0,
                                                             va_scan_sizes<NP>::channels),
                                            p->h0 ? va_in(p->h0) + n0 : NULL, va_out(p->y),
                                            p->h_last ? va_out(p->h_last) + n0 : NULL,
                                            p->marks ? va_out(p->marks) + n0 : NULL };

            VA_LAUNCH(va_gpu_stream(), dim3((unsigned)args.g.B * args.g.blocks),
                      dim3(va_scan_sizes<NP>::threads), sizeof(scan_shared<NP>), scan<NP>,
                      args);
        });
    va_cuda_launched(be, "scan");
}
