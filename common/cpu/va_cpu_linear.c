/*
 * Linear layers. A task is a block of rows and columns of the result; its product goes to y
 * itself where that may be, and what the layer adds to it (bias, activation, residual) is done
 * while the block is in the cache. Products in halves (va_gemm.h) that are narrower than y are
 * made in scratch.
 */
#include "cpu/va_cpu_priv.h"
#include <string.h>

/* ---- how a product [M, N] over K is cut: its sums do not depend on that ---------------------- */

struct cut {
    int64_t rows, cols;   /* of a block */
    int64_t across, down; /* blocks */
};

/* About `GOOD` multiplications a task: enough to hide its start, few enough to share out. Blocks of
 * `rows` by at most `cols`. */
static struct cut cut_product(int64_t M, int64_t N, int64_t K, int64_t rows, int64_t cols)
{
    enum { GOOD = 1 << 21, UNIT = 64 };
    struct cut c = { .rows = rows, .cols = N > cols ? cols : N };

    while (c.rows < M && c.rows * N * K < GOOD)
        c.rows *= 2;
    if (c.rows >= M) {
        c.rows = M;
        while (c.cols > 2 * UNIT && M * c.cols * K > 2 * GOOD)
            c.cols = va_round_up(c.cols / 2, UNIT);
    }
    c.across = (N + c.cols - 1) / c.cols;
    c.down = (M + c.rows - 1) / c.rows;
    return c;
}

enum { BAND_ROWS = 96 };

/* Columns of a block of a product with panels. Each block brings its rows of x into order anew: so they are
 * wide where enough of them are left to share out. */
static int64_t band_columns(const struct va_linear *p, int64_t tensors)
{
    enum { NARROW = 512, WIDE = 1024, SHARE = 8 };
    int64_t blocks = tensors * ((p->M + BAND_ROWS - 1) / BAND_ROWS) *
                     ((p->N + WIDE - 1) / WIDE);

    return blocks < SHARE * (int64_t)va_threads_count() ? NARROW : WIDE;
}

/* Rows of the next product inside a block: whole blocks, and what is left over in powers of
 * two where every number of rows is another primitive. */
static int64_t piece_of(int64_t left, int64_t whole, bool halves)
{
    int64_t n = 1;

    if (left >= whole || !halves)
        return left < whole ? left : whole;
    while (n * 2 <= left)
        n *= 2;
    return n;
}

/* ---- forward ---------------------------------------------------------------------------------- */

struct linear {
    struct va_cpu *cpu;
    const struct va_linear *p;
    const struct va_packed *w;
    struct cut cut;
    bool add;   /* y holds the residual, and the product is added to it */
    bool aside; /* the product is made in scratch */
    bool bf16;  /* of rounded operands */
};

/* bias, activation and residual for rows of a block of tensor b that lies at c, rows ldc apart */
static void finish(const struct linear *l, int64_t b, int64_t m0, int64_t rows, int64_t n0,
                   int64_t cols, const float *c, int64_t ldc)
{
    const struct va_linear *p = l->p;
    const float *bias = p->bias ? (const float *)p->bias + n0 : NULL;
    const float *residual = l->add || !p->residual ? NULL
                                                   : (const float *)p->residual + b * p->stepr;
    float *y = (float *)p->y + b * p->stepy;

    if (!bias && !residual && p->act == VA_IDENTITY && !l->aside && !p->pre)
        return;
    for (int64_t m = 0; m < rows; m++) {
        int64_t at = (m0 + m) * p->ldy + n0;
        const float *from = c + m * ldc, *add = bias;

        if (p->pre) {
            float *pre = (float *)p->pre + b * p->stepy + at;

            va_hot()->epilogue(VA_IDENTITY, cols, from, bias, NULL, pre);
            from = pre;
            add = NULL;
        }
        va_hot()->epilogue(p->act, cols, from, add, residual ? residual + at : NULL, y + at);
    }
}

/* A task's rows [m0, m0 + rows) and columns [n0, n0 + cols) of a tensor. */
struct block {
    int64_t tensor, m0, rows, n0, cols;
};

