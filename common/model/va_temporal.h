/*
 * va_temporal.h - the temporal model: TCN -> Mamba stack -> linear head.
 *
 * Maps features of frames [B, T, in_dim] to valence and arousal [B, T, 2]. Source: Liang et
 * al., "Mamba-VA" (CVPR workshops 2025); names and shapes of tensors as in the independent
 * reference implementation. Causal throughout, so a long video can be processed in blocks with
 * carried state.
 *
 *     x -> TCN blocks (dilation 1, 2, 4, ...) -> [LayerNorm, in_norm] -> Mamba layers
 *       -> proj -> fc1 -> ReLU -> fc2
 *
 * Features of several named streams may stand in a row of x (base/va_streams.h). With a fusion each gets a norm
 * and a linear layer before the TCN (va_fusion.h), or also a TCN of its own (va_cross.h); without, its columns go in as they are.
 *
 * To compare: other layers in the place of Mamba's, at the same width (va_temporal_kind.h), or none; and
 * no TCN, whose place a linear layer takes (embed, in_dim -> D, with dropout behind it).
 */
#ifndef VA_TEMPORAL_H
#define VA_TEMPORAL_H

#include "base/va_settings.h"
#include "base/va_streams.h"
#include "ops/va_params.h"

enum { VA_TEMPORAL_BLOCKS_MAX = 12, VA_TEMPORAL_LAYERS_MAX = 64 };

/* "tcn-mamba", "mamba", ..., and last "tcn"; then NULL (va_temporal_kind.h). */
extern const char *const va_temporal_names[];

/* How the TCN gets several streams: as they are; each through its own norm and linear layer; or the same, with a
 * TCN for each and attention across them above (va_cross.h). */
enum va_fusion_kind { VA_FUSION_NONE, VA_FUSION_CONCAT, VA_FUSION_CROSS };
extern const char *const va_fusion_names[]; /* in enum order, NULL last */

/*
 * In the order in which metadata of a model file have it. `channels` are the outputs of the TCN's blocks:
 * 1024, 768, 512, 256; the last is D. An option takes them as a list.
 */
struct va_temporal_config {
    int temporal; /* index into va_temporal_names */
    union {
        struct va_ints channels_list;
        struct {
            int64_t channels[VA_INTS_MAX];
            int64_t blocks; /* 4, at most VA_TEMPORAL_BLOCKS_MAX; 0 without a TCN */
        };
    };
    bool in_norm;       /* LayerNorm without affine before the stack */
    int64_t in_dim;     /* features per frame, 1024 */
    int64_t width;      /* D, 256 */
    int64_t kernel;     /* K of the TCN, 15 */
    int64_t layers;     /* of the stack, 4; 0 when there is none */
    int64_t d_state;    /* Mamba: N, 8 */
    int64_t d_conv;     /* Mamba: taps of the depthwise convolution, 4 */
    int64_t expand;     /* Mamba: E = expand * D, 1 */
    int64_t dt_rank;    /* Mamba: R; 0: ceil(D / 16) */
    int64_t heads, mlp; /* transformer: 4, and 4 D, which 0 stands for */
    int64_t hidden;     /* 128 */
    int64_t lookahead;  /* output row t predicts frame t - lookahead; not used here */
    int fusion; /* enum va_fusion_kind; this and the next two are of models with named streams */
    int64_t stream_width; /* outputs of a stream's linear layer; 0: as many as its features */
    double
        stream_dropout; /* of whole streams in training (feed/va_batch.h); not used here. Above 0
                                  a stream may be absent in prediction */
    struct va_streams
        streams; /* of in_dim = va_streams_columns; none: x has no named streams */
};

/* Names, ranges and help of its fields: options, metadata, checks. */
extern const struct va_settings va_temporal_settings;
/* Whether a model of this configuration has the part that a setting of it is for. */
bool va_temporal_has(const struct va_temporal_config *c, const struct va_setting *s);

enum va_temporal_init { VA_TEMPORAL_INIT_PAPER, VA_TEMPORAL_INIT_AUTHORS };

void va_temporal_config_default(struct va_temporal_config *c); /* the published model */

/* Fill in what follows from the rest: width from channels, dt_rank, mlp; sizes of parts that the
 * model does not have become 0. */
void va_temporal_config_resolve(struct va_temporal_config *c);

/* 0, or -1 after reporting which value is out of range (`where` names it: a file, an option). */
VA_MUST_USE int va_temporal_config_check(const struct va_temporal_config *c, const char *where);

/* The configuration as metadata of a model file ("arch" = "mamba-va", "channels" = "1024,768",
 * ...), and back. Reading takes layers and sizes from the tensors' names and shapes; in_norm,
 * lookahead and heads, which no shape tells, from the metadata. What is missing or contradicts is reported. */
VA_MUST_USE int va_temporal_config_store(const struct va_temporal_config *c,
                                         struct va_tensors *set);
VA_MUST_USE int va_temporal_config_load(struct va_temporal_config *c,
                                        const struct va_tensors *set, const char *path);

int64_t va_temporal_receptive_field(
    const struct va_temporal_config *c); /* of the TCN, frames: 421 */

struct va_temporal; /* opaque */

/*
 * A model with parameters declared and allocated (values not set: draw or load them through
 * va_temporal_params). decay_all: weight decay on every entry (preset authors), else none on
 * A_log, D, norms and biases. NULL after reporting.
 */
VA_MUST_USE struct va_temporal *va_temporal_new(struct va_backend *be,
                                                const struct va_temporal_config *c,
                                                enum va_temporal_init init, bool decay_all);
void va_temporal_free(struct va_temporal *model);
struct va_params *va_temporal_params(struct va_temporal *model);
const struct va_temporal_config *va_temporal_config(const struct va_temporal *model);

/* Room for activations of B x T frames; with `training` also for the backward pass. May be
 * called again with other sizes; what was reserved before is then gone, memory is kept. The
 * published model at B = 16, T = 300 trains within 2.3 GiB, all of weights, effective weights,
 * gradients, moments and activations. 0, or -1 after reporting. */
VA_MUST_USE int va_temporal_reserve(struct va_temporal *model, int64_t B, int64_t T,
                                    bool training);

/*
 * pred [B, T, 2] from x [B, T, in_dim], both backend buffers; B and T at most what was
 * reserved. With dropout p > 0 masks are those of the record `step` (ops/va_op_train.h) for
 * sequences `first`, `first` + 1, ... of a larger batch; p = 0 outside of training.
 */
void va_temporal_forward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                         void *pred, double dropout, const void *step, int64_t first);

/* Gradients of all parameters (added) after a forward in training mode, from dpred. */
void va_temporal_backward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                          const void *dpred);

/*
 * Streaming: state carried from block to block of one sequence (TCN history, convolution tail,
 * scan state). Equal to the whole-sequence forward up to rounding; memory does not depend on
 * the length. A state belongs to the temporal model that made it.
 */
struct va_temporal_stream;
VA_MUST_USE struct va_temporal_stream *va_temporal_stream_new(struct va_temporal *model,
                                                              int64_t block);
void va_temporal_stream_reset(
    struct va_temporal_stream *s); /* before the first frame of a sequence */
/* pred [T, 2] of the next T <= block frames x [T, in_dim]; backend buffers. */
void va_temporal_stream_forward(struct va_temporal_stream *s, int64_t T, const void *x,
                                void *pred);
void va_temporal_stream_free(struct va_temporal_stream *s);

#endif
