/*
 * va_vit_fold.h - parts of vision transformers that other weights can do the work of.
 *
 *   LayerScale   x + g f(x), with f's last layer f(x) = W h + b: g goes into W (its rows) and b. Nothing else
 *                computes with g, so this is exact but for a rounding of each number.
 *   positions    tokens that are no patch and have no position (the CLS token of DeiT-III, registers) get one of
 *                zeros, so that pos_embed has a row for each token
 *
 * Source: Touvron et al., "Going deeper with image transformers" (ICCV 2021); names as in timm (ls1.gamma),
 * facebook's DeiT-III (gamma_1) and DINOv2
 */
#ifndef VA_VIT_FOLD_H
#define VA_VIT_FOLD_H

#include "base/va_tensors.h"

/* In a set with our names; what is folded loses its name. 0, or -1 after reporting a part that is missing or has
 * another shape. */
VA_MUST_USE int va_vit_fold(struct va_tensors *set, const char *path);

#endif
