/*
 * The optimiser, for all tensors at once: two trips through memory. The first measures the gradients; those of
 * weights under a norm become those of their parameters on the way, without being written. The second
 * changes parameters and moments, and makes the rows of normed weights anew. Whether it goes ahead is
 * decided here, so that the host need not wait.
 *
 * Tensors are cut into pieces, a block's work: PIECE numbers, or a row of a normed weight. Plain tensors
 * and normed ones are two lists of a table, each with its own numbers of pieces.
 */
#include "cuda/va_derive.h"

#include "cuda/va_cuda.h"
#include <stdlib.h>

enum { THREADS = ROW_THREADS, WARPS = THREADS / 32 };
static const int64_t PIECE = 1 << 14;

struct tensor {
    float *value, *grad, *m, *v;
    int64_t count, piece; /* numbers, and those of a piece; a row of a normed weight */
    int64_t first;        /* number of its first piece in its list */
    int64_t index;        /* in the list of the host */
    double decay, rate;
    const float *g; /* of a normed weight: its lengths, */
    float *dg, *w;  /* their gradient, the weight */
};

/* What the measuring finds. */
struct plan {
    bool goes_ahead;
    double scale, bias1, bias2, rate; /* rate: the step's */
};

/* On the device, one after the other. [0]: plain; [1]: normed. */
struct table {
    struct tensor *tensors[2]; /* [count], by their first piece */
    struct plan *plan;
    double *sums[2]; /* [pieces]: of squares */
    struct va_row_slope *slopes;
    int count[2];
    int64_t pieces[2];
};

/* Hyperparameters, without what only the host may read. */
struct constants {
    double beta1, beta2, eps, clip;
    struct va_step *step;
};

struct update_shared {
    struct va_row_room room;
    double sums[WARPS];
    int64_t worst[WARPS];
};

/* ---- on the device ----------------------------------------------------------------------------- */

/* The tensor that a block's piece belongs to: the last whose first piece is not beyond it. */
static __device__ __forceinline__ const struct tensor *tensor_of(const struct table &t,
                                                                 int kind, int64_t piece)
{
    int low = 0, high = t.count[kind];

    while (high - low > 1) {
        int middle = (low + high) / 2;

        if (t.tensors[kind][middle].first <= piece)
            low = middle;
        else
            high = middle;
    }
    return &t.tensors[kind][low];
}

__global__ void __launch_bounds__(THREADS) plain_squares(const struct table t)
{
    VA_SHARED_MEMORY(struct update_shared, s);
    const struct tensor *own = tensor_of(t, 0, blockIdx.x);
    int64_t from = (blockIdx.x - own->first) * PIECE;
    int n = (int)(own->count - from < PIECE ? own->count - from : PIECE);
    const float *g = own->grad + from;
    double sum = 0;

    for (int i = threadIdx.x; i < n; i += 4 * THREADS) {
        float four = 0;

#pragma unroll
        for (int k = 0; k < 4; k++)
            if (i + k * THREADS < n)
                four += g[i + k * THREADS] * g[i + k * THREADS];
        sum += four;
    }
    sum = va_sum_block<THREADS>(sum, s.sums);
    if (threadIdx.x == 0)
        t.sums[0][blockIdx.x] = sum;
}

/* A row of a normed weight: the way to the gradient of v, and the squares of that. */
__global__ void __launch_bounds__(THREADS) normed_squares(const struct table t)
{
    VA_SHARED_MEMORY(struct update_shared, s);
    const struct tensor *own = tensor_of(t, 1, blockIdx.x);
    int64_t r = blockIdx.x - own->first, cols = own->piece;
    const float *v = own->value + r * cols, *dw = own->grad + r * cols;
    struct va_row_slope slope = va_row_slope_of(cols, own->g[r], v, dw, own->dg + r, &s.room);
    double sum = 0;

    for (int64_t i = threadIdx.x; i < cols; i += THREADS) {
        float g = slope.dw * dw[i] + slope.v * v[i];

        sum += g * g;
    }
    sum = va_sum_block<THREADS>(sum, s.sums);
    if (threadIdx.x == 0) {
        t.slopes[blockIdx.x] = slope;
        t.sums[1][blockIdx.x] = sum;
    }
}

/* A warp's share of the tensors, a tensor at a time: their squares, and the first that is not finite. */
static __device__ double measure_some(const struct table &t, int kind, int64_t *worst)
{
    double total = 0;

    for (int i = threadIdx.x / 32; i < t.count[kind]; i += WARPS) {
        const struct tensor *own = &t.tensors[kind][i];
        int64_t end = i + 1 < t.count[kind] ? own[1].first : t.pieces[kind];
        double sum = 0;

        for (int64_t k = own->first + threadIdx.x % 32; k < end; k += 32)
            sum += t.sums[kind][k];
        sum = va_sum_warp(sum);
        if (!isfinite(sum) && (*worst < 0 || own->index < *worst))
            *worst = own->index;
        total += sum;
    }
    return total;
}

