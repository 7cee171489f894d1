/*
 * va_block.h - one block of a transformer with LayerNorm in front of each part.
 *
 * What it computes: ops/va_op_transformer.h.
 *
 * The blocks of a vision transformer are these (all tokens see each other), and so
 * are those of the temporal transformer (causal). Names below a prefix: norm1, attn.qkv,
 * attn.proj, norm2, mlp.fc1, mlp.fc2, as in timm and facebook MAE.
 *
 * queries: only the first so many rows of each sequence go on: the last block of an encoder needs the
 * CLS row alone. T for all.
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
    enum va_unary act;     /* of the MLP: VA_GELU or VA_QUICK_GELU */
    bool causal;
};

/* The index of a weight [N, K] in the list; its bias [N] follows it. */
struct va_block {
    struct va_params *params;
    struct va_block_sizes s;
    int64_t norm1, qkv, proj, norm2, fc1, fc2;
};

/* Where the activations go. */
struct va_block_acts {
    void *tape;       /* NULL without training */
    void *work;       /* may be that of other blocks; with a tape only for keep */
    void *out;        /* [B, queries, D]; without training it may be x where queries is T */
    const void *keep; /* as in struct va_transformer, as are these */
    void *qkv;
    int64_t lead;
};

/* The law of a weight [N, K]: uniform, of bound sqrt(6 / (N + K)) (Xavier) or what `law` says. */
typedef struct va_param (*va_block_law)(int64_t N, int64_t K);
struct va_param va_block_xavier(int64_t N, int64_t K);

/* Append PREFIX.norm1.weight and so on; biases start at zero, norms at one. -1 after reporting. */
VA_MUST_USE int va_block_declare(struct va_block *b, struct va_params *list, const char *prefix,
                                 const struct va_block_sizes *s, va_block_law law);

/* Numbers of the tape and of work for B sequences of T frames. */
struct va_transformer_room va_block_room(const struct va_block *b, int64_t B, int64_t T,
                                         int64_t queries, bool training);

/* Places for them but keep: with a tape, or with work. And work for the backward pass. */
void va_block_plan(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                   bool training, struct va_arena *a, struct va_block_acts *acts);
void *va_block_plan_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                             struct va_arena *a);

void va_block_forward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                      const void *x, const struct va_block_acts *acts);

/* dx [B, T, D] (or NULL) from dout [B, queries, D]; after a forward with a tape. Gradients of parameters
 * are added, of those that have one. */
void va_block_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                       const void *x, const struct va_block_acts *acts, const void *dout,
                       void *dx, void *work);

#endif
