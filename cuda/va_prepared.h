/*
 * va_prepared.h - rows of numbers in fewer bits, as products take them: weights, once, and x at each use.
 *
 * bfloat16: rows of K numbers and zeros up to a multiple of 8, so that every row begins at 16 bytes.
 * int8:     the same to a multiple of 16, and a scale for each row (ops/va_ops.h, INT8).
 */
#ifndef VA_PREPARED_H
#define VA_PREPARED_H

#include "cuda/va_cuda.h"

/* Rows of B tensors of M rows each, `ld` apart, the tensors `step` apart: row r of all of them. */
struct va_rows {
    const float *x;
    int64_t M, ld, step;
};

static __device__ __forceinline__ int64_t va_row_begin(const va_rows &p, int64_t r)
{
    int64_t i = 0;

    if (r >= p.M) { /* few launches have more than one tensor */
        i = r / p.M;
        r -= i * p.M;
    }
    return i * p.step + r * p.ld;
}

enum { VA_BYTES_MOST = 1 << 17 }; /* inputs of a layer in int8: their sum fits */

static inline int64_t va_half_width(int64_t K) /* numbers of a row in bfloat16 */
{
    return (K + 7) / 8 * 8;
}

static inline int64_t va_bytes_width(int64_t K) /* numbers of a row in int8 */
{
    return (K + 15) / 16 * 16;
}

/* `count` rows of K numbers, to [count, va_half_width(K)], or to [count, va_bytes_width(K)] with scales
 * [count]. */
void va_cuda_round_half(va_rows from, int64_t count, int64_t K, va_bf16 *to);
void va_cuda_round_bytes(va_rows from, int64_t count, int64_t K, int8_t *to, float *scales);

/* Those of a weight [N, K], up to date; NULL after reporting. */
const va_bf16 *va_cuda_half(struct va_backend *be, struct va_weight *w, int64_t N, int64_t K);
const va_bf16 *va_cuda_half_taps(
    struct va_backend *be, struct va_weight *w, int64_t N, int64_t K,
    int64_t taps); /* [N, K, taps] as [taps, N, va_half_width(K)] */
const va_bf16 *va_cuda_half_spectra(struct va_backend *be, struct va_weight *w, int64_t N,
                                    int64_t K, int64_t taps); /* va_spectral.h */
const int8_t *va_cuda_bytes(struct va_backend *be, struct va_weight *w, int64_t N, int64_t K,
                            const float **scales);

#endif
