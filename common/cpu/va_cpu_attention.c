/*
 * Attention of one head of one sequence at a time: scores of a block of queries, softmax over
 * their rows, and the mix of values, with products on the packed projections as they lie.
 */
#include "cpu/va_cpu_priv.h"
#include <math.h>

enum { QUERIES = 256 }; /* of a block */

struct attention {
    struct va_cpu *cpu;
    const struct va_attention *p;
    int64_t blocks;
};

static void attention_task(void *arg, int64_t task, int thread)
{
    const struct attention *a = arg;
    const struct va_attention *p = a->p;
    int64_t q0 = task % a->blocks * QUERIES, h = task / a->blocks % p->H;
    int64_t b = task / a->blocks / p->H, row = 3 * p->H * p->D;
    int64_t queries = p->queries - q0 < QUERIES ? p->queries - q0 : QUERIES;
    const float *base = (const float *)p->qkv + b * p->T * row + h * p->D;
    float *scores = va_cpu_scratch(a->cpu, thread); /* [queries, T] */
    float *y = (float *)p->y + ((b * p->queries + q0) * p->H + h) * p->D;
    struct va_gemm qk = { queries, p->T, p->D, row, row, p->T, false, false, VA_GEMM_COLUMNS };
    struct va_gemm pv = { queries,     p->D,  p->T,  p->T,        row,
                          p->H * p->D, false, false, VA_GEMM_ROWS };

    if (va_gemm(&qk, thread, base + q0 * row, base + p->H * p->D, scores) < 0) {
        atomic_store(&a->cpu->broken, true);
        return;
    }
    for (int64_t q = 0; q < queries; q++)
        va_hot()->softmax(p->T, (float)(1 / sqrt((double)p->D)), scores + q * p->T);
    if (va_gemm(&pv, thread, scores, base + 2 * p->H * p->D, y) < 0)
        atomic_store(&a->cpu->broken, true);
}

void va_cpu_attention(struct va_backend *be, const struct va_attention *p)
{
    struct attention a = { va_cpu(be), p, (p->queries + QUERIES - 1) / QUERIES };
    int64_t queries = p->queries < QUERIES ? p->queries : QUERIES;

    if (va_cpu_room(a.cpu, queries * p->T, 0))
        va_cpu_run(a.cpu, p->B * p->H * a.blocks, attention_task, &a);
}
