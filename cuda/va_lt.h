/*
 * va_lt.h - products in bfloat16 by cuBLASLt.
 *
 * The library is opened at the first product, from the places of cuda/va_find.h. VA_CUDA_BLAS=no in the environment leaves it
 * alone; a path there names it. Where there is none, or it does not do, our own kernels make the products; -v
 * says which it is.
 *
 * Results: an algorithm is chosen once for a shape, by the library's own rules, without any trial; each number is
 *          summed in one piece. So equal inputs give equal bytes on the same kind of GPU with the same library.
 */
#ifndef VA_LT_H
#define VA_LT_H

#include "cuda/va_cuda.h"

/*
 * D[r, n] = sum over k of X[r, k] W[n, k] + bias[n] + C[r, n], for `tensors` tensors of M rows each.
 * X [tensors, M, width] and W [N, width] lie without gaps, and width is a multiple of 8; rows of C and D lie ld
 * apart, their tensors stepc and stepd. C may be D.
 *
 * half: D and the bias are in bfloat16, and there is no C. gelu: what is made is GELU of it, by tanh.
 */
struct va_lt_product {
    int64_t M, N, width, ld, tensors, stepc, stepd;
    const va_bf16 *x, *w;
    const void *bias; /* or NULL */
    const float *c;   /* or NULL */
    void *d;
    bool half, gelu;
};

/* Whether there is a library; the backend may have failed, where there is no memory for it. */
bool va_lt_here(struct va_backend *be);

/* False where the library has nothing for this, and nothing was done. An error fails the backend. */
bool va_lt_multiply(struct va_backend *be, const struct va_lt_product *p);

#endif
