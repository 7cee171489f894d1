/*
 * Weights in the layout the products like best. A panel of columns and 16 rows of it are filled
 * at a time: for a kernel [Cout, Cin, K] that is a block whose every cache line is used while it
 * is near, although taps lie next to each other in it and far apart in the packed form.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "cpu/va_buffer.h"
#include "cpu/va_cpu_parts.h"
#include <string.h>

enum { ROWS = 16, PIECE = 1 << 16 /* numbers of a task that only moves them */ };

struct prepared {
    struct va_packed way[VA_PACK_WAYS];
};

struct job {
    struct va_packed *p;
    const float *w;
    int64_t panels, bands;
};

static int64_t columns_of(const struct va_packed *p, int64_t panel)
{
    int64_t left = p->cols - panel * VA_GEMM_PANEL;

    return left < VA_GEMM_PANEL ? left : VA_GEMM_PANEL;
}

/* 16 rows of a panel of a kernel with taps, in float32, whose first column is at `w`. */
static void pack_band(const struct job *j, int64_t panel, int64_t band, const float *w)
{
    const struct va_packed *p = j->p;
    int64_t r0 = band * ROWS, r1 = p->rows - r0 < ROWS ? p->rows : r0 + ROWS;
    int64_t cols = columns_of(p, panel);
    int64_t tap = j->panels * p->depth * VA_GEMM_PANEL; /* from tap to tap of the packed form */
    float *to = p->data + panel * p->depth * VA_GEMM_PANEL;

    for (int64_t c = 0; c < cols; c++) {
        const float *from = w + c * p->col_step;
        float *at = to + c;

        for (int64_t r = r0; r < r1; r++)
            for (int64_t k = 0; k < p->taps; k++)
                at[k * tap + r * VA_GEMM_PANEL] = from[r * p->row_step + k];
    }
}

static void pack_block(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    int64_t panel = task / j->bands;

    (void)thread;
    pack_band(j, panel, task % j->bands, j->w + panel * VA_GEMM_PANEL * j->p->col_step);
}

/*
 * A line of a panel of a kernel with taps, in bfloat16: some taps from k0 on. They lie next to each other, and so
 * do either the rows or the columns that have them: these are brought into order first.
 */
enum { LINE = VA_NARROW_LINE / 2, TAPS = 16 };

static void pack_taps(const struct va_packed *p, int64_t panel, int64_t r0, int64_t k0,
                      const float *w)
{
    enum { ALL = LINE * VA_NARROW_PANEL };
    int64_t rows = p->rows - r0 < LINE ? p->rows - r0 : LINE, cols = columns_of(p, panel);
    int64_t count = p->taps - k0 < TAPS ? p->taps - k0 : TAPS;
    bool by_rows = p->row_step == p->taps;
    float taps[TAPS * ALL];

    for (int64_t c = 0; by_rows && c < cols; c++)
        va_hot()->transpose(rows, count, p->row_step, w + c * p->col_step, ALL, taps + c * LINE,
                            false);
    for (int64_t r = 0; !by_rows && r < rows; r++)
        va_hot()->transpose(cols, count, p->col_step, w + r * p->row_step, ALL,
                            taps + r * VA_NARROW_PANEL, false);
    for (int64_t k = 0; k < count; k++) {
        uint8_t *to = va_packed_narrow(p, k0 + k, panel * VA_NARROW_PANEL) +
                      r0 * 2 * VA_NARROW_PANEL;

        if (by_rows)
            va_hot()->halves_columns(rows, cols, LINE, taps + k * ALL, to);
        else
            va_hot()->halves_rows(rows, cols, VA_NARROW_PANEL, taps + k * ALL, to, 0);
    }
}

static void pack_kernel(const struct va_packed *p, int64_t panel, const float *w)
{
    for (int64_t r0 = 0; r0 < p->rows; r0 += LINE)
        for (int64_t k0 = 0; k0 < p->taps; k0 += TAPS)
            pack_taps(p, panel, r0, k0, w + r0 * p->row_step + k0);
}

/* A panel's columns in 8 bits: what is not written stays 0. */
static void pack_bytes(const struct va_packed *p, int64_t panel, const float *w)
{
    int64_t c0 = panel * VA_NARROW_PANEL, cols = columns_of(p, panel);
    uint8_t *to = va_packed_narrow(p, 0, c0);

    for (int64_t c = 0; c < cols; c++) {
        int32_t sum;

        va_packed_scales(p)[c0 + c] = va_hot()->bytes_column(p->rows, w + c * p->col_step,
                                                             to + 4 * c, &sum);
        va_packed_starts(p)[c0 + c] = -VA_BYTES_ZERO * sum;
    }
}

