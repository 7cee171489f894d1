/*
 * va_vit_names.h - vision transformers under the names of other libraries become ones under those
 * of timm, which are ours.
 *
 *   transformers   ViT, DeiT, ViT-MAE, DINOv2: embeddings.patch_embeddings.projection.weight, ...; queries, keys and
 *                  values, which stand apart there, are stacked
 *
 *   CLIP           of OpenAI, open_clip and FaRL (conv1.weight, transformer.resblocks.0.attn.in_proj_weight, ...) and of
 *                  transformers (embeddings.patch_embedding.weight, ...)
 *
 * What a library takes for granted and timm does not (the epsilon of norms, CLIP's activation and pixels) becomes metadata, and is said.
 *
 * Source: modeling_vit.py, modeling_vit_mae.py, modeling_dinov2.py and modeling_clip.py of transformers (4 and 5); clip/model.py of OpenAI; names only
 */
#ifndef VA_VIT_NAMES_H
#define VA_VIT_NAMES_H

#include "base/va_tensors.h"
#include <stdbool.h>

/* Whether `name`, one of the set, is that of a weight that makes tokens of patches, in any of these libraries:
 * one an encoder. *length: bytes of what stands before all names of that encoder. */
bool va_vit_names_patches(const struct va_tensors *set, const char *name, size_t *length);

/* From a set without that prefix. In one with our names, blocks.CHUNK.N.x (DINOv2) becomes blocks.N.x. What the features do not need loses
 * its name. 0, or -1 after reporting: a part of attention that is missing or has another shape. */
VA_MUST_USE int va_vit_names_apply(struct va_tensors *set, const char *path);

#endif
