/*
 * Selective scan, backward. With g = dy * silu(z) and dh the gradient of h[t]:
 *   dh[t] = g[t] Cm[t] + decay[t+1] dh[t+1],  decay[t] = exp(delta[t] A)
 *   dCm = sum over e of g h,  dBm = sum over e of dh delta u
 *   d(delta A) = dh decay h[t-1]: times A into ddelta, times delta into dA
 *
 * The states are computed again: a forward sweep leaves marks every `chunk` frames, then each
 * chunk, the last first, is swept forward onto a tape (decay and decay * h[t-1], so the tape
 * stays in the second-level cache for any T) and backward off it. Sums over channels collect in
 * the 16 lanes of va_simd.h for all tiles of the group, and are added across once a chunk.
 */
#include "cpu/hot/va_hot_priv.h"

struct tile {
    const struct va_scan_grad *p;
    int64_t b, e, lanes;
    const float *u, *delta, *z, *dy, *Bm, *Cm; /* first frame of the sequence, channel e */
    float *du, *ddelta, *dz;                   /* or NULL */
};

static float *part(void *base, int64_t offset)
{
    return base ? (float *)base + offset : NULL;
}

static struct tile tile_at(const struct va_scan_grad *p, int64_t b, int64_t e, int64_t e1)
{
    int64_t row = b * p->T;

    return (struct tile){
        .p = p,
        .b = b,
        .e = e,
        .lanes = e1 - e < VA_W ? e1 - e : VA_W,
        .u = (const float *)p->u + row * p->ldu + e,
        .delta = (const float *)p->delta + row * p->lddelta + e,
        .z = p->z ? (const float *)p->z + row * p->ldz + e : NULL,
        .dy = (const float *)p->dy + row * p->E + e,
        .Bm = (const float *)p->Bm + row * p->ldB,
        .Cm = (const float *)p->Cm + row * p->ldC,
        .du = part(p->du, row * p->lddu + e),
        .ddelta = part(p->ddelta, row * p->ldddelta + e),
        .dz = p->z ? part(p->dz, row * p->lddz + e) : NULL,
    };
}

/* h [N] over frames [t0, t1), onto the tape if there is one: decay, decay * h before. As in
 * hot_scan.c, N and lanes may be constants, and all that is used inside is local. */
VA_INLINE void sweep(const struct tile *at, const int64_t N, const int64_t lanes, int64_t t0,
                     int64_t t1, const va_vf *A, va_vf *h, va_vf *tape)
{
    const int64_t ldu = at->p->ldu, lddelta = at->p->lddelta, ldB = at->p->ldB;
    const float *u = at->u, *delta = at->delta, *Bm = at->Bm;

    for (int64_t t = t0; t < t1; t++) {
        va_vf dt = v_get(delta + t * lddelta, lanes), drive = dt * v_get(u + t * ldu, lanes);
        va_vf dt2 = dt * VA_LOG2E;

        VA_UNROLL
        for (int64_t n = 0; n < N; n++) {
            va_vf decay = v_exp2(dt2 * A[n]), held = decay * h[n];

            if (tape) {
                tape[2 * n] = decay;
                tape[2 * n + 1] = held;
            }
            h[n] = v_fma(drive, v_set(Bm[t * ldB + n]), held);
        }
        if (tape)
            tape += 2 * N;
    }
}

/* Frames [t0, t1) backwards. carry [N]: decay * dh of the frame after; dA [N] is added to;
 * sums [t1 - t0, N, 2, VA_SUM]: dBm and dCm, set by the first tile that uses these lanes and
 * added to by the others. */
