/*
 * va_kernel.h - convolutions of pictures in a list of parameters: NAME.weight [out, in, K, K] and
 * NAME.bias [out], for the nets that are only loaded (YuNet, mini-Xception).
 */
#ifndef VA_KERNEL_H
#define VA_KERNEL_H

#include "base/va_tensors.h"
#include "ops/va_params.h"

/* Append both. Returns the index of the weight, or -1 after reporting. */
VA_MUST_USE int64_t va_kernel_declare(struct va_params *list, int64_t out, int64_t in,
                                      int64_t K, const char *name);

/* `out` of the kernel `name` in a set, from 1; 0 after reporting: missing, or another shape. `path` and
 * `net` are for messages. */
VA_MUST_USE int64_t va_kernel_channels(const struct va_tensors *set, const char *path,
                                       const char *net, const char *name);

#endif
