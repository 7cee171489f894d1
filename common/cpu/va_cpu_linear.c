/*
 * Linear layers. A task is a block of rows and columns of the result; its product goes to y
 * itself where that may be, and what the layer adds to it (bias, activation, residual) is done
 * while the block is in the cache. In bf16 and int8 operands are rounded first, all of them, and products are
 * made in scratch (cpu/va_narrow.h).
 */
#include "cpu/va_cpu_parts.h"

/* ---- forward ---------------------------------------------------------------------------------- */

struct linear {
    struct va_cpu *cpu;
    const struct va_linear *p;
    const struct va_packed *w; /* NULL: products in parts take it as it is, [N, K] */
    struct va_cut cut;
    struct va_parts parts; /* of x, where the product is of parts */
    int64_t each;          /* its rows of a tensor */
    bool add;              /* y holds the residual, and the product is added to it */
    bool aside;            /* the product is made in scratch */
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
    const struct va_block k = va_cut_block(&l->cut, task);
    const float *x = (const float *)p->x + k.tensor * p->stepx + k.m0 * p->ldx;
    float *y = (float *)p->y + k.tensor * p->stepy + k.m0 * p->ldy + k.n0;
    const struct va_gemm g = { .M = k.rows,
                               .N = k.cols,
                               .K = p->K,
                               .lda = p->ldx,
                               .ldb = l->w ? VA_GEMM_PANEL : p->K,
                               .ldc = l->aside ? k.cols : p->ldy,
                               .add = l->add,
                               .b = l->w ? VA_GEMM_PANELS : VA_GEMM_COLUMNS };
    float *work = va_cpu_scratch(l->cpu, thread), *c = l->aside ? work + l->parts.work : y;
    const float *w = l->w ? va_packed_at(l->w, 0, k.n0)
                          : (const float *)p->w->data + k.n0 * p->K;

    if (l->parts.a)
        va_parts_multiply(&l->parts, k.tensor * l->each + k.m0, &g, w, c, work);
    else if (va_gemm(&g, x, w, c) < 0)
        atomic_store(&l->cpu->broken, true);
    finish(l, k.tensor, k.m0, k.rows, k.n0, k.cols, c, g.ldc);
}

/* Rows of x in parts; those of tensor i begin with row i * `each`. */
static void part_rows(void *arg, int64_t task, int thread)
{
    const struct linear *l = arg;
    const struct va_linear *p = l->p;
    int64_t bands = l->each / VA_NARROW_ROWS, i = task / bands;
    int64_t m0 = task % bands * VA_NARROW_ROWS;

    (void)thread;
    for (int64_t m = m0; m < m0 + VA_NARROW_ROWS && m < p->M; m++)
        va_parts_take(&l->parts, i * l->each + m,
                      (const float *)p->x + i * p->stepx + m * p->ldx);
}

static void linear_float(struct linear l, int64_t tensors)
{
    const struct va_linear *p = l.p;
    bool same = p->residual && p->residual == p->y && p->stepr == p->stepy;

    l.cut = va_cut_product(p->M, p->N, p->K, VA_CUT_ROWS, va_cut_columns(p->M, p->N, tensors));
    if (va_parts_pay(p->N, p->K)) {
        l.each = va_round_up(p->M, VA_NARROW_ROWS);
        l.parts = va_parts_of(tensors * l.each, p->K);
        l.cut = va_cut_parts(p->M, p->N, tensors);
    }
    l.add = same && p->act == VA_IDENTITY && !p->pre;
    l.aside = same && !l.add;
    if (!va_cpu_room(l.cpu, l.parts.work + (l.aside ? l.cut.rows * l.cut.cols : 0),
                     l.parts.floats))
        return;
    if (l.parts.floats) {
        l.parts.a = (uint8_t *)l.cpu->shared;
        va_cpu_run(l.cpu, l.parts.rows / VA_NARROW_ROWS, part_rows, &l);
    }
    va_cpu_run(l.cpu, tensors * l.cut.across * l.cut.down, linear_task, &l);
}

/* ---- in bf16 and int8: rows of x are rounded, then multiplied ------------------------------------ */

/* Rows of tensor i begin with row i * rows. */
struct narrow {
    struct linear l;
    int64_t rows, ld; /* of a tensor, a multiple of VA_NARROW_ROWS; bytes from row to row */
    float *scales;    /* [tensors, rows], of 8 bits */
    uint8_t *x;
};

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
    struct va_block b = va_cut_block(&n->l.cut, task);
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
    n.l.cut = va_cut_product(p->M, p->N, p->K, VA_NARROW_BAND, VA_NARROW_COLUMNS);
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
    int64_t tensors = p->B > 1 ? p->B : 1;
    enum va_pack_way way = va_cpu_linear_way(be);
    bool as_it_is = p->w->data && way == VA_PACK_FORWARD && va_parts_pay(p->N, p->K);

    if (be->failed || p->M < 1)
        return;
    if (!as_it_is && !(l.w = va_cpu_pack(l.cpu, p->w, way, p->K, p->N, 1, 1, p->K)))
        return;
    if (l.w && l.w->size < 4)
        linear_narrow(l, tensors);
    else
        linear_float(l, tensors);
}
