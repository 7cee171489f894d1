/*
 * Weights in the layout the products like best. A panel of columns and 16 rows of it are filled
 * at a time: for a kernel [Cout, Cin, K] that is a block whose every cache line is used while it
 * is near, although taps lie next to each other in it and far apart in the packed form.
 */
#include "base/va_mem.h"
#include "cpu/va_buffer.h"
#include "cpu/va_cpu_priv.h"

enum { ROWS = 16 };

struct prepared {
    struct va_packed way[VA_PACK_WAYS];
};

struct job {
    struct va_packed *p;
    const float *w;
    int64_t row_step, col_step;
    int64_t panels, bands;
    bool round;
};

static void pack_block(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    const struct va_packed *p = j->p;
    int64_t panel = task / j->bands, r0 = task % j->bands * ROWS, c0 = panel * VA_GEMM_PANEL;
    int64_t r1 = p->rows - r0 < ROWS ? p->rows : r0 + ROWS;
    int64_t cols = p->cols - c0 < VA_GEMM_PANEL ? p->cols - c0 : VA_GEMM_PANEL;
    int64_t tap = j->panels * p->depth * VA_GEMM_PANEL; /* from tap to tap of the packed form */
    float *to = p->data + panel * p->depth * VA_GEMM_PANEL;

    (void)thread;
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = 0; c < cols; c++) {
            const float *from = j->w + r * j->row_step + (c0 + c) * j->col_step;

            for (int64_t k = 0; k < p->taps; k++)
                to[k * tap + r * VA_GEMM_PANEL + c] = from[k];
        }
    for (int64_t r = r0; j->round && r < r1; r++)
        va_hot()->round_bf16(cols, to + r * VA_GEMM_PANEL, to + r * VA_GEMM_PANEL);
}

/* A panel's columns as they lie, in 16 bits. */
static void pack_halves(void *arg, int64_t task, int thread)
{
    const struct job *j = arg;
    const struct va_packed *p = j->p;
    int64_t c0 = task * VA_GEMM_PANEL,
            c1 = p->cols - c0 < VA_GEMM_PANEL ? p->cols : c0 + VA_GEMM_PANEL;
    uint16_t *to = (uint16_t *)(void *)p->data;

    (void)thread;
    for (int64_t c = c0; c < c1; c++)
        va_hot()->to_bf16(p->rows, j->w + c * j->col_step, to + c * p->rows);
}

/* Take the memory, once. */
static bool shape(struct va_cpu *cpu, struct va_packed *p, bool halves)
{
    p->halves = halves;
    p->depth = va_round_up(p->rows, 16);
    p->data = va_buffer_new(&cpu->base,
                            halves ? (p->rows * p->cols + 1) / 2
                                   : p->taps * va_round_up(p->cols, VA_GEMM_PANEL) * p->depth);
    return p->data;
}

static void pack(struct va_packed *p, enum va_pack_way way, const float *w)
{
    struct job j = { p,
                     w,
                     p->row_step,
                     p->col_step,
                     (p->cols + VA_GEMM_PANEL - 1) / VA_GEMM_PANEL,
                     (p->rows + ROWS - 1) / ROWS,
                     way == VA_PACK_BF16 };

    if (p->halves)
        va_parallel(j.panels, pack_halves, &j);
    else
        va_parallel(j.panels * j.bands, pack_block, &j);
}

void va_cpu_repack(const struct va_weight *w)
{
    struct prepared *prepared = w->prepared;

    for (int i = 0; prepared && i < VA_PACK_WAYS; i++)
        if (prepared->way[i].data)
            pack(&prepared->way[i], (enum va_pack_way)i, w->data);
}

const struct va_packed *va_cpu_pack(struct va_cpu *cpu, struct va_weight *w,
                                    enum va_pack_way way, int64_t rows, int64_t cols,
                                    int64_t taps, int64_t row_step, int64_t col_step)
{
    struct prepared *prepared = w->prepared;
    struct va_packed *p;

    if (!prepared)
        prepared = w->prepared = va_new(1, sizeof(*prepared));
    p = prepared ? &prepared->way[way] : NULL;
    if (w->stale)
        va_cpu_repack(w);
    w->stale = false;
    if (p && !p->data) {
        *p = (struct va_packed){
            .rows = rows, .cols = cols, .taps = taps, .row_step = row_step, .col_step = col_step
        };
        if (shape(cpu, p, way == VA_PACK_BF16 && va_gemm_takes_halves()))
            pack(p, way, w->data);
    }
    if (p && p->data)
        return p;
    cpu->base.failed = true;
    return NULL;
}

void va_cpu_weight_prepare(struct va_backend *be, struct va_weight *w, bool training)
{
    struct va_cpu *cpu = va_cpu(be);
    int64_t N = w->N, K = w->K, taps = w->taps;

    if (be->failed)
        return;
    if (w->use == VA_USE_LINEAR)
        va_cpu_pack(cpu, w, be->precision == VA_BF16_PRODUCTS ? VA_PACK_BF16 : VA_PACK_FORWARD,
                    K, N, 1, 1, K);
    if (w->use != VA_USE_CONV || va_cpu_spectral_kernel(taps, K, N))
        return; /* what short inputs need is packed when one comes */
    va_cpu_pack(cpu, w, VA_PACK_FORWARD, K, N, taps, taps, K * taps);
    if (training)
        va_cpu_pack(cpu, w, VA_PACK_BACKWARD, N, K, taps, K * taps, taps);
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
