/*
 * va_gemm.h - matrix products of one thread in float32 (hot/hot_gemm.c).
 *
 * Our own pool cuts products into pieces (base/va_thread.h); a piece is computed on the thread
 * that asks. The order of a sum depends on K alone: not on the other sizes, the layout, the
 * number of threads, or whether vectors have 8 or 16 lanes.
 */
#ifndef VA_GEMM_H
#define VA_GEMM_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * How a matrix B [K, N] lies:
 *   rows    B[k, n] at k * ldb + n
 *   columns B[k, n] at n * ldb + k       (the transpose of a row-major [N, K])
 *   panels  blocks of VA_GEMM_PANEL columns, each [K rounded up to 16, VA_GEMM_PANEL],
 *           zero-filled: the quickest
 */
enum { VA_GEMM_PANEL = 16 };
enum va_gemm_layout { VA_GEMM_ROWS, VA_GEMM_COLUMNS, VA_GEMM_PANELS };

/* C [M, N] = A [M, K] B [K, N], or += with `add`. */
struct va_gemm {
    int64_t M, N, K;
    int64_t lda; /* elements from row to row of A; of its transpose with transA */
    int64_t ldb;
    int64_t ldc;
    bool transA; /* A[m, k] at k * lda + m */
    bool add;
    enum va_gemm_layout b;
};

/*
 * Compute on the calling thread. Sizes 0 are fine (K = 0 zeroes C unless `add`). Returns 0, or -1 after
 * reporting.
 */
VA_MUST_USE int va_gemm(const struct va_gemm *g, const float *a, const float *b, float *c);

#endif
