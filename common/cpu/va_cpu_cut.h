/*
 * va_cpu_cut.h - how products are cut into blocks, one a task. Their sums do not depend on that.
 */
#ifndef VA_CPU_CUT_H
#define VA_CPU_CUT_H

#include <stdint.h>

/* A product [M, N] of each tensor in blocks of rows and columns. */
struct va_cut {
    int64_t M, N;
    int64_t rows, cols;   /* of a block */
    int64_t across, down; /* blocks of a tensor */
};

/* A task's rows [m0, m0 + rows) and columns [n0, n0 + cols) of a tensor. */
struct va_block {
    int64_t tensor, m0, rows, n0, cols;
};

/* Blocks of `rows`, or more, by at most `cols`, of sums over K. */
struct va_cut va_cut_product(int64_t M, int64_t N, int64_t K, int64_t rows, int64_t cols);

struct va_block va_cut_block(const struct va_cut *c, int64_t task);

/* Products in float32: rows of a block, and its columns. */
enum { VA_CUT_ROWS = 96 };
int64_t va_cut_columns(int64_t M, int64_t N, int64_t tensors);

/* The same of narrow numbers (va_narrow.h). */
enum { VA_NARROW_BAND = 96, VA_NARROW_COLUMNS = 512 };

#endif
