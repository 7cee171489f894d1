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

static void dwconv2d_row(void *arg, int64_t row, int thread)
{
    const struct rows *r = arg;

    (void)thread;
    va_hot()->dwconv2d(r->p, r->w, row);
}

void va_cpu_dwconv2d(struct va_backend *be, const struct va_dwconv2d *p)
{
    int64_t taps = p->at.K * p->at.K;
    const float *w = p->w;
    struct rows r = { .p = p };
    float *wt;

    if (!va_cpu_room(va_cpu(be), 0, taps * p->C))
        return;
    r.w = wt = va_cpu(be)->shared;
    for (int64_t c = 0; c < p->C; c++)
        for (int64_t k = 0; k < taps; k++)
            wt[k * p->C + c] = w[c * taps + k];
    va_cpu_run(va_cpu(be), p->at.B * p->at.Ho, dwconv2d_row, &r);
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
