/*
 * Gradients of linear layers: one product for the input's, one for the weight's, sums of columns for
 * the bias's.
 */
#include "cpu/va_cpu_parts.h"
#include <string.h>

/* ---- backward --------------------------------------------------------------------------------- */

struct linear_grad {
    struct va_cpu *cpu;
    const struct va_linear_grad *p;
    struct va_cut cut;
    /* in float32: the product, and its operands */
    struct va_gemm g;
    const float *a, *b; /* b as it lies, in rows */
    float *c;
    float *columns; /* b in panels, `depth` rows each */
    int64_t depth;
    struct va_parts parts;     /* of a, where the product is of parts */
    const struct va_packed *w; /* W turned, in bf16 */
    /* operands in bf16: rows `ld` bytes apart; panels */
    uint8_t *rows, *panels;
    int64_t ld;
};

/* dx came of a product: times the slope of the activation. */
static void finish_dx(const struct va_linear_grad *p, struct va_block b)
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
    const struct va_block b = va_cut_block(&l->cut, task);
    struct va_gemm g = l->g;
    float *c = l->c + b.m0 * g.ldc + b.n0;

    g.M = b.rows;
    g.N = b.cols;
    if (l->parts.a) {
        va_parts_multiply(&l->parts, b.m0, &g, l->b + b.n0, c, va_cpu_scratch(l->cpu, thread));
    } else {
        g.b = VA_GEMM_PANELS;
        if (va_gemm(&g, l->a + (g.transA ? b.m0 : b.m0 * g.lda), l->columns + b.n0 * l->depth,
                    c) < 0)
            atomic_store(&l->cpu->broken, true);
    }
    if (!g.transA)
        finish_dx(l->p, b);
}

enum { PARTED = 96 }; /* rows of a task: some cache lines, where they lie turned */

static void part_rows(void *arg, int64_t task, int thread)
{
    const struct linear_grad *l = arg;
    int64_t m0 = task * PARTED, rows = l->g.M - m0 < PARTED ? l->g.M - m0 : PARTED;

    (void)thread;
    if (l->g.transA)
        va_parts_turn(&l->parts, m0, rows, l->a + m0, l->g.lda);
    for (int64_t m = 0; !l->g.transA && m < rows; m++)
        va_parts_take(&l->parts, m0 + m, l->a + (m0 + m) * l->g.lda);
}

static void multiply_parts(struct linear_grad l)
{
    l.parts = va_parts_of(va_round_up(l.g.M, VA_NARROW_ROWS), l.g.K);
    if (!va_cpu_room(l.cpu, l.parts.work, l.parts.floats))
        return;
    l.parts.a = (uint8_t *)l.cpu->shared;
    l.cut = va_cut_parts(l.g.M, l.g.N, 1);
    va_cpu_run(l.cpu, (l.g.M + PARTED - 1) / PARTED, part_rows, &l);
    va_cpu_run(l.cpu, l.cut.across * l.cut.down, grad_task, &l);
}

static void multiply_grad(struct linear_grad l)
{
    int64_t N = l.g.N;

    if (va_parts_pay(l.p->N, l.p->K)) {
        multiply_parts(l);
        return;
    }
    l.depth = va_round_up(l.g.K, 16);
    if (!va_cpu_room(l.cpu, 0, va_round_up(N, VA_GEMM_PANEL) * l.depth))
        return;
    l.columns = l.cpu->shared;
    l.cut = va_cut_product(l.g.M, N, l.g.K, VA_CUT_ROWS, va_cut_columns(l.g.M, N, 1));
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
    struct va_block b = va_cut_block(&l->cut, task);

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
    l.cut = va_cut_product(p->M, p->K, p->N, VA_NARROW_BAND, VA_NARROW_COLUMNS);
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
    struct va_block b = va_cut_block(&l->cut, task);
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
    l.cut = va_cut_product(p->N, p->K, p->M, VA_NARROW_BAND, VA_NARROW_COLUMNS);
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
