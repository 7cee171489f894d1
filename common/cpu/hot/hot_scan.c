/*
 * Selective scan, forward: a tile is one vector of channels of one sequence. Its N states stay
 * in registers for the usual N, the loop over time is serial, and Bm, Cm are broadcast.
 *   h = 2^(delta * A log2(e)) * h + delta * u * Bm;  y = (Cm . h + skip * u) * silu(z)
 */
#include "cpu/hot/va_hot_priv.h"

struct tile {
    const struct va_scan *p;
    int64_t b, e, lanes; /* first channel; channels, at most VA_W */
};

/* The loop over time; N and lanes are constants in the copies made below. a2 [N], h [N].
 * Everything used inside is local: a store of a vector may alias what is not. */
VA_INLINE void run(const struct tile *at, const int64_t N, const int64_t lanes, const va_vf *a2,
                   va_vf *h)
{
    const struct va_scan *p = at->p;
    const int64_t T = p->T, ldu = p->ldu, lddelta = p->lddelta, ldz = p->ldz, E = p->E;
    const int64_t ldB = p->ldB, ldC = p->ldC;
    const float *u = (const float *)p->u + at->b * T * ldu + at->e;
    const float *delta = (const float *)p->delta + at->b * T * lddelta + at->e;
    const float *z = p->z ? (const float *)p->z + at->b * T * ldz + at->e : NULL;
    const float *Bm = (const float *)p->Bm + at->b * T * ldB;
    const float *Cm = (const float *)p->Cm + at->b * T * ldC;
    float *y = (float *)p->y + at->b * T * E + at->e;
    const va_vf skip = v_get((const float *)p->skip + at->e, lanes);

    for (int64_t t = 0; t < T; t++) {
        va_vf ut = v_get(u + t * ldu, lanes), dt = v_get(delta + t * lddelta, lanes);
        va_vf drive = dt * ut, sum = skip * ut;

        VA_UNROLL
        for (int64_t n = 0; n < N; n++) {
            h[n] = v_fma(v_exp2(dt * a2[n]), h[n], drive * Bm[t * ldB + n]);
            sum = v_fma(h[n], v_set(Cm[t * ldC + n]), sum);
        }
        if (z) {
            va_vf zt = v_get(z + t * ldz, lanes);

            sum = sum * zt * v_sigmoid(zt);
        }
        v_put(y + t * E, sum, lanes);
    }
}

/* Channel-major [E, N] to vectors of channels, times f; lanes past the tile are 0. */
static void gather(const float *from, int64_t lanes, int64_t N, float f, float *tile)
{
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < VA_W; i++)
            tile[n * VA_W + i] = i < lanes && from ? from[i * N + n] * f : 0;
}

/* memory [2, N, VA_W]: A log2(e), then the states. */
static void run_any(const struct tile *at, float *memory)
{
    int64_t N = at->p->N;

    run(at, N, at->lanes, (const va_vf *)(void *)memory, (va_vf *)(void *)(memory + N * VA_W));
}

/* The same with `count` states in registers. */
#define RUN_WITH(count)                                           \
    static void run_##count(const struct tile *at, float *memory) \
    {                                                             \
        va_vf a2[count], h[count];                                \
                                                                  \
        memcpy(a2, memory, sizeof(a2));                           \
        memcpy(h, memory + count * VA_W, sizeof(h));              \
        run(at, count, VA_W, a2, h);                              \
        memcpy(memory + count * VA_W, h, sizeof(h));              \
    }
RUN_WITH(8)
RUN_WITH(16)

void VA_HOT(va_hot_scan)(const struct va_scan *p, int64_t b, int64_t e0, int64_t e1,
                         float *tile)
{
    float *h = tile + p->N * VA_W; /* [N, VA_W], after A log2(e) of the same shape */

    for (int64_t e = e0; e < e1; e += VA_W) {
        struct tile at = { p, b, e, e1 - e < VA_W ? e1 - e : VA_W };
        int64_t state = (b * p->E + e) * p->N;

        gather((const float *)p->A + e * p->N, at.lanes, p->N, VA_LOG2E, tile);
        gather(p->h0 ? (const float *)p->h0 + state : NULL, at.lanes, p->N, 1, h);
        if (p->N == 8 && at.lanes == VA_W)
            run_8(&at, tile);
        else if (p->N == 16 && at.lanes == VA_W)
            run_16(&at, tile);
        else
            run_any(&at, tile);
        for (int64_t i = 0; p->h_last && i < at.lanes; i++)
            for (int64_t n = 0; n < p->N; n++)
                ((float *)p->h_last)[state + i * p->N + n] = h[n * VA_W + i];
    }
}
