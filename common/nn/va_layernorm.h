/*
 * va_layernorm.h - a layer norm: its entries in the parameter list, forward and backward.
 *
 * A layer is the index of NAME.weight [C], which starts at 1; NAME.bias [C], at 0, is the next entry.
 * The rest stands in the operation's own struct (ops/va_op.h).
 */
#ifndef VA_LAYERNORM_H
#define VA_LAYERNORM_H

#include "ops/va_params.h"

/* Append both entries; `name` is a printf format. The index, or -1 after reporting. */
VA_MUST_USE int64_t va_layernorm_declare(struct va_params *list, int64_t C, const char *name,
                                         ...) VA_PRINTF(3, 4);

/* C, gamma and beta are filled in. */
void va_layernorm_forward(const struct va_params *list, int64_t layer, const struct va_norm *p);

/* C, gamma and the gradients of both entries are filled in. */
void va_layernorm_backward(const struct va_params *list, int64_t layer,
                           const struct va_norm_grad *p);

#endif
