/*
 * va_op.h - what each operation of the table computes: formulas, shapes, and what it is given.
 *
 * Layout:    row-major, time-major sequences [B, T, C]; shapes below outermost first. A buffer is
 *            a void * to numbers of the backend (ops/va_ops.h).
 * Gradients: named d + tensor. Parameter gradients ADD to what is there, activation gradients
 *            OVERWRITE. A NULL gradient pointer means "not wanted".
 * Aliasing:  outputs may be the same buffer as an input only where it says "in place".
 */
#ifndef VA_OP_H
#define VA_OP_H

#include "base/va_numbers.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * A weight matrix or kernel whose values change rarely compared with its uses. `prepared` is
 * the backend's own form of it (packed, transposed, bf16, spectrum), which it owns until
 * weight_release(). It is made by weight_prepare(), when the host has written the values, and kept up
 * to date by what writes them on the device: `update` and `derive`. Where nobody asked for it, it is
 * made at the first use.
 */
enum va_use {
    VA_USE_PLAIN,  /* read as it is */
    VA_USE_LINEAR, /* [N, K], of a linear layer or a recurrence */
    VA_USE_CONV,   /* [N, K, taps], of a convolution over time */
};

struct va_weight {
    void *data; /* values, in the layout the operation states; NULL: only `prepared` is there */
    void *prepared;
    bool stale; /* the host wrote data since `prepared` was made */
    enum va_use use;
    int64_t N, K, taps; /* not of a plain one */
};

enum va_unary {
    VA_IDENTITY,
    VA_RELU,       /* max(x, 0) */
    VA_SILU,       /* x / (1 + exp(-x)) */
    VA_GELU,       /* exact: x * Phi(x), by erf */
    VA_SOFTPLUS,   /* log(1 + exp(x)); x above 20 as PyTorch does */
    VA_NEG_EXP,    /* -exp(x) */
    VA_SIGMOID,    /* 1 / (1 + exp(-x)) */
    VA_QUICK_GELU, /* x / (1 + exp(-1.702 x)), as CLIP has it */
};

/* y = act(x W^T + b) + residual.   x [M, K], W [N, K], b [N], y and residual [M, N]
 * The same for B such tensors (0: one), whose x, residual and y begin step* elements apart. */
struct va_linear {
    int64_t M, N, K;
    const void *x;
    int64_t ldx; /* elements from row to row of x, >= K */
    struct va_weight *w;
    const void *bias; /* or NULL */
    enum va_unary act;
    void *pre;            /* or NULL: x W^T + b is left there, too, as y lies */
    const void *residual; /* or NULL; rows ldy apart; may be y (in place) */
    void *y;
    int64_t ldy; /* >= N */
    int64_t B, stepx, stepr, stepy;
};

/* Backward of x W^T + b, given dy [M, N]: dx = dy W, dW += dy^T x, db += sum over M of dy; for B
 * tensors in this order, as above. */
struct va_linear_grad {
    int64_t M, N, K;
    const void *dy;
    int64_t lddy;
    const void *x; /* needed for dW */
    int64_t ldx;
    struct va_weight *w; /* needed for dx */
    void *dx;
    int64_t lddx;
    bool add_dx; /* dx += instead of dx = */
    enum va_unary
        act; /* dx is multiplied by act'(pre), where out = act(pre); both lie as dx; only
                          without add_dx */
    const void *pre, *out;
    void *dw, *dbias;
    int64_t B, stepdy, stepx, stepdx;
};

/* y = (x - mean) / sqrt(var + eps) * gamma + beta over the C numbers of each of M rows;
 * biased variance; gamma and beta may be NULL together. stats [M, 2] (mean, 1/deviation) may be
 * NULL when there is no backward. */
struct va_norm {
    int64_t M, C;
    double eps;
    const void *x, *gamma, *beta;
    void *y, *stats;
};

struct va_norm_grad {
    int64_t M, C;
    const void *dy, *x, *gamma, *stats;
    const void *add; /* or NULL: dx = ... + add; may be dy */
    void *dx;
    void *dgamma, *dbeta; /* NULL together */
};