/* One block: the norm of all gradients, into the record; what the second trip needs. */
__global__ void __launch_bounds__(THREADS)
    measure(const struct table t, const struct constants h)
{
    VA_SHARED_MEMORY(struct update_shared, s);
    int64_t worst = -1;
    double total = measure_some(t, 0, &worst) + measure_some(t, 1, &worst);
    struct va_step_report *report = &h.step->report;

    if (threadIdx.x % 32 == 0) {
        s.sums[threadIdx.x / 32] = total;
        s.worst[threadIdx.x / 32] = worst;
    }
    __syncthreads();
    if (threadIdx.x > 0)
        return;
    for (int i = 1; i < WARPS; i++) {
        total += s.sums[i];
        if (s.worst[i] >= 0 && (worst < 0 || s.worst[i] < worst))
            worst = s.worst[i];
    }
    report->norm = sqrt(total);
    if (report->worst < 0)
        report->worst = worst;
    t.plan->goes_ahead = va_step_updates(h.step);
    t.plan->scale = h.clip > 0 && h.clip < report->norm + 1e-6 ? h.clip / (report->norm + 1e-6)
                                                               : 1;
    t.plan->bias1 = 1 - pow(h.beta1, (double)h.step->t);
    t.plan->bias2 = 1 - pow(h.beta2, (double)h.step->t);
    t.plan->rate = h.step->rate;
}

/* Constants of a tensor's step, rounded once from double. */
struct factors {
    float clip, keep, beta1, rest1, beta2, rest2, step, root, eps;
};

static __device__ __forceinline__ struct factors factors_of(const struct constants &h,
                                                            const struct plan *p,
                                                            const struct tensor *own)
{
    double rate = p->rate * own->rate;

    return { (float)p->scale,
             (float)(1 - rate * own->decay),
             (float)h.beta1,
             (float)(1 - h.beta1),
             (float)h.beta2,
             (float)(1 - h.beta2),
             (float)(rate / p->bias1),
             (float)(1 / sqrt(p->bias2)),
             (float)h.eps };
}

static __device__ __forceinline__ void step_number(const struct factors &f, float g, float *w,
                                                   float *m, float *v)
{
    float mi = *m * f.beta1 + g * f.rest1, vi = *v * f.beta2 + g * g * f.rest2;

    *m = mi;
    *v = vi;
    *w = *w * f.keep - mi * f.step * va_rcp(va_sqrt(vi) * f.root + f.eps);
}

__global__ void __launch_bounds__(THREADS)
    plain_step(const struct table t, const struct constants h)
{
    const struct tensor *own = tensor_of(t, 0, blockIdx.x);
    int64_t from = (blockIdx.x - own->first) * PIECE;
    int n = (int)(own->count - from < PIECE ? own->count - from : PIECE);
    float *__restrict__ w = own->value + from, *__restrict__ m = own->m + from;
    float *__restrict__ v = own->v + from;
    const float *__restrict__ grad = own->grad + from;
    struct factors f;

    if (!t.plan->goes_ahead)
        return;
    f = factors_of(h, t.plan, own);
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += THREADS)
        step_number(f, grad[i] * f.clip, w + i, m + i, v + i);
}

/* A row: its numbers, then, from them and the length, which plain_step changed, the weight. */
__global__ void __launch_bounds__(THREADS)
    normed_step(const struct table t, const struct constants h)
{
    VA_SHARED_MEMORY(struct update_shared, s);
    const struct tensor *own = tensor_of(t, 1, blockIdx.x);
    int64_t r = blockIdx.x - own->first, cols = own->piece, from = r * cols;
    float *__restrict__ value = own->value + from, *__restrict__ m = own->m + from;
    float *__restrict__ v = own->v + from;
    const float *__restrict__ grad = own->grad + from;
    struct va_row_slope slope;
    struct factors f;

    if (!t.plan->goes_ahead)
        return;
    slope = t.slopes[blockIdx.x];
    f = factors_of(h, t.plan, own);
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < cols; i += THREADS)
        step_number(f, (grad[i] * slope.dw + value[i] * slope.v) * f.clip, value + i, m + i,
                    v + i);
    va_normed_row(cols, own->g[r], value, own->w + from,
                  &s.room); /* of this thread's numbers */
}

/* ---- on the host ------------------------------------------------------------------------------- */

static const struct va_derived *normed_of(const struct va_adamw *h, const struct va_update *u)
{
    for (int64_t i = 0; i < h->derived_count; i++)
        if (h->derived[i].law == VA_LAW_WEIGHT_NORM && h->derived[i].dv == u->grad)
            return &h->derived[i];
    return NULL;
}

