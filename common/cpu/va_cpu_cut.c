#include "cpu/va_cpu_cut.h"

#include "base/va_thread.h"

/* About GOOD multiplications a task: enough to hide its start, few enough to share out. */
struct va_cut va_cut_product(int64_t M, int64_t N, int64_t K, int64_t rows, int64_t cols)
{
    enum { GOOD = 1 << 21, UNIT = 64 };
    struct va_cut c = { .M = M, .N = N, .rows = rows, .cols = N > cols ? cols : N };

    while (c.rows < M && c.rows * N * K < GOOD)
        c.rows *= 2;
    if (c.rows >= M) {
        c.rows = M;
        while (c.cols > 2 * UNIT && M * c.cols * K > 2 * GOOD)
            c.cols = (c.cols / 2 + UNIT - 1) / UNIT * UNIT;
    }
    c.across = (N + c.cols - 1) / c.cols;
    c.down = (M + c.rows - 1) / c.rows;
    return c;
}

struct va_block va_cut_block(const struct va_cut *c, int64_t task)
{
    int64_t blocks = c->across * c->down;
    struct va_block b = { .tensor = task / blocks,
                          .m0 = task % blocks % c->down * c->rows,
                          .n0 = task % blocks / c->down * c->cols };

    b.rows = c->M - b.m0 < c->rows ? c->M - b.m0 : c->rows;
    b.cols = c->N - b.n0 < c->cols ? c->N - b.n0 : c->cols;
    return b;
}

/* Each block brings its rows into order anew: so blocks are wide where enough of them are left to share out. */
int64_t va_cut_columns(int64_t M, int64_t N, int64_t tensors)
{
    enum { NARROW = 512, WIDE = 1024, SHARE = 8 };
    int64_t blocks = tensors * ((M + VA_CUT_ROWS - 1) / VA_CUT_ROWS) * ((N + WIDE - 1) / WIDE);

    return blocks < SHARE * (int64_t)va_threads_count() ? NARROW : WIDE;
}
