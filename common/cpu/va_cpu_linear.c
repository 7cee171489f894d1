/*
 * Linear layers. A task is a block of rows and columns of the result; its product goes to y
 * itself where that may be, and what the layer adds to it (bias, activation, residual) is done
 * while the block is in the cache. In bf16 and int8 operands are rounded first, all of them, and products are
 * made in scratch (cpu/va_narrow.h).
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

/* Columns of a block of a product with panels. Each block brings its rows into order anew: so they are
 * wide where enough of them are left to share out. */
static int64_t band_columns(int64_t M, int64_t N, int64_t tensors)
{
    enum { NARROW = 512, WIDE = 1024, SHARE = 8 };
    int64_t blocks = tensors * ((M + BAND_ROWS - 1) / BAND_ROWS) * ((N + WIDE - 1) / WIDE);

    return blocks < SHARE * (int64_t)va_threads_count() ? NARROW : WIDE;
}

/* ---- forward ---------------------------------------------------------------------------------- */

struct linear {
    struct va_cpu *cpu;
    const struct va_linear *p;
    const struct va_packed *w;
    struct cut cut;
    bool add;   /* y holds the residual, and the product is added to it */
    bool aside; /* the product is made in scratch */
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
    const float *x = (const float *)p->x + k.tensor * p->stepx + k.m0 * p->ldx;
    float *y = (float *)p->y + k.tensor * p->stepy + k.m0 * p->ldy + k.n0;
    const struct va_gemm g = { .M = k.rows,
                               .N = k.cols,
                               .K = p->K,
                               .lda = p->ldx,
                               .ldb = VA_GEMM_PANEL,
                               .ldc = l->aside ? k.cols : p->ldy,
                               .add = l->add,
                               .b = VA_GEMM_PANELS };
    float *c = l->aside ? va_cpu_scratch(l->cpu, thread) : y;

    if (va_gemm(&g, thread, x, va_packed_at(l->w, 0, k.n0), c) < 0)
        atomic_store(&l->cpu->broken, true);
    else
        finish(l, k.tensor, k.m0, k.rows, k.n0, k.cols, c, g.ldc);
}

/* ---- in bf16 and int8: rows of x are rounded, then multiplied ------------------------------------ */

/* Rows of tensor i begin with row i * rows. */
struct narrow {
    struct linear l;
    int64_t rows, ld; /* of a tensor, a multiple of VA_NARROW_ROWS; bytes from row to row */
    float *scales;    /* [tensors, rows], of 8 bits */
    uint8_t *x;
};

enum { NARROW_BAND = 2 * VA_NARROW_ROWS, NARROW_COLUMNS = 512 };

static void round_rows(void *arg, int64_t task, int thread)
{
    const struct narrow *n = arg;
    const struct va_linear *p = n->l.p;
    int64_t bands = n->rows / VA_NARROW_ROWS, i = task / bands;
    int64_t m0 = task % bands * VA_NARROW_ROWS;

    (void)thread;
    for (int64_t m = m0; m < m0 + VA_NARROW_ROWS && m < p->M; m++) {
        const float *x = (const float *)p->x + i * p->stepx + m * p->ldx;
        uint8_t *to = n->x + (i * n->rows + m) * n->ld;

        if (n->l.w->size == 1)
            n->scales[i * n->rows + m] = va_hot()->bytes_row(p->K, x, to);
        else
            va_hot()->halves_row(p->K, x, to);
    }
}

/* From row to row of a block in scratch: an odd number of cache lines. */
static int64_t gap(int64_t cols)
{
    return (va_round_up(cols, 16) / 16 | 1) * 16;
}

