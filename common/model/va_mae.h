/*
 * va_mae.h - the masked autoencoder that pretrains an encoder without labels.
 *
 *     visible patches -> encoder -> decoder_embed -> mask tokens in the hidden patches' places,
 *       + positions -> decoder blocks -> decoder_norm -> decoder_pred: the pixels of each patch
 *     loss = mean over hidden patches of the mean squared error of their pixels
 *
 * With norm_pix the pixels of a patch are first brought to zero mean and unit deviation (unbiased
 * variance + 1e-6). Source: He et al., "Masked autoencoders are scalable vision learners" (CVPR
 * 2022); names, shapes and initial values as in their public checkpoints.
 *
 * Letters: B pictures, P patches, V = int(P (1 - ratio)) visible ones, T = 1 + P, D width of the
 *          encoder, E of the decoder, S = 3*p*p pixels of a patch
 */
#ifndef VA_MAE_H
#define VA_MAE_H

#include "base/va_settings.h"
#include "model/va_vit.h"

struct va_mae_config {
    struct va_vit_config encoder;
    int64_t width, depth, heads; /* of the decoder: 512, 8, 16; its MLP is 4 times as wide */
};

/* Names, ranges and help of the sizes of its decoder. */
extern const struct va_settings va_mae_settings;

void va_mae_config_default(
    struct va_mae_config *c); /* ViT-Large/16 with the published decoder */
VA_MUST_USE int va_mae_config_check(const struct va_mae_config *c, const char *where);

/* As metadata, beside the encoder's: decoder_heads. Reading takes the decoder's other sizes from
 * the shapes of decoder_blocks.N.*. -1 after reporting, also for a set without a decoder. */
VA_MUST_USE int va_mae_config_store(const struct va_mae_config *c, struct va_tensors *set);
VA_MUST_USE int va_mae_config_load(struct va_mae_config *c, const struct va_tensors *set,
                                   const char *path);

struct va_mae; /* opaque */

/* Append all its parameters to a list, to compare with a file. -1 after reporting. */
VA_MUST_USE int va_mae_declare(const struct va_mae_config *c, struct va_params *list);

/* Parameters are allocated; weight decay applies to those of two or more dimensions. NULL after
 * reporting. */
VA_MUST_USE struct va_mae *va_mae_new(struct va_backend *be, const struct va_mae_config *c);
void va_mae_free(struct va_mae *m); /* NULL is fine */
struct va_params *va_mae_params(struct va_mae *m);
/* The first so many parameters, in this order, are the encoder's. */
int64_t va_mae_encoder_params(const struct va_mae *m);
const struct va_mae_config *va_mae_config(const struct va_mae *m);
const struct va_vit *va_mae_encoder(const struct va_mae *m); /* for va_vit_cut */

/* Room for B pictures of which the share `ratio` of patches is hidden. 0, or -1 after reporting. */
VA_MUST_USE int va_mae_reserve(struct va_mae *m, int64_t B, double ratio);

int64_t va_mae_visible(int64_t P, double ratio); /* V */

/*
 * Which patches of a picture are visible: the V with the smallest noise [P], in that order (the
 * earlier patch at a tie), in visible [V]; rank [P] is each patch's place in the order of noise.
 */
VA_MUST_USE int va_mae_mask(int64_t P, int64_t V, const float *noise, int32_t *visible,
                            int32_t *rank);

/* What the decoder has to find: patches [P, S] as va_vit_cut gives them (channel, row, column) to
 * target [P, S] in the checkpoints' order (row, column, channel), normalised with norm_pix. */
void va_mae_target(const struct va_vit_config *c, const float *patches, bool norm_pix,
                   float *target);

/* One batch, on the host. */
struct va_mae_batch {
    int64_t B;
    const int32_t *visible, *rank; /* [B, V], [B, P] */
    const float *patches;          /* [B, V, S] the visible ones, in their order */
    const float *target;           /* [B, P, S] */
};

/* The batch of the passes until the next call. */
void va_mae_put(struct va_mae *m, const struct va_mae_batch *batch);

/* The loss of that batch times `scale`, into the record of a step (ops/va_op_train.h; or NULL); then its
 * gradients of all parameters, added. What is done follows from B alone, so that a device may record it. */
void va_mae_forward(struct va_mae *m, double scale, void *step);
void va_mae_backward(struct va_mae *m);

/* What the decoder said in the last forward, pred [B, P, S]. */
void va_mae_pred(struct va_mae *m, float *pred);

#endif
