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
static bool shape(struct va_cpu *cpu, struct va_packed *p, int64_t rows, int64_t cols,
                  int64_t taps, bool halves)
{
    p->halves = halves;
    p->rows = rows;
    p->cols = cols;
    p->taps = taps;
    p->depth = va_round_up(rows, 16);
    p->data = va_buffer_new(&cpu->base,
                            halves ? (rows * cols + 1) / 2
                                   : taps * va_round_up(cols, VA_GEMM_PANEL) * p->depth);
    return p->data;
}

const struct va_packed *va_cpu_pack(struct va_cpu *cpu, struct va_weight *w,
                                    enum va_pack_way way, int64_t rows, int64_t cols,
                                    int64_t taps, int64_t row_step, int64_t col_step)
{
    struct prepared *prepared = w->prepared;
    struct va_packed *p;
    struct job j;

    if (!prepared)
        prepared = w->prepared = va_new(1, sizeof(*prepared));
    if (!prepared ||
        (!prepared->way[way].data && !shape(cpu, &prepared->way[way], rows, cols, taps,
                                            way == VA_PACK_BF16 && va_gemm_takes_halves()))) {
        cpu->base.failed = true;
        return NULL;
    }
    if (w->stale)
        for (int i = 0; i < VA_PACK_WAYS; i++)
            prepared->way[i].fresh = false;
    w->stale = false;
    p = &prepared->way[way];
    if (!p->fresh) {
        j = (struct job){ p,
                          w->data,
                          row_step,
                          col_step,
                          (cols + VA_GEMM_PANEL - 1) / VA_GEMM_PANEL,
                          (rows + ROWS - 1) / ROWS,
                          way == VA_PACK_BF16 };
        if (p->halves)
            va_parallel(j.panels, pack_halves, &j);
        else
            va_parallel(j.panels * j.bands, pack_block, &j);
        p->fresh = true;
    }
    return p;
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
