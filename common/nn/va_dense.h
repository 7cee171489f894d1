/*
 * va_dense.h - a linear layer: its entries in the parameter list, forward and backward.
 *
 * A layer is the index of its weight [N, K]; its bias [N], if it has one, is the next entry. What a
 * pass needs beyond that is said in the operation's own struct (ops/va_op.h), of which the layer
 * fills in N, K, the weight, the bias and, where they are 0, the distances of packed rows.
 */
#ifndef VA_DENSE_H
#define VA_DENSE_H

#include "ops/va_params.h"

/*
 * Append NAME.weight and, with a law for it, NAME.bias; `name` is a printf format. `weight` gives law
 * and decay, and a shape where that is not [N, K] (a kernel of one tap). Returns the index of the
 * weight, or -1 after reporting.
 */
VA_MUST_USE int64_t va_dense_declare(struct va_params *list, int64_t N, int64_t K,
                                     const struct va_param *weight, const struct va_param *bias,
                                     const char *name, ...) VA_PRINTF(6, 7);

/* y = act(x W^T + bias) + residual; a bias in `p` is taken instead of the layer's. */
void va_dense_forward(const struct va_params *list, int64_t layer, const struct va_linear *p);

/* From dy: dx if wanted; and the gradients of the weight, where x is given, and of the bias (a `dbias`
 * in `p` is taken instead), where they are trained. */
void va_dense_backward(const struct va_params *list, int64_t layer,
                       const struct va_linear_grad *p);

#endif