VA_INLINE va_vf reverse(const struct tile *at, const int64_t N, const int64_t lanes, int64_t t0,
                        int64_t t1, const va_vf *A, va_vf *carry, va_vf *dA, const va_vf *tape,
                        va_vf *sums, const int first)
{
    const int64_t ldu = at->p->ldu, lddelta = at->p->lddelta, ldz = at->p->ldz, E = at->p->E;
    const int64_t ldB = at->p->ldB, ldC = at->p->ldC, lddu = at->p->lddu;
    const int64_t ldddelta = at->p->ldddelta, lddz = at->p->lddz;
    const float *u = at->u, *delta = at->delta, *z = at->z, *dy = at->dy, *Bm = at->Bm;
    const float *Cm = at->Cm;
    float *du = at->du, *ddelta = at->ddelta, *dz = at->dz;
    const va_vf skip = v_get((const float *)at->p->skip + at->e, lanes);
    va_vf dskip = v_set(0);

    tape += (t1 - t0) * 2 * N;
    sums += (t1 - t0) * 2 * N * VA_SUM;
    for (int64_t t = t1 - 1; t >= t0; t--) {
        va_vf ut = v_get(u + t * ldu, lanes), dt = v_get(delta + t * lddelta, lanes);
        va_vf dyt = v_get(dy + t * E, lanes), g = dyt, zt = v_set(0), gate = zt, rest = zt;
        va_vf drive = dt * ut, sum = skip * ut, along_B = zt, along_A = zt;

        if (z) {
            zt = v_get(z + t * ldz, lanes);
            gate = v_sigmoid_pair(zt, &rest);
            g = dyt * zt * gate;
        }
        tape -= 2 * N;
        sums -= 2 * N * VA_SUM;
        VA_UNROLL
        for (int64_t n = 0; n < N; n++) {
            const va_vf Bn = v_set(Bm[t * ldB + n]), Cn = v_set(Cm[t * ldC + n]);
            va_vf decay = tape[2 * n], held = tape[2 * n + 1], h = v_fma(drive, Bn, held);
            va_vf dh = v_fma(g, Cn, carry[n]), inner = dh * held, dB = dh * drive, dC = g * h;

            sum = v_fma(h, Cn, sum);
            along_B = v_fma(dh, Bn, along_B);
            along_A = v_fma(inner, A[n], along_A);
            dA[n] = v_fma(inner, dt, dA[n]);
            carry[n] = dh * decay;
            if (!first) {
                dB = dB + sums[2 * n * VA_SUM];
                dC = dC + sums[(2 * n + 1) * VA_SUM];
            }
            sums[2 * n * VA_SUM] = dB;
            sums[(2 * n + 1) * VA_SUM] = dC;
        }
        dskip = v_fma(g, ut, dskip);
        if (du)
            v_put(du + t * lddu, v_fma(along_B, dt, g * skip), lanes);
        if (ddelta)
            v_put(ddelta + t * ldddelta, v_fma(along_B, ut, along_A), lanes);
        if (dz)
            v_put(dz + t * lddz, dyt * sum * gate * v_fma(zt, rest, v_set(1)), lanes);
    }
    return dskip;
}

/* What a tile keeps between chunks, [5, N, VA_W]. */
struct kept {
    va_vf *A, *h, *carry, *dA, *dA_chunk;
};

static struct kept kept_at(float *tile, int64_t N)
{
    va_vf *v = (va_vf *)(void *)tile;

    return (struct kept){ v, v + N, v + 2 * N, v + 3 * N, v + 4 * N };
}

VA_INLINE va_vf chunk_back(const struct tile *at, const int64_t N, const int64_t lanes,
                           int64_t t0, int64_t t1, const struct va_hot_scan_work *work,
                           struct kept k, int64_t i)
{
    va_vf *tape = (va_vf *)(void *)work->tape, dskip;
    va_vf *sums = (va_vf *)(void *)work->lanes + i % VA_SUM;

    sweep(at, N, lanes, t0, t1, k.A, k.h, tape);
    if (i < VA_SUM)
        dskip = reverse(at, N, lanes, t0, t1, k.A, k.carry, k.dA_chunk, tape, sums, 1);
    else
        dskip = reverse(at, N, lanes, t0, t1, k.A, k.carry, k.dA_chunk, tape, sums, 0);
    return dskip;
}

/* The same for a whole tile with `count` states in local arrays: registers, as far as they go. */
#define CHUNK_BACK_WITH(count)                                                          \
    static va_vf chunk_back_##count(const struct tile *at, int64_t t0, int64_t t1,      \
                                    const struct va_hot_scan_work *work, struct kept k, \
                                    int64_t i)                                          \
    {                                                                                   \
        va_vf A[count], h[count], carry[count], dA[count], dskip;                       \
                                                                                        \
        memcpy(A, k.A, sizeof(A));                                                      \
        memcpy(h, k.h, sizeof(h));                                                      \
        memcpy(carry, k.carry, sizeof(carry));                                          \
        memset(dA, 0, sizeof(dA));                                                      \
        dskip = chunk_back(at, count, VA_W, t0, t1, work,                               \
                           (struct kept){ A, h, carry, NULL, dA }, i);                  \
        memcpy(k.carry, carry, sizeof(carry));                                          \
        memcpy(k.dA_chunk, dA, sizeof(dA));                                             \
        return dskip;                                                                   \
    }
CHUNK_BACK_WITH(8)
CHUNK_BACK_WITH(16)

