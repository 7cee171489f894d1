/*
 * va_variant.h - vision transformers that look like ours and compute otherwise.
 *
 * Their tensors bear the same names, with one more or one less: taken as they are, they would give
 * features that nobody trained. Each kind is known by such a tensor and refused under its name.
 * What leaves no trace in names and shapes (another activation, another epsilon) cannot be seen.
 *
 * Source: names as in timm (models/vision_transformer.py, beit.py, eva.py), facebook's MAE and
 * DINOv2.
 */
#ifndef VA_VARIANT_H
#define VA_VARIANT_H

#include "base/va_tensors.h"

/* 0 for a set that shows no sign of another kind; -1 after reporting tensor and kind. Shapes are
 * not checked otherwise. */
VA_MUST_USE int va_variant_check(const struct va_tensors *set, const char *path);

#endif
