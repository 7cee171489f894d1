/*
 * Dropout, alone and behind prelu. A quad (va_map.h) is what one Philox block decides on, whichever element a
 * tensor begins with: so a mask costs a block for four numbers.
 */
extern "C" {
#include "base/va_rand.h"
}
#include "cuda/va_map.h"
#include "cuda/va_reduce.h"
#include <math.h>

struct mask {
    const struct va_step *step; /* NULL: everything is kept */
    uint64_t stream, block;     /* of Philox: the first quad's */
    uint32_t drops;             /* words up to this one */
    float scale;
};

/* p is above 0, so at least word 0 drops; ceil(p 2^32) may be 2^32 itself. */
static struct mask mask_of(const struct va_mask *m)
{
    if (!(m->p > 0))
        return { nullptr, 0, 0, 0, 1 };
    return { (const struct va_step *)m->step, (uint64_t)m->stream, (uint64_t)m->first / 4,
             (uint32_t)(ceil(m->p * 0x1p32) - 1), (float)(1 / (1 - m->p)) };
}

static struct va_quads quads_of(int64_t n, const struct va_mask *m, bool vectors)
{
    const int shift = m->p > 0 ? (int)(m->first % 4) : 0;

    return { n, shift, vectors && shift == 0 };
}

static __device__ __forceinline__ void drop(float (&v)[4], struct mask m, int64_t j)
{
    uint32_t words[4];

    if (!m.step)
        return;
    va_philox(m.step->seed, VA_RAND_DROPOUT, m.step->step * VA_MASK_STREAMS + m.stream,
              m.block + (uint64_t)j, words);
#pragma unroll
    for (int k = 0; k < 4; k++)
        v[k] = words[k] > m.drops ? v[k] * m.scale : 0;
}

static __global__ void __launch_bounds__(256)
    dropout(struct va_quads q, struct mask m, const float *x, float *y)
{
    VA_EACH_QUAD(j, q)
    {
        float v[4];

        va_get4(v, q, j, x);
        drop(v, m, j);
        va_put4(v, q, j, y);
    }
}

void va_cuda_dropout(struct va_backend *be, const struct va_dropout *p)
{
    const struct va_quads q = quads_of(p->count, &p->mask,
                                       va_aligned16(p->x) && va_aligned16(p->y));
    const struct va_map_shape s = va_map_shape(q, 1);

    if (!va_cuda_go(be, p->count))
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, dropout, q, mask_of(&p->mask), va_in(p->x),
              va_out(p->y));
    va_cuda_launched(be, "dropout");
}

/* ---- prelu ------------------------------------------------------------------------------------- */

static __global__ void __launch_bounds__(256)
    prelu(struct va_quads q, struct mask m, const float *x, const float *slope,
          const float *residual, float *y)
{
    const float s = *slope;

    VA_EACH_QUAD(j, q)
    {
        float v[4];

        va_get4(v, q, j, x);
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] = v[k] > 0 ? v[k] : s * v[k];
        drop(v, m, j);
        if (residual)
            va_add4(v, q, j, residual);
        va_put4(v, q, j, y);
    }
}

void va_cuda_prelu(struct va_backend *be, const struct va_prelu *p)
{
    const struct va_quads q = quads_of(
        p->n, &p->mask, va_aligned16(p->x) && va_aligned16(p->residual) && va_aligned16(p->y));
    const struct va_map_shape s = va_map_shape(q, 1);

    if (!va_cuda_go(be, p->n))
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, prelu, q, mask_of(&p->mask), va_in(p->x),
              va_in(p->slope), va_in(p->residual), va_out(p->y));
    va_cuda_launched(be, "prelu");
}

struct block_sum {
    double warps[8];
};

/* Each block leaves its part of dslope in sums [gridDim.x]. */
static __global__ void __launch_bounds__(256)
    prelu_grad(struct va_quads q, struct mask m, const float *x, const float *slope,
               const float *dy, float *dx, double *sums)
{
    VA_SHARED_MEMORY(struct block_sum, room);
    const float s = *slope;
    double sum = 0;

    VA_EACH_QUAD(j, q)
    {
        float v[4], g[4], part = 0;

        va_get4(v, q, j, x);
        va_get4(g, q, j, dy);
        drop(g, m, j);
#pragma unroll
        for (int k = 0; k < 4; k++) {
            part += v[k] > 0 ? 0 : g[k] * v[k];
            g[k] = v[k] > 0 ? g[k] : s * g[k];
        }
        va_put4(g, q, j, dx);
        sum += (double)part;
    }
    sum = va_sum_block<256>(sum, room.warps);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(256) add_sums(int count, const double *sums, float *to)
{
    VA_SHARED_MEMORY(struct block_sum, room);
    double sum = 0;

    for (int i = (int)threadIdx.x; i < count; i += 256)
        sum += sums[i];
    sum = va_sum_block<256>(sum, room.warps);
    if (threadIdx.x == 0)
        *to = (float)(*to + sum);
}

void va_cuda_prelu_grad(struct va_backend *be, const struct va_prelu_grad *p)
{
    const struct va_quads q = quads_of(
        p->n, &p->mask, va_aligned16(p->x) && va_aligned16(p->dy) && va_aligned16(p->dx));
    const struct va_map_shape s = va_map_shape(q, 1);
    const size_t bytes = s.grid.x * sizeof(double);
    double *sums = va_cuda_go(be, p->n) ? (double *)va_cuda_room(be, bytes) : nullptr;

    if (!sums)
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, sizeof(struct block_sum), prelu_grad, q,
              mask_of(&p->mask), va_in(p->x), va_in(p->slope), va_in(p->dy), va_out(p->dx),
              sums);
    if (p->dslope)
        VA_LAUNCH(va_gpu_stream(), dim3(1), dim3(256), sizeof(struct block_sum), add_sums,
                  (int)s.grid.x, sums, va_out(p->dslope));
    va_cuda_launched(be, "prelu_grad");
}
