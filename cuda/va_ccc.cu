/* Moments of predictions and labels, and the CCC loss made of them (ops/va_ccc_loss.h). */
#include "cuda/va_nccl.h"
#include "cuda/va_reduce.h"

extern "C" {
#include "ops/va_ccc_loss.h"
}

enum { THREADS = 256, WARPS = THREADS / 32 };

struct ccc_shared {
    double means[5][WARPS], spreads[6][WARPS];
    struct va_ccc_coefficients slope;
};

/* Means, then centred sums, of this block; all threads get them. A batch has some thousand frames. */
static __device__ void moments_of(int64_t n, const float *p, const float *y, const float *on,
                                  struct ccc_shared *s, struct va_ccc_moments *m)
{
    memset(m, 0, sizeof(*m));
    for (int64_t i = threadIdx.x; i < n; i += THREADS)
        for (int d = 0; d < 2 && on[i] > 0; d++) {
            m->count += d;
            va_ccc_add(m, d, p[2 * i + d], y[2 * i + d]);
        }
    double means[5] = { m->count, m->mean_p[0], m->mean_p[1], m->mean_y[0], m->mean_y[1] };

    va_sum_block<THREADS>(means, s->means);
    m->count = means[0];
    for (int d = 0; d < 2; d++) {
        m->mean_p[d] = means[1 + d];
        m->mean_y[d] = means[3 + d];
    }
    va_ccc_means(m);
    for (int64_t i = threadIdx.x; i < n; i += THREADS)
        for (int d = 0; d < 2 && on[i] > 0; d++)
            va_ccc_spread(m, d, p[2 * i + d], y[2 * i + d]);
    double spreads[6] = { m->spp[0], m->spp[1], m->syy[0], m->syy[1], m->spy[0], m->spy[1] };

    va_sum_block<THREADS>(spreads, s->spreads);
    for (int d = 0; d < 2; d++) {
        m->spp[d] = spreads[d];
        m->syy[d] = spreads[2 + d];
        m->spy[d] = spreads[4 + d];
    }
}

__global__ void __launch_bounds__(THREADS)
    ccc_moments(int64_t n, const float *pred, const float *label, const float *valid,
                struct va_ccc_moments *out)
{
    VA_SHARED_MEMORY(struct ccc_shared, s);
    struct va_ccc_moments m;

    moments_of(n, pred, label, valid, &s, &m);
    if (threadIdx.x == 0)
        *out = m;
}

/* One block: moments, unless they are given, or those of each rank; loss and coefficients by one thread; the gradient by all. */
__global__ void __launch_bounds__(THREADS)
    ccc_loss(const struct va_ccc q, bool given, const struct va_ccc_moments moments,
             const struct va_ccc_moments *each, int ranks)
{
    VA_SHARED_MEMORY(struct ccc_shared, s);
    const float *p = va_in(q.pred), *y = va_in(q.label), *on = va_in(q.valid);
    struct va_ccc_moments m = moments;

    if (!given && !each)
        moments_of(q.n, p, y, on, &s, &m);
    if (threadIdx.x == 0) {
        struct va_ccc_loss loss;

        for (int r = 0; r < ranks; r++)
            va_ccc_merge(&m, &each[r]);

        va_ccc_loss(&m, &q, &loss, &s.slope);
        va_ccc_record((struct va_step *)q.step, &loss);
    }
    __syncthreads();
    for (int64_t i = threadIdx.x; i < 2 * q.n; i += THREADS)
        va_out(q.dpred)[i] = on[i / 2] > 0
                                 ? (float)va_ccc_slope(&s.slope, (int)(i % 2), p[i], y[i])
                                 : 0;
}

void va_cuda_ccc_moments_to(struct va_backend *be, const struct va_ccc *p,
                            struct va_ccc_moments *to)
{
    VA_LAUNCH(va_gpu_stream(), dim3(1), dim3(THREADS), sizeof(struct ccc_shared), ccc_moments,
              p->n, va_in(p->pred), va_in(p->label), va_in(p->valid), to);
    va_cuda_launched(be, "ccc_moments");
}

void va_cuda_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                         const void *valid, struct va_ccc_moments *out)
{
    struct va_ccc_moments *room = (struct va_ccc_moments *)va_cuda_room(be, sizeof(*room));
    struct va_ccc p = {};

    memset(out, 0, sizeof(*out));
    if (!room)
        return;
    p.n = n;
    p.pred = pred;
    p.label = label;
    p.valid = valid;
    va_cuda_ccc_moments_to(be, &p, room);
    be->ops->get_bytes(be, out, room, sizeof(*out));
}

void va_cuda_ccc_loss(struct va_backend *be, const struct va_ccc *q)
{
    const struct va_ccc_moments *each = NULL;
    struct va_ccc_moments m = {};
    int ranks = 0;

    if (be->failed)
        return;
    if (q->joined)
        each = va_nccl_moments(&ranks);
    if (q->moments) {
        m = *q->moments;
        va_gpu_give_up(); /* the next step has others */
    }
    VA_LAUNCH(va_gpu_stream(), dim3(1), dim3(THREADS), sizeof(struct ccc_shared), ccc_loss, *q,
              q->moments != NULL, m, each, ranks);
    va_cuda_launched(be, "ccc_loss");
}
