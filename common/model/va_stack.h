/*
 * va_stack.h - the layers between the TCN and the linear head: Mamba, or what one compares it with.
 *
 *     mamba        va_mamba.h, each with its residual and norm
 *     lstm, gru    va_recurrent.h, one on the other
 *     transformer  x + positions -> causal blocks (va_block.h) -> LayerNorm; positions are sines
 *                  and cosines of the frame's number (Vaswani et al. 2017)
 *     none         the sequence itself
 *
 * All map [B, T, D] to [B, T, D], frame t from frames up to t. Streaming carries the state of one
 * sequence from block to block; a transformer's is all its past, which grows with it.
 *
 * Names: mamba.L.*, lstm.L.*, gru.L.*, transformer.L.* and transformer.norm.*
 */
#ifndef VA_STACK_H
#define VA_STACK_H

#include "nn/va_block.h"
#include "nn/va_history.h"
#include "nn/va_mamba.h"
#include "nn/va_recurrent.h"

enum { VA_STACK_LAYERS_MAX = 64 };

enum va_stack_kind {
    VA_STACK_NONE,
    VA_STACK_MAMBA,
    VA_STACK_LSTM,
    VA_STACK_GRU,
    VA_STACK_TRANSFORMER,
};
extern const char *const va_stack_names[]; /* in enum order, NULL last: the prefix of tensors */

struct va_stack_config {
    enum va_stack_kind kind;
    int64_t layers, D;
    struct va_mamba_sizes mamba; /* of mamba */
    enum va_mamba_init init;     /* of mamba */
    int64_t heads, mlp;          /* of transformer */
};

struct va_stack {
    struct va_params *params;
    struct va_stack_config c;
    union {
        struct va_mamba mamba[VA_STACK_LAYERS_MAX];
        struct va_recurrent_layer recurrent[VA_STACK_LAYERS_MAX];
        struct va_block block[VA_STACK_LAYERS_MAX];
    };
    int64_t norm; /* of transformer: index of its weight, the bias follows */
    float *row;   /* [D] on the host, of transformer: a position on its way to the device */
};

struct va_stack_acts {
    union {
        struct va_mamba_acts mamba[VA_STACK_LAYERS_MAX];
        struct va_recurrent_acts recurrent[VA_STACK_LAYERS_MAX];
        struct va_block_acts block[VA_STACK_LAYERS_MAX];
    };
    /* of transformer: */
    void *positions; /* [T, D], of frames first .. first + count */
    int64_t first, count;
    void *placed;      /* [M, D] x + positions */
    void *out, *stats; /* [M, D], [M, 2] the last norm */
};

struct va_stack_scratch {
    union {
        struct va_mamba_scratch mamba;
        struct va_recurrent_scratch recurrent;
        void *block; /* work of a block */
    };
};

/* State of one sequence between blocks of frames. */
struct va_stack_state {
    struct va_history xz[VA_STACK_LAYERS_MAX]; /* of mamba: rows before the convolution */
    void *h[VA_STACK_LAYERS_MAX];              /* of mamba, lstm, gru */
    struct va_cache qkv[VA_STACK_LAYERS_MAX];  /* of transformer */
    int64_t frame;                             /* frames so far */
};

/* Append all entries; sizes from a checked configuration. -1 after reporting. */
VA_MUST_USE int va_stack_declare(struct va_stack *s, struct va_params *list,
                                 const struct va_stack_config *c);
VA_MUST_USE int va_stack_allocate(struct va_stack *s); /* what is kept beside the parameters */
void va_stack_release(struct va_stack *s);

/* Places for B sequences of T frames. Without training, layers share two sets in turn. */
void va_stack_plan(const struct va_stack *s, int64_t B, int64_t T, bool training,
                   struct va_arena *a, struct va_stack_acts *acts);
void va_stack_plan_backward(const struct va_stack *s, int64_t B, int64_t T, struct va_arena *a,
                            struct va_stack_scratch *t);

/* The output [M, D], which is x itself of a stack of none. state NULL: sequences begin here;
 * else B = 1. */
const void *va_stack_forward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                             struct va_stack_acts *acts, struct va_stack_state *state);

/* grad[0] holds the gradient of the output, and in the end that of x; grad[1] is as large. */
void va_stack_backward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                       const struct va_stack_acts *acts, void *grad[2],
                       const struct va_stack_scratch *t);

/* A state for blocks of up to `block` frames; reset before the first frame of a sequence. */
void va_stack_state_plan(const struct va_stack *s, int64_t block, struct va_arena *a,
                         struct va_stack_state *state);
void va_stack_state_reset(const struct va_stack *s, struct va_stack_state *state);
void va_stack_state_release(const struct va_stack *s, struct va_stack_state *state);

#endif
