/*
 * va_keymap.h - names of tensors in the checkpoints of others, and what they are called here.
 *
 *   vision transformers   timm and facebook MAE: the names used here (others: va_vit_names.h), beside what is only needed
 *                         for pretraining or classification; or all of them after one prefix
 *                         (encoder.patch_embed.proj.weight), which is dropped with whatever
 *                         stands beside it. LayerScale is folded, tokens get positions (va_vit_fold.h)
 *   mamba-va              the authors' state dict: temporal.network.0.conv1.weight_v, ...
 *   yunet                 its training repository, whose batch norms are folded (va_batchnorm.h)
 *   mini-xception         ours (va_keras.h)
 *   EfficientNet          timm; batch norms stay apart. A classifier of 10 rows stays (HSEmotion's: expressions,
 *                         valence, arousal), also as the first of a sequence
 *   MobileFaceNet         insightface; otherwise the same
 *
 * A prefix "module." is dropped, and PyTorch's newer weight normalisation
 * (parametrizations.weight.original0) is understood.
 */
#ifndef VA_KEYMAP_H
#define VA_KEYMAP_H

#include "base/va_tensors.h"
#include <stdbool.h>

enum va_model_kind {
    VA_MODEL_ENCODER,
    VA_MODEL_MAE,
    VA_MODEL_HEAD,
    VA_MODEL_YUNET,
    VA_MODEL_XCEPTION,
    VA_MODEL_CNN /* a convolutional encoder (model/va_cnn.h) */
};

/*
 * Remove the tensors whose names match one of `count` patterns, of the shell's kind ("head*",
 * "*.bias"); what each one removed is said (va_info). 0, or -1 after reporting, the set as it was:
 * a pattern that matches nothing, or all.
 */
VA_MUST_USE int va_keymap_drop(struct va_tensors *set, const char *path,
                               const char *const *patterns, int64_t count);

/*
 * Recognise the model, rename its tensors in place, and remove those that the feature does not
 * need (said with --verbose off as well: va_info): a decoder, and heads, which are known by the
 * first part of their names (classifier.weight, au_head.fc.bias). With `decoder` that of a masked autoencoder is
 * kept, and has to be there. *authors: names were the authors'. 0, or -1 after reporting: nothing
 * known, two tensors of one name, or an encoder of another kind (weights/va_variant.h).
 */
VA_MUST_USE int va_keymap_apply(struct va_tensors *set, const char *path, bool decoder,
                                enum va_model_kind *kind, bool *authors);

/*
 * The other way for a model of mamba-va: rename its tensors in place to the keys that
 * load_state_dict of the authors' model asks for. It asks for more: layers a second time
 * (temporal.network.0.net.0.weight_v), which go to `more`, and mamba.adaptor.0.weight and .bias,
 * which no input reaches and which are added as ones and zeros. 0, or -1 after reporting.
 */
VA_MUST_USE int va_keymap_to_authors(struct va_tensors *set, const char *path,
                                     struct va_aliases *more);

#endif