static void narrow_task(void *arg, int64_t task, int thread)
{
    const struct narrow *n = arg;
    const struct va_packed *w = n->l.w;
    struct block b = block_of(&n->l, task);
    int64_t row = b.tensor * n->rows + b.m0;
    float *c = va_cpu_scratch(n->l.cpu, thread);
    struct va_narrow_product product = { .rows = b.rows,
                                         .cols = b.cols,
                                         .lines = va_packed_lines(w),
                                         .taps = 1,
                                         .panel = va_packed_lines(w) * VA_NARROW_TILE,
                                         .x = n->x + row * n->ld,
                                         .ldx = n->ld,
                                         .w = va_packed_narrow(w, 0, b.n0),
                                         .c = c,
                                         .ldc = gap(b.cols) };

    if (w->size == 1) {
        product.scale_x = n->scales + row;
        product.scale_w = va_packed_scales(w) + b.n0;
        product.start = va_packed_starts(w) + b.n0;
        va_hot()->bytes_product(&product);
    } else {
        va_hot()->halves_product(&product);
    }
    finish(&n->l, b.tensor, b.m0, b.rows, b.n0, b.cols, c, product.ldc);
}

static void linear_narrow(struct linear l, int64_t tensors)
{
    const struct va_linear *p = l.p;
    struct narrow n = { .l = l,
                        .rows = va_round_up(p->M, VA_NARROW_ROWS),
                        .ld = va_narrow_ld(va_packed_lines(l.w)) };
    int64_t rows = tensors * n.rows;

    n.l.aside = true;
    n.l.cut = cut_product(p->M, p->N, p->K, NARROW_BAND, NARROW_COLUMNS);
    if (!va_cpu_room(l.cpu, n.l.cut.rows * gap(n.l.cut.cols),
                     va_round_up(rows, 16) + rows * n.ld / 4))
        return;
    n.scales = l.cpu->shared;
    n.x = (uint8_t *)(n.scales + va_round_up(rows, 16));
    va_cpu_run(l.cpu, rows / VA_NARROW_ROWS, round_rows, &n);
    va_cpu_run(l.cpu, tensors * n.l.cut.across * n.l.cut.down, narrow_task, &n);
}

void va_cpu_linear(struct va_backend *be, const struct va_linear *p)
{
    struct linear l = { .cpu = va_cpu(be), .p = p };
    bool same = p->residual && p->residual == p->y && p->stepr == p->stepy;
    int64_t tensors = p->B > 1 ? p->B : 1;

    if (be->failed || p->M < 1)
        return;
    l.w = va_cpu_pack(l.cpu, p->w, va_cpu_linear_way(be), p->K, p->N, 1, 1, p->K);
    if (!l.w)
        return;
    if (l.w->size < 4) {
        linear_narrow(l, tensors);
        return;
    }
    l.cut = cut_product(p->M, p->N, p->K, BAND_ROWS, band_columns(p->M, p->N, tensors));
    l.add = same && p->act == VA_IDENTITY && !p->pre;
    l.aside = same && !l.add;
    if (va_cpu_room(l.cpu, l.aside ? l.cut.rows * l.cut.cols : 0, 0))
        va_cpu_run(l.cpu, tensors * l.cut.across * l.cut.down, linear_task, &l);
}

/* ---- backward --------------------------------------------------------------------------------- */

struct linear_grad {
    struct va_cpu *cpu;
    const struct va_linear_grad *p;
    struct cut cut;
    /* in float32: the product, and its operands */
    struct va_gemm g;
    const float *a, *b; /* b as it lies, in rows */
    float *c;
    float *columns; /* b in panels, `depth` rows each */
    int64_t depth;
    const struct va_packed *w; /* W turned, in bf16 */
    /* operands in bf16: rows `ld` bytes apart; panels */
    uint8_t *rows, *panels;
    int64_t ld;
};

/* Rows and columns of a task. */
static struct block block_of_grad(const struct linear_grad *l, int64_t task, int64_t rows,
                                  int64_t cols)
{
    struct block b = { .m0 = task % l->cut.down * l->cut.rows,
                       .n0 = task / l->cut.down * l->cut.cols };

    b.rows = rows - b.m0 < l->cut.rows ? rows - b.m0 : l->cut.rows;
    b.cols = cols - b.n0 < l->cut.cols ? cols - b.n0 : l->cut.cols;
    return b;
}

/* dx came of a product: times the slope of the activation. */
static void finish_dx(const struct va_linear_grad *p, struct block b)
{
    int64_t at = b.m0 * p->lddx + b.n0;

    for (int64_t m = 0; p->act != VA_IDENTITY && m < b.rows; m++, at += p->lddx)
        va_hot()->unary_grad(p->act, b.cols, (const float *)p->pre + at,
                             (const float *)p->out + at, (const float *)p->dx + at,
                             (float *)p->dx + at);
}

