/*
 * Operations on pictures: a task is an output row (hot/hot_pictures.c).
 */
#include "cpu/va_cpu_priv.h"
#include <string.h>

struct rows {
    const void *p;
    const float *w;
    int64_t tap, panel;
};

static void conv2d_row(void *arg, int64_t row, int thread)
{
    const struct rows *r = arg;

    (void)thread;
    va_hot()->conv2d(r->p, r->w, r->tap, r->panel, row);
}

void va_cpu_conv2d(struct va_backend *be, const struct va_conv2d *p)
{
    int64_t taps = p->at.K * p->at.K;
    const struct va_packed *w;
    struct rows r = { .p = p };

    if (be->failed)
        return;
    w = va_cpu_pack(va_cpu(be), p->w, VA_PACK_FORWARD, p->Cin, p->Cout, taps, taps,
                    p->Cin * taps);
    if (!w)
        return;
    r.w = w->data;
    r.panel = w->depth * VA_GEMM_PANEL;
    r.tap = va_round_up(p->Cout, VA_GEMM_PANEL) * w->depth;
    va_cpu_run(va_cpu(be), p->at.B * p->at.Ho, conv2d_row, &r);
}

/* wt [K * K, C] from W [C, K, K] */
static void transpose(const float *w, int64_t C, int64_t taps, float *wt)
{
    for (int64_t c = 0; c < C; c++)
        for (int64_t k = 0; k < taps; k++)
            wt[k * C + c] = w[c * taps + k];
}

static void dwconv2d_row(void *arg, int64_t row, int thread)
{
    const struct rows *r = arg;

    (void)thread;
    va_hot()->dwconv2d(r->p, r->w, row);
}

void va_cpu_dwconv2d(struct va_backend *be, const struct va_dwconv2d *p)
{
    int64_t taps = p->at.K * p->at.K;
    struct rows r = { .p = p };

    if (!va_cpu_room(va_cpu(be), 0, taps * p->C))
        return;
    r.w = va_cpu(be)->shared;
    transpose(p->w, p->C, taps, va_cpu(be)->shared);
    va_cpu_run(va_cpu(be), p->at.B * p->at.Ho, dwconv2d_row, &r);
}

/* ---- a linear layer and a depthwise convolution: what lies between stays in the cache ----------- */

enum {
    BAND = 32,  /* rows of the result in a task; those that two tasks see are computed twice */
    PIXELS = 96 /* that a linear layer takes at a time, or more */
};

struct separable {
    struct va_cpu *cpu;
    const struct va_separable2d *p;
    const struct va_packed *w;
    const float *wt;
    int64_t bands;
};

/* Rows of the picture that a band of the result sees. */
static void rows_seen(const struct va_plane *g, int64_t band, int64_t *from, int64_t *to)
{
    int64_t last = (band + 1) * BAND < g->Ho ? (band + 1) * BAND : g->Ho;

    *from = band * BAND * g->stride - g->pad;
    *from = *from < 0 ? 0 : *from / g->stride * g->stride;
    *to = (last - 1) * g->stride - g->pad + g->K;
    *to = *to > g->H ? g->H : *to;
}

static void separable2d_band(void *arg, int64_t task, int thread)
{
    const struct separable *s = arg;
    const struct va_separable2d *p = s->p;
    const struct va_plane *g = &p->at;
    int64_t b = task / s->bands, band = task % s->bands, from, to, done = 0;
    int64_t end = (band + 1) * BAND < g->Ho ? (band + 1) * BAND : g->Ho;
    float *between = va_cpu_scratch(s->cpu, thread);
    struct va_conv2d point = {
        .Cin = p->Cin, .Cout = p->C, .bias = p->bias, .act = p->act_between, .y = between
    };
    struct va_dwconv2d depth = {
        .at = *g, .C = p->C, .x = between, .bias = p->depth_bias, .act = p->act
    };
    int64_t above; /* rows of the result before those that the rows in `between` would give */

    rows_seen(g, band, &from, &to);
    above = from / g->stride;
    depth.at.B = 1, depth.at.H = to - from;
    depth.y = (float *)p->y + (b * g->Ho + above) * g->Wo * p->C;
    for (int64_t i = band * BAND; i < end; i++) {
        int64_t need = i * g->stride - g->pad + g->K - from;

        if (done < need && done < to - from) { /* the pixels of several rows as one */
            int64_t more = done + (PIXELS + g->W - 1) / g->W, rows;

            rows = (more < need ? need : more) - done;
            rows = rows < to - from - done ? rows : to - from - done;
            point.at = (struct va_plane){ 1, 1, rows * g->W, 1, rows * g->W, 1, 1, 0 };
            point.x = (const float *)p->x + (b * g->H + from + done) * g->W * p->Cin;
            point.y = between + done * g->W * p->C;
            va_hot()->conv2d(&point, s->w->data, 0, s->w->depth * VA_GEMM_PANEL, 0);
            done += rows;
        }
        va_hot()->dwconv2d(&depth, s->wt, i - above);
    }
}

