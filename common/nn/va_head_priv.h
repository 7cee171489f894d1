/*
 * va_head_priv.h - what the files of the head share: its layers and its activations.
 */
#ifndef VA_HEAD_PRIV_H
#define VA_HEAD_PRIV_H

#include "nn/va_arena.h"
#include "nn/va_head.h"
#include "nn/va_mamba.h"
#include "nn/va_tcn.h"

struct va_head_layers {
    struct va_tcn tcn[VA_HEAD_BLOCKS_MAX];
    struct va_mamba mamba[VA_HEAD_LAYERS_MAX];
    int64_t proj_w, proj_b, fc1_w, fc1_b, fc2_w, fc2_b;
};

struct va_head_acts {
    struct va_tcn_acts tcn[VA_HEAD_BLOCKS_MAX];
    void *normed, *norm_stats; /* [M, D], [M, 2]; only with in_norm */
    struct va_mamba_acts mamba[VA_HEAD_LAYERS_MAX];
    void *proj, *fc1; /* [M, D], [M, hidden] after ReLU */
};

struct va_head {
    struct va_backend *be;
    struct va_head_config config; /* dt_rank resolved */
    struct va_params params;
    struct va_head_layers layers;

    struct va_arena arena;
    struct va_head_acts acts;
    struct va_tcn_scratch tcn_scratch; /* its grad[] serve all layers */
    struct va_mamba_scratch mamba_scratch;
    struct va_tcn_dropout drop; /* of the last forward */
};

/* Append all entries of a model; sizes from a checked configuration. -1 after reporting. */
VA_MUST_USE int va_head_declare(struct va_head_layers *l, struct va_params *list,
                                const struct va_head_config *c, enum va_head_init init,
                                bool decay_all);

int64_t va_head_dim(const struct va_head_config *c);  /* D: the last of channels */
int64_t va_head_rank(const struct va_head_config *c); /* dt_rank, or ceil(D / 16) for 0 */

/* Places for what lies above the TCN. Without training, layers share two sets in turn. */
void va_head_plan_top(struct va_head *head, int64_t M, bool training, struct va_arena *a,
                      struct va_head_acts *acts);

/* From the TCN's output to pred [M, 2]; states [layers]. */
void va_head_top_forward(struct va_head *head, int64_t B, int64_t T, const void *x,
                         const struct va_head_acts *acts, const struct va_mamba_state *states,
                         void *pred);

#endif
