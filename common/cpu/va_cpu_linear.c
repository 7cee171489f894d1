/*
 * Linear layers. A task is a block of rows and columns of the result; its product goes to y
 * itself where that may be, and what the layer adds to it (bias, activation, residual) is done
 * while the block is in the cache. Products in halves (va_gemm.h) that are narrower than y are
 * made in scratch.
 */
#include "cpu/va_cpu_priv.h"
#include <string.h>

/* ---- how a product [M, N] over K is cut: by shape alone -------------------------------------- */

struct cut {
    int64_t rows, cols;   /* of a block */
    int64_t across, down; /* blocks */
};

/* About `GOOD` multiplications a task: enough to hide its start, few enough to share out. */
static struct cut cut_product(int64_t M, int64_t N, int64_t K, bool halves)
{
    enum { GOOD = 1 << 21, UNIT = 64 };
    struct cut c = { .rows = halves ? 96 : 192, .cols = !halves && N > 512 ? 512 : N };

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

static void linear_task(void *arg, int64_t task, int thread)
{
    const struct linear *l = arg;
    const struct va_linear *p = l->p;
    int64_t blocks = l->cut.across * l->cut.down, i = task / blocks;
    int64_t m0 = task % blocks % l->cut.down * l->cut.rows;
    int64_t n0 = task % blocks / l->cut.down * l->cut.cols;
    int64_t end = p->M - m0 < l->cut.rows ? p->M : m0 + l->cut.rows;
    const float *x = (const float *)p->x + i * p->stepx;
    float *y = (float *)p->y + i * p->stepy;
    struct va_gemm g = { .N = p->N - n0 < l->cut.cols ? p->N - n0 : l->cut.cols,
                         .K = p->K,
                         .lda = p->ldx,
                         .ldb = l->w->halves ? p->K : VA_GEMM_PANEL,
                         .add = l->add,
                         .b = l->w->halves ? VA_GEMM_HALVES : VA_GEMM_PANELS,
                         .bf16 = l->bf16 };
    const float *b = va_packed_at(l->w, 0, n0);

    g.ldc = l->aside ? g.N : p->ldy;
    for (int64_t m = m0; m < end; m += g.M) {
        float *c = l->aside ? va_cpu_scratch(l->cpu, thread) : y + m * p->ldy + n0;

        g.M = piece_of(end - m, l->cut.rows, l->w->halves);
        if (va_gemm(&g, thread, x + m * p->ldx, b, c) < 0) {
            atomic_store(&l->cpu->broken, true);
            return;
        }
        finish(l, i, m, g.M, n0, g.N, c, g.ldc);
    }
}

void va_cpu_linear(struct va_backend *be, const struct va_linear *p)
{
    struct linear l = { .cpu = va_cpu(be), .p = p };
    bool same = p->residual && p->residual == p->y && p->stepr == p->stepy;
    int64_t tensors = p->B > 1 ? p->B : 1;

    if (be->failed || p->M < 1)
        return;
    l.bf16 = be->precision == VA_BF16_PRODUCTS;
    l.w = va_cpu_pack(l.cpu, p->w, l.bf16 ? VA_PACK_BF16 : VA_PACK_FORWARD, p->K, p->N, 1, 1,
                      p->K);
    if (!l.w)
        return;
    l.cut = cut_product(p->M, p->N, p->K, l.w->halves);
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
        l.cut = cut_product(p->M, p->K, p->N, false);
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