/* A panel whose columns lie as rows, the first of them at `w`; or, if it is narrow, that of a kernel. */
static void pack_columns(const struct va_packed *p, int64_t panel, const float *w)
{
    uint8_t *to = va_packed_narrow(p, 0, panel * VA_NARROW_PANEL);

    if (p->size == 4)
        va_hot()->transpose(columns_of(p, panel), p->rows, p->col_step, w, VA_GEMM_PANEL,
                            p->data + panel * p->depth * VA_GEMM_PANEL, false);
    else if (p->size == 1)
        pack_bytes(p, panel, w);
    else if (p->taps > 1)
        pack_kernel(p, panel, w);
    else
        va_hot()->halves_columns(p->rows, columns_of(p, panel), p->col_step, w, to);
}

static void pack_panel(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;

    (void)thread;
    pack_columns(j->p, task, j->w + task * VA_GEMM_PANEL * j->p->col_step);
}

/* Panels of a matrix as it lies, of which each row has some cache lines. */
enum { PANELS = 8 };

static void pack_panels(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    const struct va_packed *p = j->p;
    int64_t c0 = task * PANELS * VA_NARROW_PANEL, left = p->cols - c0;

    (void)thread;
    if (left > PANELS * VA_NARROW_PANEL)
        left = PANELS * VA_NARROW_PANEL;
    if (p->size == 4)
        va_hot()->panels(p->rows, left, p->row_step, j->w + c0, p->data + c0 * p->depth,
                         p->depth * VA_GEMM_PANEL);
    else
        va_hot()->halves_rows(p->rows, left, p->row_step, j->w + c0, va_packed_narrow(p, 0, c0),
                              va_packed_lines(p) * VA_NARROW_TILE);
}

/* Take the memory, once. */
static void shape(struct va_cpu *cpu, struct va_packed *p, enum va_pack_way way)
{
    int64_t cols = va_round_up(p->cols, VA_GEMM_PANEL);

    p->size = way == VA_PACK_INT8                                   ? 1
              : way == VA_PACK_BF16 || way == VA_PACK_BF16_BACKWARD ? 2
                                                                    : 4;
    p->depth = va_round_up(p->rows, p->size == 4 ? 16 : VA_NARROW_LINE / p->size);
    if (p->size == 1 && p->rows > VA_BYTES_DEPTH)
        va_error_machine("a linear layer of %lld inputs: expected at most %d in int8",
                         (long long)p->rows, VA_BYTES_DEPTH);
    else
        p->data = va_buffer_new(&cpu->base, p->taps * cols * p->depth * p->size / 4 +
                                                (p->size == 1 ? 2 * cols : 0));
}

enum va_pack_way va_cpu_linear_way(const struct va_backend *be)
{
    switch (be->precision) {
    case VA_F32_PRODUCTS: break;
    case VA_BF16_PRODUCTS: return VA_PACK_BF16;
    case VA_INT8_PRODUCTS: return VA_PACK_INT8;
    }
    return VA_PACK_FORWARD;
}

static struct job job_of(struct va_packed *p, const float *w)
{
    return (struct job){ p, w, (p->cols + VA_GEMM_PANEL - 1) / VA_GEMM_PANEL,
                         (p->rows + ROWS - 1) / ROWS };
}

static void pack(struct va_packed *p, const float *w)
{
    struct job j = job_of(p, w);

    if (p->size > 1 && p->taps == 1 && p->col_step == 1)
        va_parallel((j.panels + PANELS - 1) / PANELS, pack_panels, &j);
    else if (p->size < 4 || p->taps == 1)
        va_parallel(j.panels, pack_panel, &j);
    else
        va_parallel(j.panels * j.bands, pack_block, &j);
}

void va_cpu_repack(const struct va_weight *w)
{
    struct prepared *prepared = w->prepared;

    for (int i = 0; prepared && i < VA_PACK_WAYS; i++)
        if (prepared->way[i].data)
            pack(&prepared->way[i], w->data);
}

/* The prepared form of a weight, with memory where it had none: *made, and nothing in it yet. NULL after
 * failing. */
static struct va_packed *form_of(struct va_cpu *cpu, struct va_weight *w, enum va_pack_way way,
                                 const struct va_packed *layout, bool *made)
{
    struct prepared *prepared = w->prepared;
    struct va_packed *p;

    if (!prepared)
        prepared = w->prepared = va_new(1, sizeof(*prepared));
    p = prepared ? &prepared->way[way] : NULL;
    *made = p && !p->data;
    if (*made) {
        *p = *layout;
        shape(cpu, p, way);
    }
    if (p && p->data)
        return p;
    cpu->base.failed = true;
    return NULL;
}

const struct va_packed *va_cpu_pack(struct va_cpu *cpu, struct va_weight *w,
                                    enum va_pack_way way, int64_t rows, int64_t cols,
                                    int64_t taps, int64_t row_step, int64_t col_step)
{
    const struct va_packed layout = {
        .rows = rows, .cols = cols, .taps = taps, .row_step = row_step, .col_step = col_step
    };
    struct va_packed *p;
    bool made;

    if (w->stale)
        va_cpu_repack(w);
    w->stale = false;
    p = form_of(cpu, w, way, &layout, &made);
    if (p && made && !w->data) {
        va_error_machine("a weight was prepared for another precision than it is used in");
        cpu->base.failed = true;
        return NULL;
    }
    if (p && made)
        pack(p, w->data);
    return p;
}

