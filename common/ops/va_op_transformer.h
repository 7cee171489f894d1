/*
 * va_op_transformer.h - one block of a transformer as one operation, for a device that does better
 * than the operations it consists of (ops/va_compose.c).
 *
 *     sum = x + proj(attention(qkv(norm1(x))))
 *     out = sum + fc2(act(fc1(norm2(sum))))
 *
 * x [B, T, D]; out [B, queries, D]: only the first so many rows of each sequence go on behind
 * attention. What the backward pass needs of the forward is on a tape, a buffer whose layout is the
 * device's own; a second buffer, for work, may be the same for all blocks.
 */
#ifndef VA_OP_TRANSFORMER_H
#define VA_OP_TRANSFORMER_H

#include "ops/va_op.h"

struct va_transformer_shape {
    int64_t B, T, queries;
    int64_t D, heads, mlp; /* D a multiple of heads */
    double eps;            /* of the norms */
    enum va_unary act;     /* VA_GELU or VA_QUICK_GELU */
    bool causal;
    bool training; /* a backward pass will follow */
};

/* Gradients are added to; NULL: not wanted. */
struct va_affine { /* of a norm */
    const void *gamma, *beta;
    void *dgamma, *dbeta; /* [D] */
};
struct va_layer { /* a linear layer [N, K] */
    struct va_weight *w;
    const void *bias;
    void *dw, *dbias;
};
struct va_transformer_weights {
    struct va_affine norm1, norm2;
    struct va_layer qkv, proj, fc1, fc2; /* [3D, D], [D, D], [mlp, D], [D, mlp] */
};

/* Numbers of both buffers, for this shape or a smaller B. */
struct va_transformer_room {
    int64_t tape, work; /* tape is 0 without training */
};

struct va_transformer {
    struct va_transformer_shape s;
    struct va_transformer_weights w;
    const void *x;
    void *tape, *work;
    void *out; /* without training it may be x, where queries is T */
    /* Drop path (Huang et al. 2016): what attention, then the MLP, add to each sequence is times
     * keep [2, B]. NULL: times 1. */
    const void *keep;
    /* Streaming (B = 1, queries = T, no training): projections [lead + T, 3, D] go here, behind
     * those of `lead` earlier frames, which are seen too. NULL: into a place of its own. */
    void *qkv;
    int64_t lead;
};

/* From a forward with these buffers and keep; dx [B, T, D], or NULL. */
struct va_transformer_grad {
    struct va_transformer_shape s;
    struct va_transformer_weights w;
    const void *x, *tape, *out;
    void *work;
    const void *keep;
    const void *dout; /* [B, queries, D] */
    void *dx;
};

#endif