void va_cpu_separable2d(struct va_backend *be, const struct va_separable2d *p)
{
    struct separable s = { .cpu = va_cpu(be), .p = p };
    int64_t taps = p->at.K * p->at.K, rows = BAND * p->at.stride + p->at.K + p->at.stride;

    rows = rows < p->at.H ? rows : p->at.H;
    if (be->failed || !va_cpu_room(s.cpu, rows * p->at.W * p->C, taps * p->C))
        return;
    s.w = va_cpu_pack(s.cpu, p->w, VA_PACK_FORWARD, p->Cin, p->C, 1, 1, p->Cin);
    if (!s.w)
        return;
    s.wt = s.cpu->shared;
    s.bands = (p->at.Ho + BAND - 1) / BAND;
    transpose(p->depth, p->C, taps, s.cpu->shared);
    va_cpu_run(s.cpu, p->at.B * s.bands, separable2d_band, &s);
}

static void pool2d_row(void *arg, int64_t row, int thread)
{
    const struct rows *r = arg;

    (void)thread;
    va_hot()->pool2d(r->p, row);
}

void va_cpu_pool2d(struct va_backend *be, const struct va_pool2d *p)
{
    struct rows r = { .p = p };

    if (!be->failed)
        va_cpu_run(va_cpu(be), p->at.B * p->at.Ho, pool2d_row, &r);
}

enum { GATED = 1 << 13 }; /* numbers in a task */

static void gate_rows(void *arg, int64_t task, int thread)
{
    const struct va_gate *p = ((const struct rows *)arg)->p;
    int64_t rows = (GATED + p->C - 1) / p->C, tasks = (p->P + rows - 1) / rows,
            b = task / tasks;
    int64_t first = task % tasks * rows, at = (b * p->P + first) * p->C;

    (void)thread;
    va_hot()->gate(rows < p->P - first ? rows : p->P - first, p->C, p->below,
                   (const float *)p->x + at, (const float *)p->s + b * p->C,
                   (float *)p->y + at);
}

void va_cpu_gate(struct va_backend *be, const struct va_gate *p)
{
    int64_t rows = (GATED + p->C - 1) / p->C;
    struct rows r = { .p = p };

    if (!be->failed)
        va_cpu_run(va_cpu(be), p->B * ((p->P + rows - 1) / rows), gate_rows, &r);
}

static void upsample2d_row(void *arg, int64_t row, int thread)
{
    const struct va_upsample2d *p = ((const struct rows *)arg)->p;
    const float *x = (const float *)p->x + row / 2 * p->W * p->C;
    const float *add = p->add ? (const float *)p->add + row * 2 * p->W * p->C : NULL;
    float *y = (float *)p->y + row * 2 * p->W * p->C;

    (void)thread;
    for (int64_t j = 0; j < 2 * p->W; j++) {
        if (add)
            va_hot()->add(p->C, x + j / 2 * p->C, add + j * p->C, y + j * p->C);
        else
            memcpy(y + j * p->C, x + j / 2 * p->C, (size_t)p->C * sizeof(*y));
    }
}

void va_cpu_upsample2d(struct va_backend *be, const struct va_upsample2d *p)
{
    struct rows r = { .p = p };

    if (!be->failed)
        va_cpu_run(va_cpu(be), p->B * 2 * p->H, upsample2d_row, &r);
}