/* ---- backward in float32: columns are brought into panels once, for all blocks -------------------- */

enum { DEALT = 8 * VA_GEMM_PANEL }; /* columns of a task: some cache lines of each row */

static void deal_columns(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    int64_t n0 = task * DEALT, left = l->g.N - n0;

    (void)thread;
    va_hot()->panels(l->g.K, left < DEALT ? left : DEALT, l->g.ldb, l->b + n0,
                     l->columns + n0 * l->depth, VA_GEMM_PANEL * l->depth);
}

static void grad_task(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct block b = block_of_grad(l, task, l->g.M, l->g.N);
    struct va_gemm g = l->g;

    g.M = b.rows;
    g.N = b.cols;
    g.b = VA_GEMM_PANELS;
    if (va_gemm(&g, thread, l->a + (g.transA ? b.m0 : b.m0 * g.lda),
                l->columns + b.n0 * l->depth, l->c + b.m0 * g.ldc + b.n0) < 0)
        atomic_store(&l->cpu->broken, true);
    else if (!g.transA)
        finish_dx(l->p, b);
}

static void multiply_grad(struct linear_grad l)
{
    int64_t N = l.g.N;

    l.depth = va_round_up(l.g.K, 16);
    if (!va_cpu_room(l.cpu, 0, va_round_up(N, VA_GEMM_PANEL) * l.depth))
        return;
    l.columns = l.cpu->shared;
    l.cut = cut_product(l.g.M, N, l.g.K, BAND_ROWS, band_columns(l.g.M, N, 1));
    va_cpu_run(l.cpu, (N + DEALT - 1) / DEALT, deal_columns, &l);
    va_cpu_run(l.cpu, l.cut.across * l.cut.down, grad_task, &l);
}

/* dx = dy W */
static void dx_float(struct linear_grad l)
{
    const struct va_linear_grad *p = l.p;

    l.g = (struct va_gemm){ .M = p->M,
                            .N = p->K,
                            .K = p->N,
                            .lda = p->lddy,
                            .ldb = p->K,
                            .ldc = p->lddx,
                            .add = p->add_dx };
    l.a = p->dy;
    l.b = p->w->data;
    l.c = p->dx;
    multiply_grad(l);
}

/* dW += dy^T x */
static void dw_float(struct linear_grad l)
{
    const struct va_linear_grad *p = l.p;

    l.g = (struct va_gemm){ .M = p->N,
                            .N = p->K,
                            .K = p->M,
                            .lda = p->lddy,
                            .ldb = p->ldx,
                            .ldc = p->K,
                            .transA = true,
                            .add = true };
    l.a = p->dy;
    l.b = p->x;
    l.c = p->dw;
    multiply_grad(l);
}

/* ---- backward in bf16 ---------------------------------------------------------------------------- */

static void round_dy(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct va_linear_grad *p = l->p;
    int64_t m0 = task * VA_NARROW_ROWS;

    (void)thread;
    for (int64_t m = m0; m < m0 + VA_NARROW_ROWS && m < p->M; m++)
        va_hot()->halves_row(p->N, (const float *)p->dy + m * p->lddy, l->rows + m * l->ld);
}

static void dx_narrow_task(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct va_linear_grad *p = l->p;
    struct block b = block_of_grad(l, task, p->M, p->K);

    (void)thread;
    va_hot()->halves_product(
        &(struct va_narrow_product){ .rows = b.rows,
                                     .cols = b.cols,
                                     .lines = va_packed_lines(l->w),
                                     .taps = 1,
                                     .panel = va_packed_lines(l->w) * VA_NARROW_TILE,
                                     .x = l->rows + b.m0 * l->ld,
                                     .ldx = l->ld,
                                     .w = va_packed_narrow(l->w, 0, b.n0),
                                     .c = (float *)p->dx + b.m0 * p->lddx + b.n0,
                                     .ldc = p->lddx,
                                     .add = p->add_dx });
    finish_dx(p, b);
}

