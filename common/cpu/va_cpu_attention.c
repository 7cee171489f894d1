/*
 * Attention of one head of one sequence at a time: scores of a block of queries, softmax over
 * their rows, and the mix of values, with products on the packed projections as they lie. The
 * backward pass makes the weights again from the scores and their log-sum, so that nothing of
 * size Tq x Tk is kept. With a causal mask a block ends at the last key that one of its queries
 * sees.
 */
#include "cpu/va_cpu_priv.h"
#include <math.h>
#include <string.h>

enum { QUERIES = 256 }; /* of a block */

static int64_t keys_of(int64_t Tq, int64_t Tk, bool causal, int64_t query)
{
    return causal ? Tk - Tq + query + 1 : Tk;
}

static struct va_gemm product(int64_t M, int64_t N, int64_t K, int64_t lda, int64_t ldb,
                              int64_t ldc, enum va_gemm_layout b)
{
    return (
        struct va_gemm){ .M = M, .N = N, .K = K, .lda = lda, .ldb = ldb, .ldc = ldc, .b = b };
}

/* ---- forward --------------------------------------------------------------------------- */

struct attention {
    struct va_cpu *cpu;
    const struct va_attention *p;
    int64_t blocks;
};

/* A single query, as the CLS row of an encoder or the newest frame of a stream is: row by row,
 * since each number of keys would be another product to prepare. */
static void one_query(const struct va_attention *p, const float *q, const float *k,
                      const float *v, float *scores, float *lse, float *y)
{
    float sum;

    for (int64_t s = 0; s < p->Tk; s++)
        scores[s] = (float)va_hot()->dot(p->D, q, k + s * p->ldk);
    sum = va_hot()->softmax(p->Tk, (float)(1 / sqrt((double)p->D)), scores);
    if (lse)
        *lse = sum;
    memset(y, 0, (size_t)p->D * sizeof(*y));
    for (int64_t s = 0; s + 1 < p->Tk; s += 2)
        va_hot()->combine(p->D, scores[s], v + s * p->ldk, scores[s + 1], v + (s + 1) * p->ldk,
                          y);
    if (p->Tk % 2)
        va_hot()->combine(p->D, scores[p->Tk - 1], v + (p->Tk - 1) * p->ldk, 0,
                          v + (p->Tk - 1) * p->ldk, y);
}

/* What a backward pass needs must be of the same weights as it finds. */
static bool rounds(const struct va_backend *be, const struct va_attention *p)
{
    return be->precision == VA_BF16_PRODUCTS && !p->lse;
}

/* ---- products of rounded operands (cpu/va_narrow.h) ------------------------------------- */

/* The working memory of a task: rows and panels of a product. */
struct rounded {
    uint8_t *rows, *panels;
};

/* Bytes of rows and panels of a product [M, K] by [K, N]. */
static int64_t bytes_of_rows(int64_t M, int64_t K)
{
    return va_round_up(M, VA_NARROW_ROWS) * va_narrow_ld(va_narrow_lines(K, 2));
}

static int64_t bytes_of_panels(int64_t N, int64_t K)
{
    return va_round_up(N, VA_NARROW_PANEL) * va_narrow_lines(K, 2) * VA_NARROW_LINE;
}

/* va_gemm of operands that are rounded to bfloat16 before; B in columns or rows. */
static void rounded_product(const struct va_gemm *g, struct rounded m, const float *a,
                            const float *b, float *c)
{
    int64_t lines = va_narrow_lines(g->K, 2);
    const struct va_narrow_product p = { .rows = g->M,
                                         .cols = g->N,
                                         .lines = lines,
                                         .taps = 1,
                                         .panel = lines * VA_NARROW_TILE,
                                         .x = m.rows,
                                         .ldx = va_narrow_ld(lines),
                                         .w = m.panels,
                                         .c = c,
                                         .ldc = g->ldc };

    for (int64_t i = 0; i < g->M; i++)
        va_hot()->halves_row(g->K, a + i * g->lda, m.rows + i * p.ldx);
    if (g->b == VA_GEMM_ROWS)
        va_hot()->halves_rows(g->K, g->N, g->ldb, b, m.panels, p.panel);
    for (int64_t n = 0; g->b == VA_GEMM_COLUMNS && n < g->N; n += VA_NARROW_PANEL)
        va_hot()->halves_columns(g->K, g->N - n < VA_NARROW_PANEL ? g->N - n : VA_NARROW_PANEL,
                                 g->ldb, b + n * g->ldb,
                                 m.panels + n / VA_NARROW_PANEL * p.panel);
    va_hot()->halves_product(&p);
}

