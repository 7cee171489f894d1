#include "cpu/va_cpu_parts.h"

enum {
    DEPTH =
        VA_NARROW_STRETCH, /* rows of B in parts at a time, a multiple of what a line holds */
    COLUMNS = 256          /* of a block */
};
_Static_assert(DEPTH % (VA_NARROW_LINE / 2) == 0, "lines are cut evenly");

static int64_t bytes_of_columns(int64_t cols, int64_t depth)
{
    return va_round_up(cols, VA_NARROW_PANEL) * va_narrow_lines_of_parts(depth) *
           VA_NARROW_LINE;
}

/* What is far below takes longer to bring into order than to multiply; and the models of the demo, whose widest
 * side is 192, give the same bytes on processors with AMX and without. */
bool va_parts_pay(int64_t N, int64_t K)
{
    enum { SIDE = 256 };

    return va_cpu_in_parts() && N >= SIDE && K >= SIDE;
}

struct va_parts va_parts_of(int64_t rows, int64_t K)
{
    int64_t depth = K < DEPTH ? K : DEPTH;
    int64_t ld = va_narrow_ld(va_narrow_lines_of_parts(depth));

    return (struct va_parts){ .rows = rows,
                              .K = K,
                              .ld = ld,
                              .floats = (K + DEPTH - 1) / DEPTH * rows * ld / 4,
                              .work = bytes_of_columns(COLUMNS, depth) / 4 };
}

static uint8_t *rows_at(const struct va_parts *p, int64_t k0, int64_t row)
{
    return p->a + (k0 / DEPTH * p->rows + row) * p->ld;
}

static int64_t depth_at(const struct va_parts *p, int64_t k0)
{
    return p->K - k0 < DEPTH ? p->K - k0 : DEPTH;
}

void va_parts_take(const struct va_parts *p, int64_t row, const float *x)
{
    for (int64_t k0 = 0; k0 < p->K; k0 += DEPTH)
        va_hot()->parts_row(depth_at(p, k0), x + k0, rows_at(p, k0, row));
}

void va_parts_turn(const struct va_parts *p, int64_t row, int64_t cols, const float *x,
                   int64_t ld)
{
    for (int64_t k0 = 0; k0 < p->K; k0 += DEPTH)
        va_hot()->parts_turned(depth_at(p, k0), cols, ld, x + k0 * ld, rows_at(p, k0, row),
                               p->ld);
}

/* Blocks as high as leaves some for each thread. */
struct va_cut va_cut_parts(int64_t M, int64_t N, int64_t tensors)
{
    enum { MOST = 1024, LEAST = 192, SHARE = 4 };
    struct va_cut c = { .M = M, .N = N, .cols = N < COLUMNS ? N : COLUMNS };

    c.across = (N + COLUMNS - 1) / COLUMNS;
    c.down = (M + MOST - 1) / MOST;
    while (tensors * c.across * c.down < SHARE * (int64_t)va_threads_count() &&
           M / (c.down + 1) >= LEAST)
        c.down++;
    c.rows = va_round_up((M + c.down - 1) / c.down, 2 * VA_NARROW_ROWS); /* whole tiles */
    c.down = (M + c.rows - 1) / c.rows;
    return c;
}

/* Rows [k0, k0 + depth) of B, the columns of a block. */
static void take_columns(const struct va_gemm *g, const float *b, int64_t k0, int64_t depth,
                         uint8_t *panels, int64_t step)
{
    int64_t whole = va_round_up(g->K, 16) * VA_GEMM_PANEL, left = g->N;

    if (g->b == VA_GEMM_ROWS) {
        va_hot()->parts_rows(depth, g->N, g->ldb, b + k0 * g->ldb, panels, step);
        return;
    }
    for (; left > 0; left -= VA_GEMM_PANEL, panels += step)
        if (g->b == VA_GEMM_PANELS) {
            va_hot()->parts_rows(depth, VA_GEMM_PANEL, VA_GEMM_PANEL, b + k0 * VA_GEMM_PANEL,
                                 panels, 0);
            b += whole;
        } else {
            va_hot()->parts_columns(depth, left < VA_GEMM_PANEL ? left : VA_GEMM_PANEL, g->ldb,
                                    b + k0, panels);
            b += VA_GEMM_PANEL * g->ldb;
        }
}

void va_parts_multiply(const struct va_parts *p, int64_t row, const struct va_gemm *g,
                       const float *b, float *c, float *work)
{
    for (int64_t k0 = 0; k0 < p->K; k0 += DEPTH) {
        const int64_t depth = depth_at(p, k0);
        const struct va_narrow_product product = { .rows = g->M,
                                                   .cols = g->N,
                                                   .lines = va_narrow_lines(depth, 2),
                                                   .taps = 1,
                                                   .in_parts = true,
                                                   .x = rows_at(p, k0, row),
                                                   .ldx = p->ld,
                                                   .w = (uint8_t *)work,
                                                   .panel = bytes_of_columns(1, depth),
                                                   .c = c,
                                                   .ldc = g->ldc,
                                                   .add = g->add || k0 > 0 };

        take_columns(g, b, k0, depth, (uint8_t *)work, product.panel);
        va_hot()->halves_product(&product);
    }
}
