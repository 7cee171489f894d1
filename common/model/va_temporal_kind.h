/*
 * va_temporal_kind.h - the table of temporal models: which layers can stand between TCN and linear head.
 *
 * A kind has a file, va_temporal_NAME.c, that defines `const struct va_temporal_kind va_temporal_NAME`,
 * and a line in the list below (lstm and gru share the file va_temporal_recurrent.c). From these follow the values NAME and tcn-NAME of --temporal with their
 * help and completion, the names of tensors, metadata, what a model file is taken for, and the variants
 * of pipelines/ablation.mk. Nothing else knows which kinds there are.
 *
 * All layers of a model are of one kind, map [B, T, D] to [B, T, D], and see no frame after their own.
 * Streaming carries what a layer remembers of one sequence from one run of frames to the next. The functions
 * get the structs of the kind as void *: it says their sizes, va_stack.h allocates them, zeroed.
 */
#ifndef VA_TEMPORAL_KIND_H
#define VA_TEMPORAL_KIND_H

#include "model/va_temporal.h"
#include "ops/va_arena.h"

/* The first is the published model. */
#define VA_TEMPORAL_KINDS(X) \
    X(mamba)                 \
    X(lstm)                  \
    X(gru)                   \
    X(transformer)

struct va_temporal_kind {
    /* ---- what it is ---- */
    /* A tensor that each of its layers has: NAME.0.TENSOR in a file tells the kind. */
    const char *tensor;
    /* Those of va_temporal_settings that only some kinds have; NULL last, or NULL for none. */
    const char *const *settings;

    /* Fill in settings that follow from others; then check what their ranges do not (0, or -1 after
     * reporting). NULL: there are none. */
    void (*resolve)(struct va_temporal_config *c);
    int (*check)(const struct va_temporal_config *c, const char *where);
    /* Its settings from the shapes of its tensors (va_temporal_read.h), what no shape tells from the
     * metadata; c->width and c->layers are known. 0, or -1 after reporting. NULL: there are none. */
    int (*read)(struct va_temporal_config *c, const struct va_tensors *set, const char *path);

    /* ---- what it computes ---- */
    /* Bytes of the structs: a layer; its activations; what backward passes of all layers share; what
     * a layer remembers in streaming. */
    size_t layer, acts, scratch, state;
    /* Of the functions, plan_backward and state_* may be NULL where there is nothing to do. */

    /* Append the parameters PREFIX.* of layer l of c->layers. -1 after reporting. */
    int (*declare)(void *layer, struct va_params *list, const char *prefix, int64_t l,
                   const struct va_temporal_config *c, enum va_temporal_init init);

    /* Places for B sequences of T frames; without `training` two layers may use the same in turn. */
    void (*plan)(const void *layer, int64_t B, int64_t T, bool training, struct va_arena *a,
                 void *acts);
    void (*plan_backward)(const void *layer, int64_t B, int64_t T, struct va_arena *a,
                          void *scratch); /* of all layers, asked of the first */

    /* The output [B, T, D]. state NULL: sequences begin here; else B = 1. */
    const void *(*forward)(const void *layer, int64_t B, int64_t T, const void *x, void *acts,
                           void *state);
    /* dx from dout [B, T, D], which are apart, after a forward without state. */
    void (*backward)(const void *layer, int64_t B, int64_t T, const void *x, const void *acts,
                     const void *dout, void *dx, const void *scratch);

    /* A state for up to `most` frames at a time; reset before the first frame of a sequence; release
     * what the arena did not give. */
    void (*state_plan)(const void *layer, int64_t most, struct va_arena *a, void *state);
    void (*state_reset)(const void *layer, void *state);
    void (*state_release)(const void *layer, void *state);
};

/* Of the number in a configuration; NULL for a TCN alone. */
const struct va_temporal_kind *va_temporal_kind(int temporal);
const char *va_temporal_kind_name(int temporal); /* "mamba"; "" for a TCN alone */
bool va_temporal_has_tcn(int temporal);

#endif