/* Either of a task's products, by the precision. */
static void multiply(const struct attention *a, const struct va_gemm *g, struct rounded m,
                     const float *x, const float *w, float *c)
{
    if (m.rows)
        rounded_product(g, m, x, w, c);
    else if (va_gemm(g, x, w, c) < 0)
        atomic_store(&a->cpu->broken, true);
}

/* Bytes that both products of a task have room in: rows, then panels. */
static int64_t room_of_rows(const struct va_attention *p, int64_t n, int64_t keys)
{
    int64_t q = bytes_of_rows(n, p->D), w = bytes_of_rows(n, keys);

    return q > w ? q : w;
}

static int64_t room_of_panels(const struct va_attention *p, int64_t keys)
{
    int64_t k = bytes_of_panels(keys, p->D), v = bytes_of_panels(p->D, keys);

    return k > v ? k : v;
}

static void attention_task(void *arg, int64_t task, int thread)
{
    const struct attention *a = arg;
    const struct va_attention *p = a->p;
    int64_t q0 = task % a->blocks * QUERIES, h = task / a->blocks % p->H;
    int64_t b = task / a->blocks / p->H;
    int64_t n = p->Tq - q0 < QUERIES ? p->Tq - q0 : QUERIES;
    int64_t keys = keys_of(p->Tq, p->Tk, p->causal, q0 + n - 1);
    const float *q = (const float *)p->q + b * p->stepq + q0 * p->ldq + h * p->D;
    const float *k = (const float *)p->k + b * p->stepk + h * p->D;
    const float *v = (const float *)p->v + b * p->stepk + h * p->D;
    float *scores = va_cpu_scratch(a->cpu, thread); /* [n, keys] */
    float *y = (float *)p->y + ((b * p->Tq + q0) * p->H + h) * p->D;
    float *lse = p->lse ? (float *)p->lse + (b * p->H + h) * p->Tq + q0 : NULL;
    struct va_gemm qk = product(n, keys, p->D, p->ldq, p->ldk, keys, VA_GEMM_COLUMNS);
    struct va_gemm pv = product(n, p->D, keys, keys, p->ldk, p->H * p->D, VA_GEMM_ROWS);
    struct rounded m = { NULL, NULL };

    if (rounds(&a->cpu->base, p)) {
        m.rows = (uint8_t *)(scores + va_round_up(n * keys, 16));
        m.panels = m.rows + room_of_rows(p, n, keys);
    } else if (p->Tq == 1) {
        one_query(p, q, k, v, scores, lse, y);
        return;
    }
    multiply(a, &qk, m, q, k, scores);
    for (int64_t i = 0; i < n; i++) {
        int64_t seen = keys_of(p->Tq, p->Tk, p->causal, q0 + i);
        float *row = scores + i * keys;
        float sum = va_hot()->softmax(seen, (float)(1 / sqrt((double)p->D)), row);

        if (lse)
            lse[i] = sum;
        memset(row + seen, 0, (size_t)(keys - seen) * sizeof(*row));
    }
    multiply(a, &pv, m, scores, v, y);
}

void va_cpu_attention(struct va_backend *be, const struct va_attention *p)
{
    struct attention a = { va_cpu(be), p, (p->Tq + QUERIES - 1) / QUERIES };
    int64_t n = p->Tq < QUERIES ? p->Tq : QUERIES, each = va_round_up(n * p->Tk, 16);

    if (rounds(be, p))
        each += (room_of_rows(p, n, p->Tk) + room_of_panels(p, p->Tk)) / 4;
    if (va_cpu_room(a.cpu, each, 0))
        va_cpu_run(a.cpu, p->B * p->H * a.blocks, attention_task, &a);
}

/* ---- backward --------------------------------------------------------------------------- */

struct attention_grad {
    struct va_cpu *cpu;
    const struct va_attention_grad *p;
    int64_t queries;
};

/* What a task works on: one head of one sequence. */
struct head {
    const float *q, *k, *v, *y, *dy, *lse;
    float *dq, *dk, *dv;
};

