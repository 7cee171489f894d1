/*
 * va_rater.h - an encoder with linear heads on its CLS row: what a face shows, frame by frame.
 *
 *     cls [B, D] -> va_temporal   [2, D]: valence and arousal
 *                -> expr_head [classes, D]: logits of expressions
 *
 * Either head may be missing: a plain encoder is a rater that rates nothing. The outputs are linear;
 * whoever writes predictions clips them. Names: the encoder's, then va_head.weight, va_head.bias,
 * expr_head.weight, expr_head.bias.
 *
 * For training the blocks below `first` are frozen (model/va_vit_tape.h).
 *
 * Source: fine-tuning as in He et al., "Masked autoencoders are scalable vision learners" (CVPR
 * 2022); rates that fall from layer to layer as in Bao et al., "BEiT" (ICLR 2022)
 */
#ifndef VA_RATER_H
#define VA_RATER_H

#include "model/va_vit.h"

enum { VA_CLASSES_MAX = 1024 };

struct va_rater_config {
    struct va_vit_config encoder;
    bool va;         /* a head for valence and arousal */
    int64_t classes; /* of expressions; 0: no head for them */
};

/* From a set: the encoder's configuration, heads as the set has them. -1 after reporting. */
VA_MUST_USE int va_rater_config_load(struct va_rater_config *c, const struct va_tensors *set,
                                     const char *path);

/* Append the entries of an encoder and its heads to a list, values not asked for: to match a set. -1
 * after reporting. */
VA_MUST_USE int va_rater_declare(const struct va_rater_config *c, struct va_params *list);

struct va_rater; /* opaque */

/* Parameters allocated (values not set), the blocks below `first` marked as frozen. NULL after
 * reporting. */
VA_MUST_USE struct va_rater *va_rater_new(struct va_backend *be,
                                          const struct va_rater_config *c, int64_t first);
/* The same for one that is only run (ops/va_params.h): after the values were loaded va_vit_forward and
 * va_rater_heads may be called, in the precision that the backend has now. */
VA_MUST_USE struct va_rater *va_rater_new_run_only(struct va_backend *be,
                                                   const struct va_rater_config *c);
void va_rater_free(struct va_rater *r); /* NULL is fine */
struct va_params *va_rater_params(struct va_rater *r);
struct va_vit *va_rater_encoder(struct va_rater *r);
const struct va_rater_config *va_rater_config(const struct va_rater *r);

/* Give a set the heads of `c` that it lacks: weights normal with deviation 2e-5, biases zero. -1
 * after reporting. */
VA_MUST_USE int va_rater_add_heads(const struct va_rater_config *c, struct va_tensors *set,
                                   uint64_t seed);

/*
 * The rate of every parameter over that of all: decay^(depth + 1 - layer), where layer is 0 for
 * what makes tokens of pictures, 1 + i for block i, depth + 1 for the last norm and the heads. And
 * weight decay for those of two dimensions or more but the CLS token. Before an optimiser is made.
 */
void va_rater_set_rates(struct va_rater *r, double decay);

/* Drop path (Huang et al. 2016): block i of the encoder leaves out each of its two branches for a
 * picture with probability p i / (depth - 1); what stays is larger accordingly. keep [depth, 2, B] for
 * pictures `first` .. first + B - 1 of a batch; a function of (seed, step, picture). */
void va_rater_drop_paths(const struct va_vit_config *c, double p, uint64_t seed, uint64_t step,
                         int64_t first, int64_t B, double *keep);

/* Room for B pictures, with a tape for training. 0, or -1 after reporting. */
VA_MUST_USE int va_rater_reserve(struct va_rater *r, int64_t B);

/* The batch of the passes until the next call: patches [B, P, 3*p*p]; keep as in va_vit_tape_put, or NULL. After a
 * reserve. */
void va_rater_put(struct va_rater *r, int64_t B, const float *patches, const double *keep);

/* What is done follows from B alone, so that a device may record it with the backward pass. */
void va_rater_forward(struct va_rater *r);

/* The heads alone on rows cls [B, D] of the device: pred [B, 2], logits [B, classes] there, or
 * NULL. */
void va_rater_heads(struct va_rater *r, int64_t B, const void *cls, void *pred, void *logits);

/* What the last forward gave, on the device: pred [B, 2] and logits [B, classes]; NULL where there
 * is no such head. */
const void *va_rater_pred(const struct va_rater *r);
const void *va_rater_logits(const struct va_rater *r);

/*
 * The gradients of all parameters that are trained, added, from the outputs' gradients on the
 * device; NULL for a head without one.
 */
void va_rater_backward(struct va_rater *r, const void *dpred, const void *dlogits);

#endif
