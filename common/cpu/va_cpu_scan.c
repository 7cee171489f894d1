/*
 * The scan, shared out: a task is one sequence and a group of 64 channels (neighbouring vectors
 * use whole cache lines of u, delta and z). Backward, a task leaves its sums in working memory,
 * and they are added in the order of sequences and groups.
 */
#include "cpu/va_cpu_priv.h"

enum { GROUP = 64, TAPE = 1 << 17 }; /* channels of a task; floats of its tape: 512 KiB */

struct forward {
    struct va_cpu *cpu;
    const struct va_scan *p;
    int64_t groups;
};

static void forward_task(void *arg, int64_t task, int thread)
{
    const struct forward *f = arg;
    int64_t e0 = task % f->groups * GROUP, e1 = f->p->E - e0 < GROUP ? f->p->E : e0 + GROUP;

    va_hot()->scan(f->p, task / f->groups, e0, e1, va_cpu_scratch(f->cpu, thread));
}

void va_cpu_scan(struct va_backend *be, const struct va_scan *p)
{
    struct forward f = { va_cpu(be), p, (p->E + GROUP - 1) / GROUP };

    if (va_cpu_room(f.cpu, 2 * p->N * va_hot()->width, 0))
        va_cpu_run(f.cpu, p->B * f.groups, forward_task, &f);
}

struct backward {
    struct va_cpu *cpu;
    const struct va_scan_grad *p;
    int64_t groups, chunk;
    int64_t tape, lanes, marks, tile; /* floats in a thread's scratch */
    float *dBm, *dCm;                 /* [B, groups, T, N] */
    float *dA, *dskip;                /* [B, E, N], [B, E] */
};

static void backward_task(void *arg, int64_t task, int thread)
{
    const struct backward *w = arg;
    const struct va_scan_grad *p = w->p;
    int64_t b = task / w->groups, e0 = task % w->groups * GROUP;
    float *scratch = va_cpu_scratch(w->cpu, thread);
    struct va_hot_scan_work work = { .chunk = w->chunk,
                                     .tape = scratch,
                                     .lanes = scratch + w->tape,
                                     .marks = scratch + w->tape + w->lanes,
                                     .tile = scratch + w->tape + w->lanes + w->marks,
                                     .dBm = w->dBm + task * p->T * p->N,
                                     .dCm = w->dCm + task * p->T * p->N,
                                     .dA = w->dA + b * p->E * p->N,
                                     .dskip = w->dskip + b * p->E };

    va_hot()->scan_grad(p, b, e0, p->E - e0 < GROUP ? p->E : e0 + GROUP, &work);
}

/* Rows of dBm or dCm of one sequence: the groups' sums, in their order. */
static void add_groups(const struct backward *w, int64_t b, const float *sums, float *out,
                       int64_t ld)
{
    int64_t T = w->p->T, N = w->p->N;

    for (int64_t t = 0; out && t < T; t++)
        for (int64_t n = 0; n < N; n++) {
            float sum = 0;

            for (int64_t g = 0; g < w->groups; g++)
                sum += sums[((b * w->groups + g) * T + t) * N + n];
            out[(b * T + t) * ld + n] = sum;
        }
}

static void add_groups_task(void *arg, int64_t b, int thread)
{
    const struct backward *w = arg;

    (void)thread;
    add_groups(w, b, w->dBm, w->p->dBm, w->p->lddB);
    add_groups(w, b, w->dCm, w->p->dCm, w->p->lddC);
}

static void add_sequences(int64_t B, int64_t count, const float *sums, float *out)
{
    for (int64_t i = 0; out && i < count; i++) {
        double sum = 0;

        for (int64_t b = 0; b < B; b++)
            sum += sums[b * count + i];
        out[i] = (float)(out[i] + sum);
    }
}

void va_cpu_scan_grad(struct va_backend *be, const struct va_scan_grad *p)
{
    int64_t width = va_hot()->width, tiles = (GROUP + width - 1) / width, rows, chunks;
    struct backward w = { .cpu = va_cpu(be), .p = p, .groups = (p->E + GROUP - 1) / GROUP };

    if (p->T < 1 || p->B < 1)
        return;
    w.chunk = TAPE / (2 * p->N * 16); /* by 16 lanes on every machine: equal sums of dA */
    w.chunk = w.chunk < 16 ? 16 : w.chunk;
    w.chunk = w.chunk > p->T ? p->T : w.chunk;
    chunks = (p->T + w.chunk - 1) / w.chunk;
    w.tape = va_round_up(w.chunk * 2 * p->N * width, 16);
    w.lanes = w.chunk * 2 * p->N * 16;
    w.marks = va_round_up(tiles * chunks * p->N * width, 16);
    w.tile = tiles * 5 * p->N * width;
    rows = p->B * w.groups * p->T * p->N;
    if (!va_cpu_room(w.cpu, w.tape + w.lanes + w.marks + w.tile,
                     2 * rows + p->B * p->E * (p->N + 1)))
        return;
    w.dBm = w.cpu->shared;
    w.dCm = w.dBm + rows;
    w.dA = w.dCm + rows;
    w.dskip = w.dA + p->B * p->E * p->N;
    va_cpu_run(w.cpu, p->B * w.groups, backward_task, &w);
    va_cpu_run(w.cpu, p->B, add_groups_task, &w);
    add_sequences(p->B, p->E * p->N, w.dA, p->dA);
    add_sequences(p->B, p->E, w.dskip, p->dskip);
}
