/*
 * va_weight_grad.h - what gradients of weights have in common: their sums go over all frames, in a fixed order,
 * and are added to what is there.
 */
#ifndef VA_WEIGHT_GRAD_H
#define VA_WEIGHT_GRAD_H

#include "cuda/va_operands.h"

/* sum[n] += the sum of column n of `count` rows of N numbers. */
void va_cuda_add_columns(struct va_backend *be, va_rows rows, int64_t count, int64_t N,
                         float *sum);

/* dw [size, taps] += the sum over parts [parts, taps, size]. */
void va_cuda_add_parts(int64_t size, int64_t taps, int64_t parts, const float *from, float *dw);

/* dw [M, N, taps] += product t of A and B for each tap t (slice). False after reporting. */
template <class A, class B>
static inline bool va_cuda_weight_grad(struct va_backend *be, const A &a, const B &b,
                                       va_product p, float *dw)
{
    float *sums;

    p.parts = va_product_parts(p, VA_DEPTH);
    sums = (float *)va_cuda_room(be, (size_t)(p.parts * p.slices * p.M * p.N) * sizeof(float));
    if (!sums)
        return false;
    va_product_launch<va_f32_terms>(a, b, va_keep_sums{ sums, p.M, p.N }, p);
    va_cuda_add_parts(p.M * p.N, p.slices, p.parts, sums, dw);
    return true;
}

#endif