/*
 * Multi-head attention, y = softmax(q k^T / sqrt(D)) v for each sequence and head:
 * q [B, Tq, H, D], k and v [B, Tk, H, D], y [B, Tq, H, D] packed. Rows of q lie ldq apart, its
 * sequences stepq; likewise k and v, so that all three may be parts of one projection
 * [B, T, 3, H, D], and Tq = 1 with stepq of a whole sequence asks for the CLS row alone.
 *
 * causal: query i stands at frame Tk - Tq + i and sees the keys up to that frame; Tq <= Tk.
 */
struct va_attention {
    int64_t B, Tq, Tk, H, D;
    bool causal;
    const void *q, *k, *v;
    int64_t ldq, ldk, stepq, stepk;
    void *y;
    void *lse; /* [B, H, Tq] log of the sum of exponentials, for the backward pass; or NULL */
};

/* Backward, from dy [B, Tq, H, D]; y and lse are the forward's. dq lies as q does, dk and dv as k
 * and v do. */
struct va_attention_grad {
    int64_t B, Tq, Tk, H, D;
    bool causal;
    const void *q, *k, *v, *y, *lse, *dy;
    int64_t ldq, ldk, stepq, stepk;
    void *dq, *dk, *dv;
};

/* y[i] = x[index[i]] for rows of C numbers; where index[i] is -1, fill [C], or zeros if that is NULL.
 * x [.., C], y [rows, C]; index [rows], int32_t. With next [rows], int32_t, and mix [rows]: where neither is -1,
 * y[i] = (1 - mix[i]) x[index[i]] + mix[i] x[next[i]]. With `halves`, for devices with memory to spare (ops/va_ops.h), x
 * is in bfloat16, and its rows begin C numbers apart, or C + 1 where C is odd. */
struct va_gather {
    int64_t rows, C;
    const void *x;
    const void *index;
    const void *fill; /* or NULL */
    void *y;
    const void *next, *mix; /* or NULL */
    bool halves;
};

/* y = a + b, or a copy of a where b is NULL: B runs of n numbers, which begin step* elements apart (0:
 * the same run for all). y may be a or b. */
struct va_add {
    int64_t B, n;
    const void *a, *b;
    void *y;
    int64_t stepa, stepb, stepy;
};

/* y[b] = x[b] + s[b] f[b] for B runs of n numbers; s [B]. x may be NULL for none; y may be x or f. */
struct va_add_scaled {
    int64_t B, n;
    const void *s, *f, *x;
    void *y;
};

/*
 * Inverted dropout: x / (1-p) where the element is kept, else 0. The mask is a function of (seed,
 * step, stream, element), the first two in the record of the step (ops/va_op_train.h): word i % 4 of
 * the Philox block i / 4 for VA_RAND_DROPOUT and step * 64 + stream, kept when it is >= p * 2^32. The
 * first element of a tensor is element `first`, so that a part of a larger activation gets its part
 * of the mask. With the same key on dy it is its own backward.
 */
enum { VA_MASK_STREAMS = 64 };

struct va_mask {
    double p;         /* 0: everything is kept */
    const void *step; /* the record; not looked at where p is 0 */
    int64_t stream;   /* below VA_MASK_STREAMS */
    int64_t first;    /* >= 0, any number */
};

/* y = dropout(prelu(x)) + residual, prelu(x) = x > 0 ? x : slope x with one slope for all; y may
 * be x. */
struct va_prelu {
    int64_t n;
    const void *x, *slope, *residual; /* residual or NULL */
    void *y;
    struct va_mask mask;
};

/* dx = prelu'(x) dropout(dy), slope at x = 0; dslope [1] +=; dx may be dy. */
struct va_prelu_grad {
    int64_t n;
    const void *x, *slope, *dy;
    void *dx, *dslope;
    struct va_mask mask;
};

/* y = dropout(x), in place allowed */
struct va_dropout {
    int64_t count;
    struct va_mask mask;
    const void *x;
    void *y;
};

#endif