static struct block block_of(const struct linear *l, int64_t task)
{
    int64_t blocks = l->cut.across * l->cut.down;
    struct block b = { .tensor = task / blocks,
                       .m0 = task % blocks % l->cut.down * l->cut.rows,
                       .n0 = task % blocks / l->cut.down * l->cut.cols };

    b.rows = l->p->M - b.m0 < l->cut.rows ? l->p->M - b.m0 : l->cut.rows;
    b.cols = l->p->N - b.n0 < l->cut.cols ? l->p->N - b.n0 : l->cut.cols;
    return b;
}

static void linear_task(void *arg, int64_t task, int thread)
{
    const struct linear *l = arg;
    const struct va_linear *p = l->p;
    const struct block k = block_of(l, task);
    const int64_t end = k.m0 + k.rows, n0 = k.n0;
    const float *x = (const float *)p->x + k.tensor * p->stepx;
    float *y = (float *)p->y + k.tensor * p->stepy;
    struct va_gemm g = { .N = k.cols,
                         .K = p->K,
                         .lda = p->ldx,
                         .ldb = l->w->halves ? p->K : VA_GEMM_PANEL,
                         .add = l->add,
                         .b = l->w->halves ? VA_GEMM_HALVES : VA_GEMM_PANELS,
                         .bf16 = l->bf16 };
    const float *b = va_packed_at(l->w, 0, n0);

    g.ldc = l->aside ? g.N : p->ldy;
    for (int64_t m = k.m0; m < end; m += g.M) {
        float *c = l->aside ? va_cpu_scratch(l->cpu, thread) : y + m * p->ldy + n0;

        g.M = piece_of(end - m, l->cut.rows, l->w->halves);
        if (va_gemm(&g, thread, x + m * p->ldx, b, c) < 0) {
            atomic_store(&l->cpu->broken, true);
            return;
        }
        finish(l, k.tensor, m, g.M, n0, g.N, c, g.ldc);
    }
}

/* ---- in int8: rows of x are rounded, then multiplied --------------------------------------------- */

/* Rows of tensor i begin with tile i * tiles. */
struct rounded {
    struct linear l;
    int64_t tiles;
    float *scales; /* [tensors, tiles, VA_BYTES_ROWS] */
    uint8_t *x;
};

static void round_tile(void *arg, int64_t task, int thread)
{
    const struct rounded *r = arg;
    const struct va_linear *p = r->l.p;
    int64_t i = task / r->tiles, m0 = task % r->tiles * VA_BYTES_ROWS, depth = r->l.w->depth;
    const float *x = (const float *)p->x + i * p->stepx;

    (void)thread;
    for (int64_t m = 0; m < VA_BYTES_ROWS && m0 + m < p->M; m++)
        r->scales[task * VA_BYTES_ROWS + m] = va_hot()->to_bytes(
            p->K, x + (m0 + m) * p->ldx, VA_BYTES_ZERO, 4 * VA_BYTES_ROWS,
            r->x + task * VA_BYTES_ROWS * depth + 4 * m);
}

static void bytes_task(void *arg, int64_t task, int thread)
{
    const struct rounded *r = arg;
    const struct va_packed *w = r->l.w;
    struct block b = block_of(&r->l, task);
    int64_t row = b.tensor * r->tiles * VA_BYTES_ROWS + b.m0;
    float *c = va_cpu_scratch(r->l.cpu, thread);

    va_hot()->bytes_product(&(struct va_bytes_product){ .rows = b.rows,
                                                        .cols = b.cols,
                                                        .groups = w->depth / 4,
                                                        .x = r->x + row * w->depth,
                                                        .scale_x = r->scales + row,
                                                        .w = va_packed_bytes(w, b.n0),
                                                        .start = va_packed_starts(w) + b.n0,
                                                        .scale_w = va_packed_scales(w) + b.n0,
                                                        .c = c,
                                                        .ldc = b.cols });
    finish(&r->l, b.tensor, b.m0, b.rows, b.n0, b.cols, c, b.cols);
}

