/* Losses that are sums over rows: squared errors and cross-entropy. */
#include "cuda/va_reduce.h"

#include "cuda/va_cuda.h"

enum { THREADS = 256, WARPS = THREADS / 32 };
static const unsigned MOST_BLOCKS = 1024;

struct block_sums {
    double warps[WARPS];
};

/* ---- squared errors --------------------------------------------------------------------------- */

/* A warp takes every so many-th row; four squares are added in float32, those in double. */
__global__ void __launch_bounds__(THREADS) squares(const struct va_squares p, double *sums)
{
    VA_SHARED_MEMORY(struct block_sums, s);
    const float *__restrict__ pred = va_in(p.pred), *__restrict__ target = va_in(p.target);
    float *__restrict__ dpred = va_out(p.dpred);
    int64_t step = (int64_t)gridDim.x * WARPS;
    double sum = 0;

    for (int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32; r < p.rows; r += step) {
        float weight = va_in(p.weight)[r], slope = (float)(2 * p.scale * weight);

        for (int64_t c = threadIdx.x % 32; c < p.C; c += 128) {
            float four = 0;

#pragma unroll
            for (int k = 0; k < 4; k++) {
                int64_t at = c + 32 * k;

                if (at < p.C) {
                    float off = pred[r * p.C + at] - target[r * p.C + at];

                    four += off * off;
                    if (dpred)
                        dpred[r * p.C + at] = slope * off;
                }
            }
            sum += (double)four * weight;
        }
    }
    sum = va_sum_block<THREADS>(sum, s.warps);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}

/* One block: the sums of all blocks into the record. */
__global__ void __launch_bounds__(THREADS)
    squares_loss(int blocks, const double *sums, const struct va_squares p)
{
    VA_SHARED_MEMORY(struct block_sums, s);
    double sum = 0;

    for (int i = threadIdx.x; i < blocks; i += THREADS)
        sum += sums[i];
    sum = va_sum_block<THREADS>(sum, s.warps);
    if (threadIdx.x == 0)
        va_step_loss((struct va_step *)p.step, p.scale * sum, (double)p.rows);
}

void va_cuda_squares(struct va_backend *be, const struct va_squares *p)
{
    unsigned all = va_blocks_of(p->rows, WARPS), blocks = all < MOST_BLOCKS ? all : MOST_BLOCKS;
    double *sums = (double *)va_cuda_room(be, MOST_BLOCKS * sizeof(*sums));

    if (!sums)
        return;
    if (blocks > 0)
        VA_LAUNCH(va_gpu_stream(), dim3(blocks), dim3(THREADS), sizeof(struct block_sums),
                  squares, *p, sums);
    if (p->step)
        VA_LAUNCH(va_gpu_stream(), dim3(1), dim3(THREADS), sizeof(struct block_sums),
                  squares_loss, (int)blocks, sums, *p);
    va_cuda_launched(be, "squares");
}

/* ---- cross-entropy ---------------------------------------------------------------------------- */

struct entropy_shared {
    double weights[WARPS], sums[WARPS];
};

/* One row of logits with its class: -log of its probability; and the gradient, times `slope`. */
static __device__ double entropy_row(int64_t C, const float *x, int32_t own, double slope,
                                     float *dx)
{
    double most = x[0], total = 0, share;

    for (int64_t c = 1; c < C; c++)
        most = fmax(most, (double)x[c]);
    for (int64_t c = 0; c < C; c++)
        total += exp(x[c] - most);
    share = slope / total;
    for (int64_t c = 0; c < C; c++)
        dx[c] = (float)(share * exp(x[c] - most) - (c == own ? slope : 0));
    return log(total) + most - x[own];
}

/* One block, a thread a row: there are few rows, and few classes. Sums are needed for the gradients,
 * so that more blocks would be more launches. */
__global__ void __launch_bounds__(THREADS) cross_entropy(const struct va_cross_entropy p)
{
    VA_SHARED_MEMORY(struct entropy_shared, s);
    struct va_step *step = (struct va_step *)p.step;
    double weights = 0, sum = 0, total;

    for (int64_t r = threadIdx.x; r < p.n; r += THREADS)
        weights += p.label[r] < 0 ? 0 : p.weight[p.label[r]];
    weights = va_sum_block<THREADS>(weights, s.weights);
    total = p.total > 0 ? p.total : weights;
    for (int64_t r = threadIdx.x; r < p.n; r += THREADS) {
        const float *x = va_in(p.logits) + r * p.C;
        float *dx = va_out(p.dlogits) + r * p.C;
        int32_t own = p.label[r];

        if (own >= 0)
            sum += p.weight[own] *
                   entropy_row(p.C, x, own, p.scale / total * p.weight[own], dx);
        for (int64_t c = 0; own < 0 && c < p.C; c++)
            dx[c] = 0;
    }
    sum = va_sum_block<THREADS>(sum, s.sums);
    if (threadIdx.x > 0)
        return;
    step->report.cross_entropy += sum;
    step->report.class_weight += weights;
    va_step_loss(step, total > 0 ? p.scale * (sum / total) : 0, total);
}

void va_cuda_cross_entropy(struct va_backend *be, const struct va_cross_entropy *p)
{
    if (be->failed)
        return;
    VA_LAUNCH(va_gpu_stream(), dim3(1), dim3(THREADS), sizeof(struct entropy_shared),
              cross_entropy, *p);
    va_cuda_launched(be, "cross_entropy");
}