/*
 * Queries [q0, q0 + n) of a head: w = exp(q k^T / sqrt(D) - lse), dv += w^T dy,
 * e = w (dy v^T - dy y) / sqrt(D), dq = e k, dk += e^T q. The first block, whose keys may be
 * fewer than those of later ones, begins dk and dv; -1 after reporting.
 */
static int queries_grad(const struct attention_grad *a, const struct head *t, int64_t q0,
                        int64_t n, int thread)
{
    const struct va_attention_grad *p = a->p;
    int64_t keys = keys_of(p->Tq, p->Tk, p->causal, q0 + n - 1), row = p->H * p->D;
    float scale = (float)(1 / sqrt((double)p->D));
    float *w = va_cpu_scratch(a->cpu, thread), *e = w + a->queries * p->Tk; /* [n, keys] */
    const float *q = t->q + q0 * p->ldq, *dy = t->dy + q0 * row;
    struct va_gemm qk = product(n, keys, p->D, p->ldq, p->ldk, keys, VA_GEMM_COLUMNS);
    struct va_gemm dyv = product(n, keys, p->D, row, p->ldk, keys, VA_GEMM_COLUMNS);
    struct va_gemm wdy = product(keys, p->D, n, keys, row, p->ldk, VA_GEMM_ROWS);
    struct va_gemm ek = product(n, p->D, keys, keys, p->ldk, p->ldq, VA_GEMM_ROWS);
    struct va_gemm eq = product(keys, p->D, n, keys, p->ldq, p->ldk, VA_GEMM_ROWS);

    if (va_gemm(&qk, q, t->k, w) < 0 || va_gemm(&dyv, dy, t->v, e) < 0)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t seen = keys_of(p->Tq, p->Tk, p->causal, q0 + i);
        float *wi = w + i * keys, *ei = e + i * keys;
        double mean = va_hot()->dot(p->D, dy + i * row, t->y + (q0 + i) * row);

        va_hot()->softmax_grad(seen, scale, t->lse[q0 + i], (float)mean, wi, ei);
        memset(wi + seen, 0, (size_t)(keys - seen) * sizeof(*wi));
        memset(ei + seen, 0, (size_t)(keys - seen) * sizeof(*ei));
    }
    wdy.transA = wdy.add = eq.transA = eq.add = true;
    if (va_gemm(&wdy, w, dy, t->dv) < 0 || va_gemm(&eq, e, q, t->dk) < 0)
        return -1;
    return va_gemm(&ek, e, t->k, t->dq + q0 * p->ldq);
}

static void attention_grad_task(void *arg, int64_t task, int thread)
{
    const struct attention_grad *a = arg;
    const struct va_attention_grad *p = a->p;
    int64_t h = task % p->H, b = task / p->H;
    int64_t atq = b * p->stepq + h * p->D, atk = b * p->stepk + h * p->D;
    int64_t aty = (b * p->Tq * p->H + h) * p->D;
    struct head t = { .q = (const float *)p->q + atq,
                      .k = (const float *)p->k + atk,
                      .v = (const float *)p->v + atk,
                      .y = (const float *)p->y + aty,
                      .dy = (const float *)p->dy + aty,
                      .lse = (const float *)p->lse + task * p->Tq,
                      .dq = (float *)p->dq + atq,
                      .dk = (float *)p->dk + atk,
                      .dv = (float *)p->dv + atk };

    for (int64_t s = 0; s < p->Tk; s++) {
        memset(t.dk + s * p->ldk, 0, (size_t)p->D * sizeof(float));
        memset(t.dv + s * p->ldk, 0, (size_t)p->D * sizeof(float));
    }
    for (int64_t q0 = 0; q0 < p->Tq; q0 += QUERIES)
        if (queries_grad(a, &t, q0, p->Tq - q0 < QUERIES ? p->Tq - q0 : QUERIES, thread) < 0) {
            atomic_store(&a->cpu->broken, true);
            return;
        }
}

void va_cpu_attention_grad(struct va_backend *be, const struct va_attention_grad *p)
{
    struct attention_grad a = { va_cpu(be), p, p->Tq < QUERIES ? p->Tq : QUERIES };

    if (va_cpu_room(a.cpu, 2 * a.queries * p->Tk, 0))
        va_cpu_run(a.cpu, p->B * p->H, attention_grad_task, &a);
}
