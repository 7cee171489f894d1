/*
 * va_fusion.h - named streams on their way into the temporal model: a norm and a linear layer each.
 *
 *     e_k = W_k norm_k(x_k) + b_k                 x_k [M, dim], e_k [M, width]
 *     out = e_1, p_1, e_2, p_2, ...               p_k: whether the stream has the frame, 1 or 0
 *
 * x [M, columns of the streams] (base/va_streams.h). Frame by frame, so streaming needs no state. Where a
 * stream lacks a frame, x_k is what its policy put there, or zeros, and p_k tells. A stream that is dropped in
 * training or absent in prediction has zeros in all its columns.
 *
 * Names of parameters: streams.NAME.norm.*, streams.NAME.linear.*
 */
#ifndef VA_FUSION_H
#define VA_FUSION_H

#include "model/va_temporal.h"
#include "ops/va_arena.h"

struct va_fusion {
    struct va_params *params;
    int64_t count;   /* streams; 0: none of this, x goes in as it is */
    int64_t in, out; /* columns */
    bool
        apart; /* --fusion cross: e_k, p_k of each stream in a buffer of its own, for its trunk */
    struct va_fusion_part {
        int64_t dim, width;   /* of x_k, e_k */
        int64_t from, to;     /* first columns */
        int64_t norm, linear; /* layers */
    } parts[VA_STREAMS_MAX];
};

struct va_fusion_acts {
    void *x[VA_STREAMS_MAX], *normed[VA_STREAMS_MAX], *stats[VA_STREAMS_MAX];
    void *out;                   /* [M, out] */
    void *apart[VA_STREAMS_MAX]; /* or these, [M, width + 1] */
};

/* Append all entries of a model with fusion; nothing without. -1 after reporting. */
VA_MUST_USE int va_fusion_declare(struct va_fusion *f, struct va_params *list,
                                  const struct va_temporal_config *c);

/* Places for M frames; without `training` streams share them. */
void va_fusion_plan(const struct va_fusion *f, int64_t M, bool training, struct va_arena *a,
                    struct va_fusion_acts *acts);

/* acts->out or acts->apart from x; nothing without streams. */
void va_fusion_forward(const struct va_fusion *f, int64_t M, const void *x,
                       const struct va_fusion_acts *acts);

/* Gradients of the parameters of stream k from those of its columns, de [M, width], whose rows are ld numbers
 * apart; `work` has M times its features. Then those of all streams from dout [M, out]. */
void va_fusion_part_backward(const struct va_fusion *f, int64_t k, int64_t M,
                             const struct va_fusion_acts *acts, const void *de, int64_t ld,
                             void *work);
void va_fusion_backward(const struct va_fusion *f, int64_t M, const struct va_fusion_acts *acts,
                        const void *dout, void *work);

int64_t va_fusion_widest(const struct va_fusion *f); /* of out and x_k */

#endif
