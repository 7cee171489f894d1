/*
 * va_cross.h - gated attention across named streams, frame by frame, above a trunk of each.
 *
 * In each frame every stream asks what the streams know, and attention answers with a mixture of their values:
 *
 *     q_k, k_k, v_k = W_k norm_k(h_k) + b_k                        h_k [M, D], of stream k
 *     a_k = sum over r of g_kr v_r,   g_kr = exp(q_k k_r / sqrt(D / heads)) / (1 + sum over r of exp(...))
 *     out = sum over k of (mix_k h_k + bias_k) + proj [a_1, a_2, ...] + bias
 *
 * The 1 in the denominator is the gate: where no key fits, all weights of a head go to 0, and a stream that
 * says nothing in a frame does no harm. It is computed as a further key of zeros with values of zeros. Time is
 * the trunks' business, so nothing here looks ahead, and streaming needs no state.
 *
 * Names of parameters: streams.NAME.cross.{norm,qkv,mix}.*, cross.proj.*
 */
#ifndef VA_CROSS_H
#define VA_CROSS_H

#include "model/va_temporal.h"
#include "ops/va_arena.h"

struct va_cross {
    struct va_params *params;
    int64_t count, D, heads; /* streams; 0: none of this */
    struct va_cross_part {
        int64_t norm, qkv, mix; /* layers: [D], [3D, D], [D, D] */
    } parts[VA_STREAMS_MAX];
    int64_t proj; /* [D, count * D] */
};

struct va_cross_acts {
    void *normed[VA_STREAMS_MAX], *stats[VA_STREAMS_MAX]; /* [M, D], [M, 2] */
    void *qkv;                                            /* [M, count + 1, 3, D] */
    void *a, *lse;                                        /* [M, count, D], [M, heads, count] */
    void *out;                                            /* [M, D] */
};

struct va_cross_scratch {
    void *da, *dqkv, *dnormed; /* as a, as qkv, [M, D] */
    void *dh[VA_STREAMS_MAX];  /* [M, D] */
};

/* Append all entries of a model with --fusion cross; nothing for another. -1 after reporting. */
VA_MUST_USE int va_cross_declare(struct va_cross *x, struct va_params *list,
                                 const struct va_temporal_config *c);

void va_cross_plan(const struct va_cross *x, int64_t M, bool training, struct va_arena *a,
                   struct va_cross_acts *acts);
void va_cross_plan_backward(const struct va_cross *x, int64_t M, struct va_arena *a,
                            struct va_cross_scratch *s);

/* out [M, D] from h [count], each [M, D]. */
const void *va_cross_forward(const struct va_cross *x, int64_t M, const void *const *h,
                             const struct va_cross_acts *acts);

/* From dout [M, D]: s->dh, and the gradients of the parameters. */
void va_cross_backward(const struct va_cross *x, int64_t M, const void *const *h,
                       const struct va_cross_acts *acts, const void *dout,
                       const struct va_cross_scratch *s);

#endif