static void linear_bytes(struct linear l, int64_t tensors)
{
    const struct va_linear *p = l.p;
    struct rounded r = { .l = l, .tiles = (p->M + VA_BYTES_ROWS - 1) / VA_BYTES_ROWS };
    int64_t rows = tensors * r.tiles * VA_BYTES_ROWS;

    r.l.aside = true;
    r.l.cut = cut_product(p->M, p->N, p->K, 8 * VA_BYTES_ROWS, 512);
    if (!va_cpu_room(l.cpu, r.l.cut.rows * r.l.cut.cols, rows * (1 + l.w->depth / 4)))
        return;
    r.scales = l.cpu->shared;
    r.x = (uint8_t *)(r.scales + rows);
    va_cpu_run(l.cpu, tensors * r.tiles, round_tile, &r);
    va_cpu_run(l.cpu, tensors * r.l.cut.across * r.l.cut.down, bytes_task, &r);
}

void va_cpu_linear(struct va_backend *be, const struct va_linear *p)
{
    struct linear l = { .cpu = va_cpu(be), .p = p };
    bool same = p->residual && p->residual == p->y && p->stepr == p->stepy;
    int64_t tensors = p->B > 1 ? p->B : 1;

    if (be->failed || p->M < 1)
        return;
    l.bf16 = be->precision == VA_BF16_PRODUCTS;
    l.w = va_cpu_pack(l.cpu, p->w, va_cpu_linear_way(be), p->K, p->N, 1, 1, p->K);
    if (!l.w)
        return;
    if (l.w->bytes) {
        linear_bytes(l, tensors);
        return;
    }
    l.cut = cut_product(p->M, p->N, p->K, BAND_ROWS,
                        l.w->halves ? p->N : band_columns(p, tensors));
    l.aside = l.w->halves && (l.cut.cols < p->N || p->ldy != p->N);
    l.add = same && p->act == VA_IDENTITY && !l.aside;
    l.aside = l.aside || (same && !l.add);
    if (va_cpu_room(l.cpu, l.aside ? l.cut.rows * l.cut.cols : 0, 0))
        va_cpu_run(l.cpu, tensors * l.cut.across * l.cut.down, linear_task, &l);
}

/* ---- backward --------------------------------------------------------------------------------- */

struct linear_grad {
    struct va_cpu *cpu;
    const struct va_linear_grad *p;
    struct cut cut;
};

/* dx = dy W: W as it lies is B in rows. */
static void dx_task(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct va_linear_grad *p = l->p;
    int64_t m0 = task % l->cut.down * l->cut.rows, k0 = task / l->cut.down * l->cut.cols;
    struct va_gemm g = { .M = p->M - m0 < l->cut.rows ? p->M - m0 : l->cut.rows,
                         .N = p->K - k0 < l->cut.cols ? p->K - k0 : l->cut.cols,
                         .K = p->N,
                         .lda = p->lddy,
                         .ldb = p->K,
                         .ldc = p->lddx,
                         .add = p->add_dx,
                         .b = VA_GEMM_ROWS };

    int64_t at = m0 * p->lddx + k0;

    if (va_gemm(&g, thread, (const float *)p->dy + m0 * p->lddy, (const float *)p->w->data + k0,
                (float *)p->dx + at) < 0)
        atomic_store(&l->cpu->broken, true);
    for (int64_t m = 0; p->act != VA_IDENTITY && m < g.M; m++, at += p->lddx)
        va_hot()->unary_grad(p->act, g.N, (const float *)p->pre + at,
                             (const float *)p->out + at, (const float *)p->dx + at,
                             (float *)p->dx + at);
}

/* dW += dy^T x: blocks of dW, each over all of M in one product. */
static void dw_task(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct va_linear_grad *p = l->p;
    int64_t n0 = task % l->cut.down * l->cut.rows, k0 = task / l->cut.down * l->cut.cols;
    struct va_gemm g = { .M = p->N - n0 < l->cut.rows ? p->N - n0 : l->cut.rows,
                         .N = p->K - k0 < l->cut.cols ? p->K - k0 : l->cut.cols,
                         .K = p->M,
                         .lda = p->lddy,
                         .ldb = p->ldx,
                         .ldc = p->K,
                         .transA = true,
                         .add = true,
                         .b = VA_GEMM_ROWS };

    if (va_gemm(&g, thread, (const float *)p->dy + n0, (const float *)p->x + k0,
                (float *)p->dw + n0 * p->K + k0) < 0)
        atomic_store(&l->cpu->broken, true);
}

