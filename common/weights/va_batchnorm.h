/*
 * va_batchnorm.h - batch norms of a trained net, folded into the convolutions before them:
 *   (conv(x) - mean) / sqrt(var + eps) * gamma + beta   is a convolution itself.
 */
#ifndef VA_BATCHNORM_H
#define VA_BATCHNORM_H

#include "base/va_tensors.h"

/*
 * Fold each norm NAME (NAME.running_mean, .running_var, .weight and .bias [N]) into the convolution that
 * `before` names (a new string, or NULL after reporting), whose weight [N, ...] and bias [N] become
 * float32, and remove the norm's tensors. 0, or -1 after reporting: one is missing, or has another shape.
 */
VA_MUST_USE int va_batchnorm_fold(struct va_tensors *set, const char *path,
                                  char *(*before)(const char *norm));

#endif
