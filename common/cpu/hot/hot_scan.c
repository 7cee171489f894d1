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

/* The loop over time; N is a constant in the copies made below. a2 [N], h [N]. */
VA_INLINE void run(const struct tile *at, const int64_t N, const va_vf *a2, va_vf *h)
{
    const struct va_scan *p = at->p;
    const float *u = (const float *)p->u + at->b * p->T * p->ldu + at->e;
    const float *delta = (const float *)p->delta + at->b * p->T * p->lddelta + at->e;
    const float *z = p->z ? (const float *)p->z + at->b * p->T * p->ldz + at->e : NULL;
    const float *Bm = (const float *)p->Bm + at->b * p->T * p->ldB;
    const float *Cm = (const float *)p->Cm + at->b * p->T * p->ldC;
    float *y = (float *)p->y + at->b * p->T * p->E + at->e;
    va_vf skip = v_get((const float *)p->skip + at->e, at->lanes);

    for (int64_t t = 0; t < p->T; t++) {
        va_vf ut = v_get(u + t * p->ldu, at->lanes);
        va_vf dt = v_get(delta + t * p->lddelta, at->lanes);
        va_vf drive = dt * ut, sum = skip * ut;

        VA_UNROLL
        for (int64_t n = 0; n < N; n++) {
            h[n] = v_exp2(dt * a2[n]) * h[n] + drive * Bm[t * p->ldB + n];
            sum = sum + h[n] * Cm[t * p->ldC + n];
        }
        if (z) {
            va_vf zt = v_get(z + t * p->ldz, at->lanes);

            sum = sum * zt * v_sigmoid(zt);
        }
        v_put(y + t * p->E, sum, at->lanes);
    }
}

/* Channel-major [E, N] to vectors of channels, times f; lanes past the tile are 0. */
static void gather(const float *from, int64_t lanes, int64_t N, float f, float *tile)
{
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < VA_W; i++)
            tile[n * VA_W + i] = i < lanes && from ? from[i * N + n] * f : 0;
}

static void run_any(const struct tile *at, float *memory)
{
    run(at, at->p->N, (const va_vf *)(void *)memory,
        (va_vf *)(void *)(memory + at->p->N * VA_W));
}

#define RUN_WITH(count)                                           \
    static void run_##count(const struct tile *at, float *memory) \
    {                                                             \
        va_vf a2[count], h[count];                                \
                                                                  \
        memcpy(a2, memory, sizeof(a2));                           \
        memcpy(h, memory + count * VA_W, sizeof(h));              \
        run(at, count, a2, h);                                    \
        memcpy(memory + count * VA_W, h, sizeof(h));              \
    }
RUN_WITH(8)
RUN_WITH(4)

void VA_HOT(va_hot_scan)(const struct va_scan *p, int64_t b, int64_t e0, int64_t e1,
                         float *tile)
{
    float *h = tile + p->N * VA_W; /* [N, VA_W], after A log2(e) of the same shape */

    for (int64_t e = e0; e < e1; e += VA_W) {
        struct tile at = { p, b, e, e1 - e < VA_W ? e1 - e : VA_W };
        int64_t state = (b * p->E + e) * p->N;

        gather((const float *)p->A + e * p->N, at.lanes, p->N, VA_LOG2E, tile);
        gather(p->h0 ? (const float *)p->h0 + state : NULL, at.lanes, p->N, 1, h);
        if (p->N == 8)
            run_8(&at, tile);
        else if (p->N == 4)
            run_4(&at, tile);
        else
            run_any(&at, tile);
        for (int64_t i = 0; p->h_last && i < at.lanes; i++)
            for (int64_t n = 0; n < p->N; n++)
                ((float *)p->h_last)[state + i * p->N + n] = h[n * VA_W + i];
    }
}
