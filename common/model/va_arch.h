/*
 * va_arch.h - models by name, and sets of tensors that are such a model.
 */
#ifndef VA_ARCH_H
#define VA_ARCH_H

#include "base/va_option.h"
#include "model/va_temporal.h"
#include "model/va_vit.h"
#include "weights/va_keymap.h"

enum va_arch {
    VA_ARCH_VIT_TINY, /* 48x48 pictures; its untrained weights make usable features */
    VA_ARCH_VIT_BASE,
    VA_ARCH_VIT_LARGE,
    VA_ARCH_VIT_HUGE,
    VA_ARCH_MAMBA_VA,
    VA_ARCH_YUNET_S, /* finds faces (model/va_yunet.h) */
    VA_ARCH_YUNET_N,
};
extern const char *const va_arch_names[]; /* in enum order, NULL last */
extern const char
    *const va_model_kind_names[]; /* "a temporal model"; in order of va_model_kind */

/* The encoder of this name (one before VA_ARCH_MAMBA_VA). */
void va_arch_encoder(enum va_arch arch, struct va_vit_config *c);

/* A model with initial values drawn from the seed, as a set; NULL after reporting. */
VA_MUST_USE struct va_tensors *va_arch_init_encoder(struct va_backend *be, enum va_arch arch,
                                                    uint64_t seed);
VA_MUST_USE struct va_tensors *va_arch_init_temporal(struct va_backend *be,
                                                     const struct va_temporal_config *c,
                                                     enum va_temporal_init init, uint64_t seed);

VA_MUST_USE struct va_tensors *va_arch_init_yunet(struct va_backend *be, enum va_arch arch,
                                                  uint64_t seed);

/*
 * The settings that shapes do not tell: "in-norm" of a temporal model, and "encoder", "fps-min",
 * "fps-max" of the features it was trained on; "heads", "mean", "std",
 * "image_size" of an encoder, "padding" and "eps" of a convolutional one, and "decoder_heads" of a masked autoencoder; "input" (io/va_pictured.h). The name of setting `key` (written with - or _) for this kind of
 * model, or NULL.
 */
const char *va_arch_setting(enum va_model_kind kind, const char *key);

/* Bring metadata of a set under these names, then lay KEY=VALUE strings over them, whose keys are
 * settings of some model. 0, or -1 after reporting one that is not a setting of this kind. */
VA_MUST_USE int va_arch_apply_settings(struct va_tensors *set, const struct va_strings *over,
                                       enum va_model_kind kind);

/* Make an encoder, with its decoder if it has one, one for pictures of another size: positions are
 * resampled (weights/va_positions.h). 0, or -1 after reporting, for a temporal model as well. */
VA_MUST_USE int va_arch_resize(struct va_tensors *set, const char *path,
                               enum va_model_kind kind, int64_t image);

/*
 * Turn a set into a model: settings are taken from its metadata (a missing in-norm is `in_norm`),
 * every tensor must be there in its shape, with finite values, and nothing else; tensors come
 * into their order and become float32, the metadata become the configuration. 0, or -1 after
 * reporting.
 */
VA_MUST_USE int va_arch_complete(struct va_tensors *set, const char *path,
                                 enum va_model_kind kind, bool in_norm);

#endif