/* ---- values from the host --------------------------------------------------------------------- */

struct put {
    struct va_cpu *cpu;
    const struct va_numbers *from;
    float *data;
    int64_t count;
    struct job job; /* where there are no data */
};

static void put_piece(void *arg, int64_t task, int thread)
{
    const struct put *put = arg;
    int64_t first = task * PIECE, left = put->count - first;

    (void)thread;
    put->from->get(put->from->arg, first, left < PIECE ? left : PIECE, put->data + first);
}

/* A panel's columns lie one after the other in a linear weight [N, K]. */
static void put_panel(void *arg, int64_t panel, int thread)
{
    const struct put *put = arg;
    const struct job *j = &put->job;
    float *w = va_cpu_scratch(put->cpu, thread);

    put->from->get(put->from->arg, panel * VA_GEMM_PANEL * j->p->rows,
                   columns_of(j->p, panel) * j->p->rows, w);
    pack_columns(j->p, panel, w);
}

static void put_prepared(struct put *put, struct va_weight *w)
{
    struct va_cpu *cpu = put->cpu;
    enum va_pack_way way = va_cpu_linear_way(&cpu->base);
    const struct va_packed layout = {
        .rows = w->K, .cols = w->N, .taps = 1, .row_step = 1, .col_step = w->K
    };
    bool made;
    struct va_packed *p = form_of(cpu, w, way, &layout, &made);

    if (!p || !va_cpu_room(cpu, VA_GEMM_PANEL * w->K, 0))
        return;
    put->job = job_of(p, NULL);
    va_parallel(put->job.panels, put_panel, put);
    w->stale = false;
}

void va_cpu_weight_put(struct va_backend *be, struct va_weight *w, int64_t count,
                       const struct va_numbers *from)
{
    struct put put = { .cpu = va_cpu(be), .from = from, .data = w->data, .count = count };

    if (be->failed)
        return;
    if (w->data) {
        va_parallel((count + PIECE - 1) / PIECE, put_piece, &put);
        va_weight_changed(w);
    } else {
        put_prepared(&put, w);
    }
}

/* Numbers [first, first + count) of a linear weight [N, K], out of its panels. */
static void get_prepared(const struct va_packed *p, int64_t first, int64_t count, float *to)
{
    for (int64_t i = first; i < first + count;) {
        int64_t n = i / p->rows, k = i % p->rows;
        const float *from = p->data + n / VA_GEMM_PANEL * p->depth * VA_GEMM_PANEL +
                            n % VA_GEMM_PANEL;

        for (; k < p->rows && i < first + count; k++, i++)
            *to++ = from[k * VA_GEMM_PANEL];
    }
}

void va_cpu_weight_get(struct va_backend *be, const struct va_weight *w, int64_t first,
                       int64_t count, float *to)
{
    const struct prepared *prepared = w->prepared;

    if (be->failed)
        return;
    if (w->data)
        be->ops->get_f32(be, to, (const float *)w->data + first, count);
    else
        get_prepared(&prepared->way[VA_PACK_FORWARD], first, count, to);
}

bool va_cpu_prepared_only(const struct va_backend *be, const struct va_weight *w, bool exact)
{
    return w->use == VA_USE_LINEAR && (!exact || be->precision == VA_F32_PRODUCTS);
}

/* ---- entries ---------------------------------------------------------------------------------- */

void va_cpu_weight_prepare(struct va_backend *be, struct va_weight *w, bool training)
{
    struct va_cpu *cpu = va_cpu(be);
    int64_t N = w->N, K = w->K, taps = w->taps;
    bool bf16 = be->precision == VA_BF16_PRODUCTS;

    if (be->failed)
        return;
    if (w->use == VA_USE_LINEAR) {
        /* products in parts take what is trained as it is */
        if (!training || va_cpu_linear_way(be) != VA_PACK_FORWARD || !va_parts_pay(N, K))
            va_cpu_pack(cpu, w, va_cpu_linear_way(be), K, N, 1, 1, K);
        if (training && bf16)
            va_cpu_pack(cpu, w, VA_PACK_BF16_BACKWARD, N, K, 1, K, 1);
    }
    if (w->use != VA_USE_CONV || va_cpu_spectral_kernel(be, taps, K, N))
        return; /* what short inputs need is packed when one comes */
    va_cpu_pack(cpu, w, bf16 ? VA_PACK_BF16 : VA_PACK_FORWARD, K, N, taps, taps, K * taps);
    if (training)
        va_cpu_pack(cpu, w, bf16 ? VA_PACK_BF16_BACKWARD : VA_PACK_BACKWARD, N, K, taps,
                    K * taps, taps);
}

void va_cpu_weight_release(struct va_backend *be, struct va_weight *w)
{
    struct prepared *prepared = w->prepared;

    for (int i = 0; prepared && i < VA_PACK_WAYS; i++)
        va_buffer_free(be, prepared->way[i].data);
    va_free(prepared);
    w->prepared = NULL;
    w->stale = true;
}
