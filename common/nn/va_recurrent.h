/*
 * va_recurrent.h - one layer of an LSTM or GRU, as PyTorch's nn.LSTM and nn.GRU compute it.
 *
 *     a = x W_ih^T + b_ih        [B, T, G, H]
 *     y = recurrence of a        [B, T, H]; formulas in ops/va_op_sequence.h
 *
 * Width in and out is H. Names: PREFIX.weight_ih [G*H, H], weight_hh [G*H, H], bias_ih, bias_hh
 * [G*H], in PyTorch's order of gates; all begin uniform within 1/sqrt(H), as there.
 *
 * Source: Hochreiter and Schmidhuber 1997; Cho et al. 2014
 */
#ifndef VA_RECURRENT_H
#define VA_RECURRENT_H

#include "ops/va_arena.h"
#include "ops/va_params.h"

struct va_recurrent_layer {
    struct va_params *params;
    enum va_cell cell;
    int64_t H;
    int64_t w_ih, w_hh, b_ih, b_hh;
};

struct va_recurrent_acts {
    void *gates; /* [M, G, H] */
    void *memo;  /* [M, H] */
    void *out;   /* [M, H] */
};

struct va_recurrent_scratch {
    void *da, *dsum; /* [M, G, H]; dsum NULL for an LSTM */
};

VA_MUST_USE int va_recurrent_declare(struct va_recurrent_layer *l, struct va_params *list,
                                     const char *prefix, enum va_cell cell, int64_t H);

void va_recurrent_plan(const struct va_recurrent_layer *l, int64_t M, struct va_arena *a,
                       struct va_recurrent_acts *acts);
void va_recurrent_plan_backward(const struct va_recurrent_layer *l, int64_t M,
                                struct va_arena *a, struct va_recurrent_scratch *t);

/* state [B, 2, H] is carried from call to call (streaming); NULL: from zero. */
void va_recurrent_forward(const struct va_recurrent_layer *l, int64_t B, int64_t T,
                          const void *x, const struct va_recurrent_acts *acts, void *state);

/* dx [M, H] from dout [M, H], which must not be the same. */
void va_recurrent_backward(const struct va_recurrent_layer *l, int64_t B, int64_t T,
                           const void *x, const struct va_recurrent_acts *acts,
                           const void *dout, void *dx, const struct va_recurrent_scratch *t);

#endif
