#include "cpu/va_cpu_priv.h"

struct forward {
    const struct va_dwconv *p;
    const float *wt;
};

struct backward {
    struct va_cpu *cpu;
    const struct va_dwconv_grad *p;
    const float *wt;
    float *sums; /* [B, K + 1, C]: dW transposed, then dbias, of every sequence */
};

/* wt [K, C] from W [C, K] */
static void transpose(int64_t C, int64_t K, const float *w, float *wt)
{
    for (int64_t c = 0; c < C; c++)
        for (int64_t k = 0; k < K; k++)
            wt[k * C + c] = w[c * K + k];
}

static void forward_task(void *arg, int64_t b, int thread)
{
    const struct forward *f = arg;

    (void)thread;
    va_hot()->dwconv(f->p, f->wt, b);
}

void va_cpu_dwconv(struct va_backend *be, const struct va_dwconv *p)
{
    struct va_cpu *cpu = va_cpu(be);
    struct forward f = { p, NULL };

    if (!va_cpu_room(cpu, 0, p->K * p->C))
        return;
    f.wt = cpu->shared;
    transpose(p->C, p->K, p->w, cpu->shared);
    va_cpu_run(cpu, p->B, forward_task, &f);
}

static void backward_task(void *arg, int64_t b, int thread)
{
    const struct backward *w = arg;

    va_hot()->dwconv_grad(w->p, w->wt, b, va_cpu_scratch(w->cpu, thread),
                          w->sums + b * (w->p->K + 1) * w->p->C);
}

void va_cpu_dwconv_grad(struct va_backend *be, const struct va_dwconv_grad *p)
{
    struct va_cpu *cpu = va_cpu(be);
    struct backward w = { .cpu = cpu, .p = p };
    int64_t size = (p->K + 1) * p->C;

    if (!va_cpu_room(cpu, p->T * p->C, p->K * p->C + p->B * size))
        return;
    w.wt = cpu->shared;
    w.sums = cpu->shared + p->K * p->C;
    transpose(p->C, p->K, p->w, cpu->shared);
    va_cpu_run(cpu, p->B, backward_task, &w);
    for (int64_t k = 0; k <= p->K; k++)
        for (int64_t c = 0; c < p->C; c++) {
            float *to = k < p->K ? (p->dw ? (float *)p->dw + c * p->K + k : NULL)
                                 : (p->dbias ? (float *)p->dbias + c : NULL);
            double sum = 0;

            for (int64_t b = 0; to && b < p->B; b++)
                sum += w.sums[b * size + k * p->C + c];
            if (to)
                *to = (float)(*to + sum);
        }
}