/* Tile i of the group. */
static void one_chunk(const struct tile *at, int64_t t0, int64_t t1,
                      const struct va_hot_scan_work *work, struct kept k, int64_t i)
{
    int64_t N = at->p->N;
    va_vf dskip;

    for (int64_t n = 0; n < N; n++)
        k.dA_chunk[n] = v_set(0);
    if (N == 8 && at->lanes == VA_W)
        dskip = chunk_back_8(at, t0, t1, work, k, i);
    else if (N == 16 && at->lanes == VA_W)
        dskip = chunk_back_16(at, t0, t1, work, k, i);
    else
        dskip = chunk_back(at, N, at->lanes, t0, t1, work, k, i);
    for (int64_t n = 0; n < N; n++)
        k.dA[n] = k.dA[n] + k.dA_chunk[n];
    v_put(work->dskip + at->e, v_get(work->dskip + at->e, at->lanes) + dskip, at->lanes);
}

/* States at the start of every chunk but the first, where they are zero: marks [chunks, N]. */
static void make_marks(const struct tile *at, const struct va_hot_scan_work *work,
                       struct kept k, va_vf *marks)
{
    int64_t N = at->p->N;

    for (int64_t n = 0; n < N; n++)
        k.h[n] = v_set(0);
    for (int64_t t = 0; t < at->p->T; t += work->chunk, marks += N) {
        memcpy(marks, k.h, (size_t)N * sizeof(*marks));
        if (t + work->chunk < at->p->T)
            sweep(at, N, at->lanes, t, t + work->chunk, k.A, k.h, NULL);
    }
}

/* Prepare the tiles of the group: A transposed, sums zero, marks made. */
static void begin(const struct va_scan_grad *p, int64_t b, int64_t e0, int64_t e1,
                  const struct va_hot_scan_work *work)
{
    int64_t N = p->N, chunks = (p->T + work->chunk - 1) / work->chunk, i = 0;

    for (int64_t e = e0; e < e1; e += VA_W, i++) {
        struct tile at = tile_at(p, b, e, e1);
        float *memory = work->tile + i * 5 * N * VA_W;

        for (int64_t n = 0; n < N; n++)
            for (int64_t l = 0; l < VA_W; l++)
                memory[n * VA_W + l] = l < at.lanes ? ((const float *)p->A)[(e + l) * N + n]
                                                    : 0;
        memset(memory + N * VA_W, 0, 4 * (size_t)N * VA_W * sizeof(float));
        make_marks(&at, work, kept_at(memory, N),
                   (va_vf *)(void *)work->marks + i * chunks * N);
    }
    memset(work->dskip + e0, 0, (size_t)(e1 - e0) * sizeof(float));
}

/* Lanes of a chunk to the rows of dBm and dCm; those that no tile used are 0. */
static void add_across(const struct va_hot_scan_work *work, int64_t N, int64_t t0, int64_t t1,
                       int64_t tiles)
{
    va_vf *lanes = (va_vf *)(void *)work->lanes;

    for (int64_t i = 0; i < (t1 - t0) * N; i++, lanes += 2 * VA_SUM) {
        for (int64_t k = tiles; k < VA_SUM; k++)
            lanes[k] = lanes[VA_SUM + k] = v_set(0);
        work->dBm[t0 * N + i] = v_total(lanes);
        work->dCm[t0 * N + i] = v_total(lanes + VA_SUM);
    }
}

void VA_HOT(va_hot_scan_grad)(const struct va_scan_grad *p, int64_t b, int64_t e0, int64_t e1,
                              const struct va_hot_scan_work *work)
{
    int64_t N = p->N, chunks = (p->T + work->chunk - 1) / work->chunk;
    const va_vf *marks = (const va_vf *)(void *)work->marks;

    begin(p, b, e0, e1, work);
    for (int64_t c = chunks - 1; c >= 0; c--) {
        int64_t t0 = c * work->chunk, t1 = p->T - t0 < work->chunk ? p->T : t0 + work->chunk;
        int64_t i = 0;

        for (int64_t e = e0; e < e1; e += VA_W, i++) {
            struct tile at = tile_at(p, b, e, e1);
            struct kept k = kept_at(work->tile + i * 5 * N * VA_W, N);

            memcpy(k.h, marks + (i * chunks + c) * N, (size_t)N * sizeof(*marks));
            one_chunk(&at, t0, t1, work, k, i);
        }
        add_across(work, N, t0, t1, i);
    }
    for (int64_t e = e0, i = 0; e < e1; e += VA_W, i++) {
        const float *dA = work->tile + (i * 5 + 3) * N * VA_W;

        for (int64_t l = 0; l < VA_W && e + l < e1; l++)
            for (int64_t n = 0; n < N; n++)
                work->dA[(e + l) * N + n] = dA[n * VA_W + l];
    }
}
