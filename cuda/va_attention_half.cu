/*
 * Attention, forward, with operands rounded to bfloat16, on tensor cores: heads of up to 128 numbers.
 *
 * A block has 128 queries of a head, a warp 16 of them, whose operands it keeps in registers. Keys and values come
 * through shared memory, rounded, in chunks: for encoders of pictures all of them at once. What is in bfloat16 already
 * (cuda/va_halves.h) is copied there as it is. Weights are rounded
 * when they are divided by their sum, so the keys are gone through twice: for the sums, then for the weights
 * and their mix of values. Scores cost less than memory for them would.
 *
 * A lane's place in a 16 x 8 result: rows lane / 4 and 8 more, columns 2 (lane % 4) and the next.
 */
#include "cuda/va_attention.h"
#include "cuda/va_halves.h"
#include "cuda/va_reduce.h"

enum { THREADS = 256, QUERIES = THREADS / 32 * 16, STEP = 32 /* keys at a time */ };
static const float LOG2E = 1.44269504f;

/* Rows of DP numbers, and a gap, so that eight of them lie in different banks. */
template <int DP>
struct half_shared {
    static constexpr int CHUNK = 16384 / DP;
    uint32_t k[CHUNK][DP / 2 + 4], v[CHUNK][DP / 2 + 4]; /* two numbers each */
};

/* Of a warp. */
struct rows {
    int64_t at[2];         /* this lane's queries */
    int64_t sees[2];       /* how many keys */
    float most[2], sum[2]; /* the largest score, and exponentials less it */
};

/* A chunk of keys, or values: `rows` of them, and zeros up to a whole step. */
template <int DP>
static __device__ __forceinline__ void load(uint32_t (*to)[DP / 2 + 4], const float *from,
                                            int64_t ld, int rows, int D, bool wide)
{
    int all = (rows + STEP - 1) / STEP * STEP * (DP / 4);

    for (int at = threadIdx.x; at < all; at += THREADS) {
        int i = at / (DP / 4), j = at % (DP / 4) * 4;
        const float *x = from + i * ld + j;
        float4 four = make_float4(0, 0, 0, 0);

        if (i < rows && wide && j < D)
            four = *(const float4 *)x;
        else if (i < rows && !wide)
            four = make_float4(j < D ? x[0] : 0, j + 1 < D ? x[1] : 0, j + 2 < D ? x[2] : 0,
                               j + 3 < D ? x[3] : 0);
        *(uint2 *)&to[i][j / 2] = { va_bf16_pair(four.x, four.y),
                                    va_bf16_pair(four.z, four.w) };
    }
}

/* The same of rows in bfloat16, which are aligned. */
template <int DP>
static __device__ __forceinline__ void load(uint32_t (*to)[DP / 2 + 4], const va_bf16 *from,
                                            int64_t ld, int rows, int D, bool)
{
    int all = (rows + STEP - 1) / STEP * STEP * (DP / 8);

    for (int at = threadIdx.x; at < all; at += THREADS) {
        int i = at / (DP / 8), j = at % (DP / 8) * 8;
        bool there = i < rows && j < D;

        va_copy_async16(&to[i][j / 2], there ? from + i * ld + j : from, there);
    }
    va_copy_commit();
    va_copy_wait<0>();
}

/* Two neighbours, and how they are written. PAIRS: both at once; else the second need not be there. */
template <bool PAIRS>
static __device__ __forceinline__ uint32_t get_pair(const float *x, bool both)
{
    float2 v = PAIRS ? *(const float2 *)x : make_float2(x[0], both ? x[1] : 0);

    return va_bf16_pair(v.x, v.y);
}
template <bool PAIRS>
static __device__ __forceinline__ uint32_t get_pair(const va_bf16 *x, bool)
{
    return *(const uint32_t *)x;
}
template <bool PAIRS>
static __device__ __forceinline__ void put_pair(float *y, float first, float second, bool both)
{
    if (PAIRS) {
        *(float2 *)y = make_float2(first, second);
        return;
    }
    y[0] = first;
    if (both)
        y[1] = second;
}
template <bool PAIRS>
static __device__ __forceinline__ void put_pair(va_bf16 *y, float first, float second, bool)
{
    *(uint32_t *)y = va_bf16_pair(first, second);
}

/* The warp's queries as left operands. */
template <int DP, bool PAIRS, class T>
static __device__ __forceinline__ void load_queries(uint32_t (&q)[DP / 16][4],
                                                    const struct va_attention &p,
                                                    const struct rows &r, const T *from)
{
    const int column = 2 * (threadIdx.x % 4), D = (int)p.D;

#pragma unroll
    for (int k = 0; k < DP / 16; k++)
#pragma unroll
        for (int i = 0; i < 4; i++) { /* row i % 2; numbers 8 on from i = 2 */
            const int d = 16 * k + 8 * (i / 2) + column;

            q[k][i] = r.at[i % 2] < p.Tq && d < D
                          ? get_pair<PAIRS>(from + r.at[i % 2] * p.ldq + d, d + 1 < D)
                          : 0;
        }
}

