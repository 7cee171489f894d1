/*
 * va_block.h - one block of a transformer with LayerNorm in front of each part.
 *
 *     sum = x + proj(attention(qkv(norm1(x))))
 *     out = sum + fc2(gelu(fc1(norm2(sum))))
 *
 * x [B, T, D]. The blocks of a vision transformer are these (all tokens see each other), and so
 * are those of the temporal transformer (causal). Names below a prefix: norm1, attn.qkv,
 * attn.proj, norm2, mlp.fc1, mlp.fc2, as in timm and facebook MAE.
 *
 * queries: only the first so many rows of each sequence go on, so that sum and out are
 * [B, queries, D]: the last block of an encoder needs the CLS row alone. T for all.
 *
 * Source: Dosovitskiy et al., "An image is worth 16x16 words" (ICLR 2021)
 */
#ifndef VA_BLOCK_H
#define VA_BLOCK_H

#include "ops/va_arena.h"
#include "ops/va_params.h"

struct va_block_sizes {
    int64_t D, heads, mlp; /* D a multiple of heads */
    double eps;            /* of the norms */
    bool causal;
};

/* The index of a weight [N, K] in the list; its bias [N] follows it. */
struct va_block {
    struct va_params *params;
    struct va_block_sizes s;
    int64_t norm1, qkv, proj, norm2, fc1, fc2;
};

/* Where the activations go. For training all are apart. Without, norm1, att and norm2 may be one,
 * qkv and pre another, and sum and out may be x itself where queries is T. */
struct va_block_acts {
    void *norm1, *stats1; /* [M, D], [M, 2]; M = B T */
    void *qkv;            /* [M, 3, heads, D / heads] */
    void *att, *lse;      /* [Q, D], [B, heads, queries]; Q = B queries */
    void *sum;            /* [Q, D] */
    void *norm2, *stats2; /* [Q, D], [Q, 2] */
    void *pre, *hidden; /* [Q, mlp], before and after GELU; without training they may be one */
    void *out;          /* [Q, D] */
    /* Drop path (Huang et al. 2016): what attention, then the MLP, add to each sequence is times
     * keep [2, B], on the host, by way of branch [Q, D]. keep NULL: times 1, no branch. */
    const double *keep;
    void *branch;
}; /* stats and lse are NULL without a backward pass */

/* What the backward pass needs beside the activations. */
struct va_block_scratch {
    void *dnorm;   /* [M, D] */
    void *dqkv;    /* [M, 3D] */
    void *dhidden; /* [Q, mlp]; may be dqkv where it is as large */
    void *dsum;    /* [Q, D] */
    void *dbranch; /* [Q, D], with keep */
};

/* The law of a weight [N, K]: uniform, of bound sqrt(6 / (N + K)) (Xavier) or what `law` says. */
typedef struct va_param (*va_block_law)(int64_t N, int64_t K);
struct va_param va_block_xavier(int64_t N, int64_t K);

/* Append PREFIX.norm1.weight and so on; biases start at zero, norms at one. -1 after reporting. */
VA_MUST_USE int va_block_declare(struct va_block *b, struct va_params *list, const char *prefix,
                                 const struct va_block_sizes *s, va_block_law law);

/* Places for B sequences of T frames, without keep and branch. */
void va_block_plan(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                   bool training, struct va_arena *a, struct va_block_acts *acts);
void va_block_plan_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                            struct va_arena *a, struct va_block_scratch *t);

/* `lead` rows of earlier frames stand before acts->qkv (streaming: B = 1, queries = T). */
void va_block_forward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                      int64_t lead, const void *x, const struct va_block_acts *acts);

/* dx [M, D] (or NULL) from dout [Q, D]; after a forward with lead = 0. Gradients of parameters are
 * added, of those that have one. */
void va_block_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                       const void *x, const struct va_block_acts *acts, const void *dout,
                       void *dx, const struct va_block_scratch *t);

#endif
