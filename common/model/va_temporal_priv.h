/*
 * va_temporal_priv.h - what the files of the temporal model share: its layers and its activations.
 */
#ifndef VA_TEMPORAL_PRIV_H
#define VA_TEMPORAL_PRIV_H

#include "model/va_cross.h"
#include "model/va_fusion.h"
#include "model/va_stack.h"
#include "model/va_temporal.h"
#include "model/va_trunk.h"
#include "ops/va_arena.h"

/* Linear layers by the index of their weight; the bias follows it. */
struct va_temporal_layers {
    struct va_fusion fusion;
    int64_t trunks; /* 1; with --fusion cross the number of streams */
    struct va_trunk trunk[VA_STREAMS_MAX];
    struct va_cross cross; /* of several trunks; .count 0 without */
    struct va_stack stack;
    int64_t proj, fc1, fc2;
};

struct va_temporal_acts {
    struct va_fusion_acts fusion;
    struct va_trunk_acts trunk[VA_STREAMS_MAX];
    struct va_cross_acts cross;
    void *normed, *norm_stats; /* [M, D], [M, 2]; only with in_norm */
    struct va_stack_acts stack;
    void *proj, *fc1; /* [M, D], [M, hidden] after ReLU */
};

struct va_temporal {
    struct va_backend *be;
    struct va_temporal_config config; /* dt_rank resolved */
    struct va_params params;
    struct va_temporal_layers layers;

    struct va_arena arena;
    struct va_temporal_acts acts;
    struct va_tcn_scratch tcn_scratch; /* its grad[] serve all layers */
    struct va_cross_scratch cross_scratch;
    const void *bottom,
        *top; /* what went into the stack or its norm in the last forward, and came out: [M, D] */
    struct va_mask drop; /* of the last forward */
};

/* Append all entries of a model; sizes from a checked configuration. -1 after reporting; release then as
 * well. */
VA_MUST_USE int va_temporal_declare(struct va_temporal_layers *l, struct va_params *list,
                                    const struct va_temporal_config *c,
                                    enum va_temporal_init init, bool decay_all);

void va_temporal_layers_release(struct va_temporal_layers *l);

/* What `part` of its settings means: which models have them. */
enum va_temporal_part {
    VA_PART_ALWAYS,
    VA_PART_TCN,
    VA_PART_LAYERS,  /* all but a TCN alone */
    VA_PART_KIND,    /* kinds that name the setting */
    VA_PART_STREAMS, /* models of named streams */
};

/* Places for what lies above the trunks. Without training, layers share two sets in turn. */
void va_temporal_plan_top(struct va_temporal *model, int64_t B, int64_t T, bool training,
                          struct va_arena *a, struct va_temporal_acts *acts);

/* What trunk k gets, where x is what the model gets and fusion has been made of it. */
const void *va_temporal_trunk_input(const struct va_temporal *model, int64_t k, const void *x,
                                    const struct va_temporal_acts *acts);

/* From outputs of the trunks [trunks], [M, D] each, to what the stack gets. */
const void *va_temporal_join(const struct va_temporal *model, int64_t M, const void *const *h,
                             const struct va_temporal_acts *acts);

/* From what va_temporal_join gave to pred [M, 2]. */
void va_temporal_top_forward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                             struct va_temporal_acts *acts, void *pred);

#endif
