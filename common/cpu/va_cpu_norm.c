#include "cpu/va_cpu_priv.h"
#include <math.h>

enum { ROWS = 64 }; /* of a task */

static void norm_task(void *arg, int64_t task, int thread)
{
    const struct va_norm *p = arg;
    int64_t first = task * ROWS;

    (void)thread;
    va_hot()->norm(p->M - first < ROWS ? p->M - first : ROWS, p, first);
}

void va_cpu_norm(struct va_backend *be, const struct va_norm *p)
{
    if (!be->failed)
        va_parallel((p->M + ROWS - 1) / ROWS, norm_task, (void *)p);
}

struct norm_grad {
    const struct va_norm_grad *p;
    float *sums; /* [tasks, 2, C]: dgamma, dbeta of the rows of a task */
};

static void norm_grad_task(void *arg, int64_t task, int thread)
{
    const struct norm_grad *w = arg;
    const struct va_norm_grad *p = w->p;
    int64_t first = task * ROWS, rows = p->M - first < ROWS ? p->M - first : ROWS;
    float *dx = (float *)p->dx + first * p->C;

    (void)thread;
    va_hot()->norm_grad(rows, p, first, w->sums + task * 2 * p->C);
    if (p->dx && p->add)
        va_hot()->add(rows * p->C, dx, (const float *)p->add + first * p->C, dx);
}

void va_cpu_norm_grad(struct va_backend *be, const struct va_norm_grad *p)
{
    struct va_cpu *cpu = va_cpu(be);
    int64_t tasks = (p->M + ROWS - 1) / ROWS;
    struct norm_grad w = { .p = p };

    if (!va_cpu_room(cpu, 0, tasks * 2 * p->C))
        return;
    w.sums = cpu->shared;
    va_cpu_run(cpu, tasks, norm_grad_task, &w);
    for (int64_t c = 0; p->dgamma && c < p->C; c++) {
        double dgamma = 0, dbeta = 0;

        for (int64_t i = 0; i < tasks; i++) {
            dgamma += w.sums[2 * i * p->C + c];
            dbeta += w.sums[(2 * i + 1) * p->C + c];
        }
        ((float *)p->dgamma)[c] = (float)(((float *)p->dgamma)[c] + dgamma);
        ((float *)p->dbeta)[c] = (float)(((float *)p->dbeta)[c] + dbeta);
    }
}