/* Scores of the warp's queries and STEP keys from row c of the chunk at k0; -infinity where a key is not
 * seen. */
template <int DP>
static __device__ __forceinline__ void score(float (&s)[STEP / 8][4],
                                             const uint32_t (&q)[DP / 16][4],
                                             const uint32_t (*k)[DP / 2 + 4], int c, int64_t k0,
                                             const struct rows &r)
{
    int lane = threadIdx.x % 32;
    int left[2] = { (int)va_lesser(r.sees[0] - k0 - c, (int64_t)STEP),
                    (int)va_lesser(r.sees[1] - k0 - c, (int64_t)STEP) };

#pragma unroll
    for (int j = 0; j < STEP / 8; j += 2) {
#pragma unroll
        for (int i = 0; i < 4; i++)
            s[j][i] = s[j + 1][i] = 0;
#pragma unroll
        for (int d = 0; d < DP / 16; d++) {
            uint32_t b[4]; /* keys 0 to 7, 8 to 15: both halves of 16 numbers */

            va_ldmatrix_x4(b,
                           &k[c + 8 * j + lane % 8 + lane / 16 * 8][8 * d + lane / 8 % 2 * 4]);
            va_mma_bf16(s[j], q[d], b);
            va_mma_bf16(s[j + 1], q[d], b + 2);
        }
    }
    if (left[0] == STEP && left[1] == STEP)
        return;
#pragma unroll
    for (int j = 0; j < STEP / 8; j++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (8 * j + 2 * (lane % 4) + i % 2 >= left[i / 2])
                s[j][i] = -INFINITY;
}

/* What this lane has of its two rows, into their sums. */
static __device__ __forceinline__ void add_scores(const float (&s)[STEP / 8][4], float by,
                                                  struct rows &r)
{
#pragma unroll
    for (int row = 0; row < 2; row++) {
        float most = r.most[row], base, sum;

#pragma unroll
        for (int j = 0; j < STEP / 8; j++)
            most = va_larger(most, va_larger(s[j][2 * row], s[j][2 * row + 1]));
        base = most == -INFINITY ? 0 : most; /* nothing was seen so far */
        sum = r.sum[row] * va_exp2((r.most[row] - base) * by);
#pragma unroll
        for (int j = 0; j < STEP / 8; j++)
            sum += va_exp2((s[j][2 * row] - base) * by) +
                   va_exp2((s[j][2 * row + 1] - base) * by);
        r.sum[row] = sum;
        r.most[row] = most;
    }
}

/* The four lanes of a row. */
static __device__ __forceinline__ void join_lanes(float by, struct rows &r)
{
#pragma unroll
    for (int row = 0; row < 2; row++) {
        float most = va_max_warp<4>(r.most[row]), base = most == -INFINITY ? 0 : most;

        r.sum[row] = va_sum_warp<4>(r.sum[row] * va_exp2((r.most[row] - base) * by));
        r.most[row] = most;
    }
}

/* o += the weights of STEP keys times their values. The results of products are left operands of
 * others as they are. */
template <int DP>
static __device__ __forceinline__ void mix(float (&o)[DP / 8][4], float (&s)[STEP / 8][4],
                                           const uint32_t (*v)[DP / 2 + 4], int c, float by,
                                           const struct rows &r, const float (&share)[2])
{
    const int lane = threadIdx.x % 32;

#pragma unroll
    for (int j = 0; j < STEP / 8; j += 2) {
        uint32_t w[4];

#pragma unroll
        for (int i = 0; i < 4; i++) {
            float *pair = &s[j + i / 2][2 * (i % 2)], most = r.most[i % 2];

            w[i] = va_bf16_pair(va_exp2((pair[0] - most) * by) * share[i % 2],
                                va_exp2((pair[1] - most) * by) * share[i % 2]);
        }
#pragma unroll
        for (int d = 0; d < DP / 8; d += 2) {
            uint32_t b[4];

            va_ldmatrix_x4_across(b, &v[c + 8 * j + lane % 16][4 * d + lane / 16 * 4]);
            va_mma_bf16(o[d], w, b);
            va_mma_bf16(o[d + 1], w, b + 2);
        }
    }
}

template <int DP, bool PAIRS, class T>
static __device__ __forceinline__ void write_rows(const struct va_attention &p,
                                                  const struct rows &r, T *y,
                                                  const float (&o)[DP / 8][4])
{
    const int column = 2 * (threadIdx.x % 4), D = (int)p.D;

#pragma unroll
    for (int i = 0; i < 2; i++) {
        T *row = y + r.at[i] * p.H * p.D;

        if (r.at[i] >= p.Tq)
            continue;
#pragma unroll
        for (int d = 0; d < DP / 8; d++)
            if (8 * d + column < D)
                put_pair<PAIRS>(row + 8 * d + column, o[d][2 * i], o[d][2 * i + 1],
                                8 * d + column + 1 < D);
    }
}

/* T: float or va_bf16, what q, k, v and y are. */
template <int DP, class T>
__global__ void __launch_bounds__(THREADS)
    attention_half(const struct va_attention p, const float by, const bool wide,
                   const bool pairs)
{
    typedef struct half_shared<DP> shared;
    VA_SHARED_MEMORY(shared, m);
    unsigned tiles = (unsigned)((p.Tq + QUERIES - 1) / QUERIES), task = blockIdx.x / tiles;
    int64_t b = task / (unsigned)p.H, h = task % (unsigned)p.H;
    int64_t first = (int64_t)(blockIdx.x % tiles) * QUERIES,
            last = va_lesser(first + QUERIES, p.Tq);
    int64_t keys = va_keys_of(p.Tq, p.Tk, p.causal, last - 1);
    const T *k = (const T *)p.k + b * p.stepk + h * p.D;
    const T *v = (const T *)p.v + b * p.stepk + h * p.D;
    const T *from = (const T *)p.q + b * p.stepq + h * p.D;
    T *y = (T *)p.y + (b * p.Tq * p.H + h) * p.D;
    /* The warp's first query, and keys that the warp sees. */
    int64_t row = first + threadIdx.x / 32 * 16, to = va_lesser(row + 16, p.Tq);
    int64_t own = row < p.Tq ? va_keys_of(p.Tq, p.Tk, p.causal, to - 1) : 0;
    float s[STEP / 8][4], o[DP / 8][4] = {}, share[2];
    uint32_t q[DP / 16][4];
    struct rows r;

#pragma unroll
    for (int i = 0; i < 2; i++) {
        r.at[i] = row + threadIdx.x % 32 / 4 + 8 * i;
        r.sees[i] = r.at[i] < p.Tq ? va_keys_of(p.Tq, p.Tk, p.causal, r.at[i]) : 0;
        r.most[i] = -INFINITY;
        r.sum[i] = 0;
    }
    if (pairs)
        load_queries<DP, true>(q, p, r, from);
    else
        load_queries<DP, false>(q, p, r, from);
    for (int64_t k0 = 0; k0 < keys; k0 += shared::CHUNK) {
        int n = (int)va_lesser(keys - k0, (int64_t)shared::CHUNK);

        __syncthreads();
        load<DP>(m.k, k + k0 * p.ldk, p.ldk, n, (int)p.D, wide);
        __syncthreads();
        for (int c = 0; c < n && k0 + c < own; c += STEP) {
            score<DP>(s, q, m.k, c, k0, r);
            add_scores(s, by, r);
        }
    }
    join_lanes(by, r);
    share[0] = va_rcp(r.sum[0]);
    share[1] = va_rcp(r.sum[1]);
    for (int64_t k0 = 0; k0 < keys; k0 += shared::CHUNK) {
        int n = (int)va_lesser(keys - k0, (int64_t)shared::CHUNK);

        __syncthreads();
        if (keys > shared::CHUNK)
            load<DP>(m.k, k + k0 * p.ldk, p.ldk, n, (int)p.D, wide);
        load<DP>(m.v, v + k0 * p.ldk, p.ldk, n, (int)p.D, wide);
        __syncthreads();
        for (int c = 0; c < n && k0 + c < own; c += STEP) {
            score<DP>(s, q, m.k, c, k0, r);
            mix<DP>(o, s, m.v, c, by, r, share);
        }
    }
    if (pairs)
        write_rows<DP, true>(p, r, y, o);
    else
        write_rows<DP, false>(p, r, y, o);
}

template <int DP, class T>
static void launch(const struct va_attention *p)
{
    dim3 grid((unsigned)(p->B * p->H * ((p->Tq + QUERIES - 1) / QUERIES)));
    float by = (float)(1 / sqrt((double)p->D)) * LOG2E;
    auto *kernel = attention_half<DP, T>;
    bool wide = (p->D | p->ldk | p->stepk) % 4 == 0 &&
                ((uintptr_t)p->k | (uintptr_t)p->v) % sizeof(float4) == 0;
    bool pairs = (p->D | p->ldq | p->stepq) % 2 == 0 &&
                 ((uintptr_t)p->q | (uintptr_t)p->y) % sizeof(float2) == 0;

    VA_LAUNCH(va_gpu_stream(), grid, dim3(THREADS), sizeof(struct half_shared<DP>), kernel, *p,
              by, wide, pairs);
}

/* False where D is too large. */
template <class T>
static bool launch_of(const struct va_attention *p)
{
    if (p->D <= 32)
        launch<32, T>(p);
    else if (p->D <= 64)
        launch<64, T>(p);
    else if (p->D <= VA_HALVES_HEAD)
        launch<128, T>(p);
    return p->D <= VA_HALVES_HEAD;
}

bool va_attention_half(const struct va_attention *p)
{
    return launch_of<float>(p);
}

void va_cuda_attention_halves(struct va_backend *be, const struct va_attention *p)
{
    if (!va_cuda_go(be, p->B * p->Tq * p->H * p->D))
        return;
    launch_of<va_bf16>(p);
    va_cuda_launched(be, "attention");
}
