/*
 * va_cnn_names.h - convolutional encoders of others by the names of their tensors: EfficientNet as in timm,
 * MobileFaceNet as in insightface, and what is like the first and computes otherwise.
 *
 * Source: names as in timm (models/efficientnet.py), insightface's arcface_torch (backbones/mobilefacenet.py) and
 * the package efficientnet_pytorch.
 */
#ifndef VA_CNN_NAMES_H
#define VA_CNN_NAMES_H

#include "base/va_tensors.h"
#include <stdbool.h>

/* Whether the tensor `name` is the first of such an encoder, after `length` bytes of a prefix. */
bool va_cnn_names_first(const char *name, size_t *length);

/* For names without prefix: the classifier as the first of a sequence is renamed. 0, or -1 after reporting an
 * encoder of another kind under its name. */
VA_MUST_USE int va_cnn_names_apply(struct va_tensors *set, const char *path);

/* Whether the classifier is to stay: its last rows are valence and arousal. */
bool va_cnn_names_rated(const struct va_tensors *set);

#endif
