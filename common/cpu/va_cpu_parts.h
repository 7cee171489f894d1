/*
 * va_cpu_parts.h - products of float32 in parts (cpu/va_narrow.h), where AMX makes that the quickest way.
 *
 * Rows of A are brought into parts once, by all threads; a block of the product brings its columns of B there,
 * some rows of B at a time, in the second cache.
 */
#ifndef VA_CPU_PARTS_H
#define VA_CPU_PARTS_H

#include "cpu/va_cpu_cut.h"
#include "cpu/va_cpu_priv.h"

/* A [rows, K] in parts: [DEPTH of K at a time][row]. So a strip of rows that is multiplied lies in one piece. */
struct va_parts {
    int64_t rows, K, ld; /* bytes from row to row */
    uint8_t *a;          /* NULL: products are of float32 as it is */
    int64_t floats;      /* of a, which is the caller's, 64-byte aligned */
    int64_t work;        /* floats of a thread */
};

/* Whether layers with a weight [N, K] multiply in parts: it depends on nothing else, so that a row's result does
 * not depend on how many there are. */
bool va_parts_pay(int64_t N, int64_t K);

/* The layout of rows [rows, K], a multiple of VA_NARROW_ROWS; a is to be set. */
struct va_parts va_parts_of(int64_t rows, int64_t K);

/* Row `row` of A; and rows from there on, as columns of x [K, cols], ld floats from row to row. */
void va_parts_take(const struct va_parts *p, int64_t row, const float *x);
void va_parts_turn(const struct va_parts *p, int64_t row, int64_t cols, const float *x,
                   int64_t ld);

struct va_cut va_cut_parts(int64_t M, int64_t N, int64_t tensors);

/*
 * A block of the product: g->M rows of A from `row` on by g->N columns of B, which lies as g has it. work: p->work floats of the thread, 64-byte aligned.
 */
void va_parts_multiply(const struct va_parts *p, int64_t row, const struct va_gemm *g,
                       const float *b, float *c, float *work);

#endif
