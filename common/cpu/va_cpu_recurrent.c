/*
 * Recurrent layers. A task takes a few sequences through time, so that one pass over W_hh serves
 * them all in each frame and no task waits for another. Sequences lie T frames apart, so the
 * rows of one frame are gathered for the product and its result is used from working memory.
 */
#include "cpu/va_cpu_priv.h"
#include <string.h>

enum { TOGETHER = 4 }; /* sequences of a task */

static const float *row_of(const void *buffer, int64_t row, int64_t width)
{
    return (const float *)buffer + row * width;
}

/* ---- forward --------------------------------------------------------------------------- */

struct forward {
    struct va_cpu *cpu;
    const struct va_recurrent *p;
    const struct va_packed *w; /* [H, G*H] */
};

/* s [n, G*H] = h [n, H] W_hh^T + b_hh */
static int recur(const struct forward *f, int64_t n, const float *h, float *s)
{
    const struct va_recurrent *p = f->p;
    int64_t rows = va_cell_gates(p->cell) * p->H;
    struct va_gemm g = { .M = n,
                         .N = rows,
                         .K = p->H,
                         .lda = p->H,
                         .ldb = VA_GEMM_PANEL,
                         .ldc = rows,
                         .b = VA_GEMM_PANELS };

    if (va_gemm(&g, h, f->w->data, s) < 0)
        return -1;
    for (int64_t i = 0; i < n; i++)
        va_hot()->add(rows, s + i * rows, p->bias, s + i * rows);
    return 0;
}

static void forward_task(void *arg, int64_t task, int thread)
{
    const struct forward *f = arg;
    const struct va_recurrent *p = f->p;
    int64_t H = p->H, rows = va_cell_gates(p->cell) * H, b0 = task * TOGETHER;
    int64_t n = p->B - b0 < TOGETHER ? p->B - b0 : TOGETHER;
    float *h = va_cpu_scratch(f->cpu, thread),
          *memo = h + TOGETHER * H; /* of the frame before */
    float *s = memo + TOGETHER * H;

    memset(h, 0, (size_t)(2 * TOGETHER * H) * sizeof(*h));
    for (int64_t i = 0; p->state && i < n; i++) {
        memcpy(h + i * H, row_of(p->state, 2 * (b0 + i), H), (size_t)H * sizeof(*h));
        memcpy(memo + i * H, row_of(p->state, 2 * (b0 + i) + 1, H), (size_t)H * sizeof(*h));
    }
    for (int64_t t = 0; t < p->T; t++) {
        if (recur(f, n, h, s) < 0) {
            atomic_store(&f->cpu->broken, true);
            return;
        }
        for (int64_t i = 0; i < n; i++) {
            int64_t at = (b0 + i) * p->T + t;
            float *y = (float *)p->y + at * H, *m = (float *)p->memo + at * H;

            va_hot()->cell(p->cell, H, s + i * rows, memo + i * H, h + i * H,
                           (float *)p->gates + at * rows, m, y);
            memcpy(h + i * H, y, (size_t)H * sizeof(*h));
            memcpy(memo + i * H, m, (size_t)H * sizeof(*h));
        }
    }
    for (int64_t i = 0; p->state && i < n; i++) {
        float *state = (float *)p->state + 2 * (b0 + i) * H;

        memcpy(state, h + i * H, (size_t)H * sizeof(*h));
        if (p->cell == VA_CELL_LSTM)
            memcpy(state + H, memo + i * H, (size_t)H * sizeof(*h));
    }
}

void va_cpu_recurrent(struct va_backend *be, const struct va_recurrent *p)
{
    struct forward f = { va_cpu(be), p, NULL };
    int64_t rows = va_cell_gates(p->cell) * p->H;

    if (be->failed || p->B < 1 || p->T < 1)
        return;
    f.w = va_cpu_pack(f.cpu, p->w, VA_PACK_FORWARD, p->H, rows, 1, 1, p->H);
    if (f.w && va_cpu_room(f.cpu, TOGETHER * (2 * p->H + rows), 0))
        va_cpu_run(f.cpu, (p->B + TOGETHER - 1) / TOGETHER, forward_task, &f);
}

/* ---- backward --------------------------------------------------------------------------- */

struct backward {
    struct va_cpu *cpu;
    const struct va_recurrent_grad *p;
};

/* Gradients of frame t of sequences b0.. from dh, dc; ds [n, G*H] is what goes through W_hh. */
static void frame_grad(const struct backward *w, int64_t b0, int64_t n, int64_t t, float *dh,
                       float *dc, float *ds)
{
    const struct va_recurrent_grad *p = w->p;
    int64_t H = p->H, rows = va_cell_gates(p->cell) * H;
    bool lstm = p->cell == VA_CELL_LSTM;

    for (int64_t i = 0; i < n; i++) {
        int64_t at = (b0 + i) * p->T + t;
        const float *memo = row_of(p->memo, at, H);
        const float *h0 = t ? row_of(p->y, at - 1, H) : NULL;
        float *da = (float *)p->da + at * rows, *out = ds + i * rows;

        va_hot()->add(H, dh + i * H, row_of(p->dy, at, H), dh + i * H);
        va_hot()->cell_grad(p->cell, H, row_of(p->gates, at, rows), memo, t ? memo - H : NULL,
                            h0, dh + i * H, dc + i * H, da, out);
        if (lstm) {
            memcpy(out, da, (size_t)rows * sizeof(*out));
            memset(dh + i * H, 0, (size_t)H * sizeof(*dh));
        } else {
            memcpy((float *)p->dsum + at * rows, out, (size_t)rows * sizeof(*out));
        }
    }
}

static void backward_task(void *arg, int64_t task, int thread)
{
    const struct backward *w = arg;
    const struct va_recurrent_grad *p = w->p;
    int64_t H = p->H, rows = va_cell_gates(p->cell) * H, b0 = task * TOGETHER;
    int64_t n = p->B - b0 < TOGETHER ? p->B - b0 : TOGETHER;
    float *dh = va_cpu_scratch(w->cpu, thread), *dc = dh + TOGETHER * H;
    float *ds = dc + TOGETHER * H;
    struct va_gemm g = { /* dh += ds W_hh, which lies as it is */
                         .M = n,   .N = H,   .K = rows,   .lda = rows,
                         .ldb = H, .ldc = H, .add = true, .b = VA_GEMM_ROWS
    };

    memset(dh, 0, (size_t)(2 * TOGETHER * H) * sizeof(*dh));
    for (int64_t t = p->T - 1; t >= 0; t--) {
        frame_grad(w, b0, n, t, dh, dc, ds);
        if (va_gemm(&g, ds, p->w->data, dh) < 0) {
            atomic_store(&w->cpu->broken, true);
            return;
        }
    }
}

void va_cpu_recurrent_grad(struct va_backend *be, const struct va_recurrent_grad *p)
{
    struct backward w = { va_cpu(be), p };
    int64_t rows = va_cell_gates(p->cell) * p->H;

    if (p->B > 0 && p->T > 0 && va_cpu_room(w.cpu, TOGETHER * (2 * p->H + rows), 0))
        va_cpu_run(w.cpu, (p->B + TOGETHER - 1) / TOGETHER, backward_task, &w);
}
