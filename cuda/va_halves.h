/*
 * va_halves.h - operations whose activations are in bfloat16 in memory: what a block of a transformer consists of
 * where no backward pass follows (cuda/va_transformer.cc). Sums, softmax and norms are in float32.
 *
 * Rows lie without gaps, and their lengths are multiples of 8, so that each begins at 16 bytes. Products round to
 * bfloat16 what they read, so these give what the operations with activations in float32 give, byte for byte.
 */
#ifndef VA_HALVES_H
#define VA_HALVES_H

#include "cuda/va_cuda.h"

enum { VA_HALVES_HEAD = 128 }; /* numbers of a head, at most */

/* What a linear layer makes. */
enum va_halves_to { VA_TO_F32, VA_TO_BF16 };

/* y is in bfloat16, x in float32. */
void va_cuda_norm_halves(struct va_backend *be, const struct va_norm *p);

/* x is in bfloat16, and y as `to` says; bias and residual are in float32. One tensor, no `pre`; to bfloat16
 * no residual. By cuBLASLt GELU is its approximation by tanh (ops/va_ops.h). */
void va_cuda_linear_halves(struct va_backend *be, const struct va_linear *p, va_halves_to to);
/* Its part that is cuBLASLt's; false where that does not do it, and nothing was done. */
bool va_cuda_halves_lt(struct va_backend *be, const struct va_linear *p, va_halves_to to);

/* q, k, v and y are in bfloat16; no log-sums. */
void va_cuda_attention_halves(struct va_backend *be, const struct va_attention *p);

#endif
