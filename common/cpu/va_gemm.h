/*
 * va_gemm.h - matrix products of one thread: our own (hot/hot_gemm.c) in float32, oneDNN's for
 * operands in bfloat16.
 *
 * Our own pool cuts products into pieces (base/va_thread.h); a piece is computed on the thread
 * that asks. The order of a sum depends on K alone: not on the other sizes, the layout, the
 * number of threads, or whether vectors have 8 or 16 lanes.
 *
 * A primitive of oneDNN is made once per shape and kept for the life of the process, with its
 * memory descriptors and scratchpad, one set per thread: no lock, and nothing is allocated in
 * the steady state. va_gemm.c is the one file that knows oneDNN; it compiles with 2.x and 3.x.
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
 *   halves  as columns, in 16 bits of bfloat16, where va_gemm_takes_halves(). Give `bf16`, not
 *           transA, and ldc = N: oneDNN has blocked kernels only for C without gaps. Each number
 *           of rows is a primitive
 */
enum { VA_GEMM_PANEL = 16 };
enum va_gemm_layout { VA_GEMM_ROWS, VA_GEMM_COLUMNS, VA_GEMM_PANELS, VA_GEMM_HALVES };

/* C [M, N] = A [M, K] B [K, N], or += with `add`. With `bf16` A is rounded to bfloat16 first, and B
 * must have been; not with transA. */
struct va_gemm {
    int64_t M, N, K;
    int64_t lda; /* elements from row to row of A; of its transpose with transA */
    int64_t ldb;
    int64_t ldc;
    bool transA; /* A[m, k] at k * lda + m */
    bool add;
    enum va_gemm_layout b;
    bool bf16;
};

/*
 * Compute on the calling thread, number `thread` of the pool. Sizes 0 are fine (K = 0 zeroes C
 * unless `add`). Returns 0, or -1 after reporting.
 */
VA_MUST_USE int va_gemm(const struct va_gemm *g, int thread, const float *a, const float *b,
                        float *c);

/* bfloat16 is multiplied by instructions of its own here, and faster: give B in halves. */
bool va_gemm_takes_halves(void);

#endif