static void dx_narrow(struct linear_grad l)
{
    const struct va_linear_grad *p = l.p;

    l.w = va_cpu_pack(l.cpu, p->w, VA_PACK_BF16_BACKWARD, p->N, p->K, 1, p->K, 1);
    l.ld = va_narrow_ld(va_narrow_lines(p->N, 2));
    if (!l.w || !va_cpu_room(l.cpu, 0, va_round_up(p->M, VA_NARROW_ROWS) * l.ld / 4))
        return;
    l.rows = (uint8_t *)l.cpu->shared;
    l.cut = cut_product(p->M, p->K, p->N, NARROW_BAND, NARROW_COLUMNS);
    va_cpu_run(l.cpu, (p->M + VA_NARROW_ROWS - 1) / VA_NARROW_ROWS, round_dy, &l);
    va_cpu_run(l.cpu, l.cut.across * l.cut.down, dx_narrow_task, &l);
}

enum { TURNED = 8 * VA_NARROW_PANEL }; /* columns of a task: some cache lines of each row */

/* Columns of dy as rows, or of x as panels: what is summed over is M. */
static void turn_columns(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct va_linear_grad *p = l->p;
    int64_t panel = va_narrow_lines(p->M, 2) * VA_NARROW_TILE, n0 = task * TURNED;
    int64_t k0 = n0 - va_round_up(p->N, TURNED);

    (void)thread;
    if (n0 < p->N)
        va_hot()->halves_turned(p->M, p->N - n0 < TURNED ? p->N - n0 : TURNED, p->lddy,
                                (const float *)p->dy + n0, l->rows + n0 * l->ld, l->ld);
    else
        va_hot()->halves_rows(p->M, p->K - k0 < TURNED ? p->K - k0 : TURNED, p->ldx,
                              (const float *)p->x + k0,
                              l->panels + k0 / VA_NARROW_PANEL * panel, panel);
}

static void dw_narrow_task(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    const struct va_linear_grad *p = l->p;
    struct block b = block_of_grad(l, task, p->N, p->K);
    int64_t lines = va_narrow_lines(p->M, 2);

    (void)thread;
    va_hot()->halves_product(
        &(struct va_narrow_product){ .rows = b.rows,
                                     .cols = b.cols,
                                     .lines = lines,
                                     .taps = 1,
                                     .panel = lines * VA_NARROW_TILE,
                                     .x = l->rows + b.m0 * l->ld,
                                     .ldx = l->ld,
                                     .w = l->panels + b.n0 * lines * VA_NARROW_LINE,
                                     .c = (float *)p->dw + b.m0 * p->K + b.n0,
                                     .ldc = p->K,
                                     .add = true });
}

static void dw_narrow(struct linear_grad l)
{
    const struct va_linear_grad *p = l.p;
    int64_t lines = va_narrow_lines(p->M, 2),
            panels = (p->K + VA_NARROW_PANEL - 1) / VA_NARROW_PANEL;
    int64_t rows = va_round_up(p->N, VA_NARROW_ROWS);

    l.ld = va_narrow_ld(lines);
    if (!va_cpu_room(l.cpu, 0, (rows * l.ld + panels * lines * VA_NARROW_TILE) / 4))
        return;
    l.rows = (uint8_t *)l.cpu->shared;
    l.panels = l.rows + rows * l.ld;
    l.cut = cut_product(p->N, p->K, p->M, NARROW_BAND, NARROW_COLUMNS);
    va_cpu_run(l.cpu, (p->N + TURNED - 1) / TURNED + (p->K + TURNED - 1) / TURNED, turn_columns,
               &l);
    va_cpu_run(l.cpu, l.cut.across * l.cut.down, dw_narrow_task, &l);
}

/* ---- backward in either ---------------------------------------------------------------------------- */

static void linear_grad(struct va_cpu *cpu, const struct va_linear_grad *p)
{
    struct linear_grad l = { .cpu = cpu, .p = p };
    bool bf16 = cpu->base.precision == VA_BF16_PRODUCTS;

    if (p->M < 1 || !va_cpu_room(l.cpu, 0, 0))
        return;
    if (p->dx && bf16)
        dx_narrow(l);
    else if (p->dx)
        dx_float(l);
    if (p->dw && bf16)
        dw_narrow(l);
    else if (p->dw)
        dw_float(l);
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