static struct tensor describe(const struct va_adamw *h, int64_t index)
{
    const struct va_update *u = &h->list[index];
    const struct va_derived *normed = normed_of(h, u);
    struct tensor t = { va_out(u->value), va_out(u->grad), va_out(u->m), va_out(u->v) };

    t.count = u->count;
    t.piece = PIECE;
    t.index = index;
    t.decay = u->decay;
    t.rate = u->rate;
    if (normed) {
        t.piece = normed->cols;
        t.g = va_in(normed->g);
        t.dg = va_out(normed->dg);
        t.w = va_out(normed->w.data);
    }
    return t;
}

/* Tensors of one kind, and how many pieces they have; returns how many there are. */
static int list_tensors(const struct va_adamw *h, int kind, struct tensor *tensors,
                        int64_t *pieces)
{
    int count = 0;

    *pieces = 0;
    for (int64_t i = 0; i < h->count; i++) {
        struct tensor one = describe(h, i);

        if ((one.w != NULL) != kind || one.count < 1)
            continue;
        one.first = *pieces;
        *pieces += (one.count + one.piece - 1) / one.piece;
        tensors[count++] = one;
    }
    return count;
}

/* The same from step to step, so it stays on the device. */
static bool make_table(struct va_backend *be, const struct va_adamw *h, struct table *t)
{
    size_t most = (size_t)h->count * sizeof(struct tensor), bytes, rest;
    struct tensor *tensors = (struct tensor *)malloc(most + 1), *kept;

    if (!tensors) {
        va_cuda_fail(be, "out of memory: %zu bytes", most);
        return false;
    }
    t->count[0] = list_tensors(h, 0, tensors, &t->pieces[0]);
    t->count[1] = list_tensors(h, 1, tensors + t->count[0], &t->pieces[1]);
    bytes = (size_t)(t->count[0] + t->count[1]) * sizeof(*tensors);
    rest = sizeof(*t->plan) + (size_t)(t->pieces[0] + t->pieces[1]) * sizeof(*t->sums[0]) +
           (size_t)t->pieces[1] * sizeof(*t->slopes);
    kept = (struct tensor *)va_cuda_kept(be, tensors, bytes, rest);
    free(tensors);
    if (!kept)
        return false;
    t->tensors[0] = kept;
    t->tensors[1] = kept + t->count[0];
    t->plan = (struct plan *)((unsigned char *)kept + bytes);
    t->sums[0] = (double *)(t->plan + 1);
    t->sums[1] = t->sums[0] + t->pieces[0];
    t->slopes = (struct va_row_slope *)(t->sums[1] + t->pieces[1]);
    return true;
}

/* The lengths of normed rows are among the plain tensors: their gradients are complete after
 * normed_squares, and they are changed before normed_step. */
static void launch(const struct table *t, const struct constants *h)
{
    void *stream = va_gpu_stream();
    dim3 plain((unsigned)t->pieces[0]), normed((unsigned)t->pieces[1]), block(THREADS);
    size_t shared = sizeof(struct update_shared);

    if (normed.x > 0)
        VA_LAUNCH(stream, normed, block, shared, normed_squares, *t);
    if (plain.x > 0)
        VA_LAUNCH(stream, plain, block, shared, plain_squares, *t);
    VA_LAUNCH(stream, dim3(1), block, shared, measure, *t, *h);
    if (plain.x > 0)
        VA_LAUNCH(stream, plain, block, (size_t)0, plain_step, *t, *h);
    if (normed.x > 0)
        VA_LAUNCH(stream, normed, block, shared, normed_step, *t, *h);
}

/* What is still to be made anew; of the same values where nothing changed. */
static void renew(struct va_backend *be, const struct va_adamw *p)
{
    for (int64_t i = 0; i < p->count; i++) {
        const struct va_derived *normed = normed_of(p, &p->list[i]);

        if (p->list[i].weight)
            va_cuda_renew(be, p->list[i].weight);
        if (normed)
            va_cuda_renew(be, (struct va_weight *)&normed->w);
    }
    for (int64_t i = 0; i < p->derived_count; i++)
        if (p->derived[i].law != VA_LAW_WEIGHT_NORM || !p->derived[i].dv)
            va_cuda_derive(be, &p->derived[i], 1);
}

void va_cuda_update(struct va_backend *be, const struct va_adamw *p)
{
    struct constants h = { p->beta1, p->beta2, p->eps, p->clip, (struct va_step *)p->step };
    struct table t;

    for (int64_t i = 0; i < p->derived_count; i++)
        if (p->derived[i].law != VA_LAW_WEIGHT_NORM && p->derived[i].dv)
            va_cuda_derive_grad(be, &p->derived[i], 1);
    if (!make_table(be, p, &t))
        return;
    launch(&t, &h);
    va_cuda_launched(be, "update");
    renew(be, p);
}