static struct cut cut_weights(int64_t N, int64_t K)
{
    struct cut c = { .rows = 128, .cols = 1024 };

    while (c.rows > 16 && (N + c.rows - 1) / c.rows < 4)
        c.rows /= 2;
    c.across = (K + c.cols - 1) / c.cols;
    c.down = (N + c.rows - 1) / c.rows;
    return c;
}

static void linear_grad(struct va_cpu *cpu, const struct va_linear_grad *p)
{
    struct linear_grad l = { .cpu = cpu, .p = p };

    if (p->M < 1 || !va_cpu_room(l.cpu, 0, 0))
        return;
    if (p->dx) {
        l.cut = cut_product(p->M, p->K, p->N, 192, 512);
        va_cpu_run(l.cpu, l.cut.across * l.cut.down, dx_task, &l);
    }
    if (p->dw) {
        l.cut = cut_weights(p->N, p->K);
        va_cpu_run(l.cpu, l.cut.across * l.cut.down, dw_task, &l);
    }
    if (p->dbias)
        va_cpu_add_columns(l.cpu, p->M, p->N, p->lddy, p->dy, p->dbias);
}

/* One after the other, as their sums go to the same gradients. */
void va_cpu_linear_grad(struct va_backend *be, const struct va_linear_grad *p)
{
    linear_grad(va_cpu(be), p);
    for (int64_t i = 1; i < p->B; i++) {
        struct va_linear_grad next = *p;

        next.dy = va_at(be, p->dy, i * p->stepdy);
        next.x = p->x ? va_at(be, p->x, i * p->stepx) : NULL;
        next.dx = p->dx ? va_at(be, p->dx, i * p->stepdx) : NULL;
        next.pre = p->pre ? va_at(be, p->pre, i * p->stepdx) : NULL;
        next.out = p->out ? va_at(be, p->out, i * p->stepdx) : NULL;
        linear_grad(va_cpu(be), &next);
    }
}

/* ---- sums of columns: partial sums of fixed runs of rows, added in order ----------------------- */

enum { RUN = 512, BAND = 256 }; /* rows and columns of a task */

struct columns {
    int64_t rows, cols, ld, bands;
    const float *x;
    double *sums; /* [runs, cols] */
};

static void columns_task(void *arg, int64_t task, int thread)
{
    const struct columns *s = arg;
    int64_t run = task / s->bands, r0 = run * RUN, c0 = task % s->bands * BAND;
    int64_t cols = s->cols - c0 < BAND ? s->cols - c0 : BAND;
    double *sum = s->sums + run * s->cols + c0;

    (void)thread;
    memset(sum, 0, (size_t)cols * sizeof(*sum));
    va_hot()->column_sums(s->rows - r0 < RUN ? s->rows - r0 : RUN, cols, s->ld,
                          s->x + r0 * s->ld + c0, sum);
}

void va_cpu_add_columns(struct va_cpu *cpu, int64_t rows, int64_t cols, int64_t ld,
                        const float *x, float *sum)
{
    int64_t runs = (rows + RUN - 1) / RUN;
    struct columns s = { rows, cols, ld, (cols + BAND - 1) / BAND, x, NULL };

    if (!va_cpu_room(cpu, 0, 2 * runs * cols))
        return;
    s.sums = (double *)(void *)cpu->shared;
    va_cpu_run(cpu, runs * s.bands, columns_task, &s);
    for (int64_t c = 0; c < cols; c++) {
        double total = 0;

        for (int64_t r = 0; r < runs; r++)
            total += s.sums[r * cols + c];
        sum[c] = (float)(sum[c] + total);
    }
}
