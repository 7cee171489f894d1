/*
 * Sums over frames: each block makes some of them over a run of rows or parts, and where there are several
 * runs a second kernel adds those in order.
 */
#include "cuda/va_weight_grad.h"

enum { THREADS = 256, COLUMNS = 32, LANES = 8, RUN = 512 }; /* rows of a block */

/* ---- columns ---------------------------------------------------------------------------------- */

struct columns_shared {
    double sums[LANES][COLUMNS];
};

/* 32 columns by 8 lanes, which take every eighth row. `sums` [runs, N]. */
__global__ void sum_columns(va_rows p, int64_t count, int64_t N, unsigned across, double *sums)
{
    VA_SHARED_MEMORY(columns_shared, s);
    int64_t run = blockIdx.x / across,
            n = (int64_t)(blockIdx.x % across) * COLUMNS + threadIdx.x;
    int64_t end = (run + 1) * RUN < count ? (run + 1) * RUN : count;
    int64_t r = run * RUN + threadIdx.y, i = r / p.M, m = r - i * p.M;
    double sum = 0;

    for (; n < N && r < end; r += LANES, m += LANES) {
        while (m >= p.M) { /* the next tensors */
            m -= p.M;
            i++;
        }
        sum += p.x[i * p.step + m * p.ld + n];
    }
    s.sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || n >= N)
        return;
    for (int lane = 1; lane < LANES; lane++)
        sum += s.sums[lane][threadIdx.x];
    sums[run * N + n] = sum;
}

__global__ void add_columns(int64_t runs, int64_t N, const double *sums, float *to)
{
    int64_t n = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    double sum = 0;

    if (n >= N)
        return;
    for (int64_t r = 0; r < runs; r++)
        sum += sums[r * N + n];
    to[n] = (float)(to[n] + sum);
}

void va_cuda_add_columns(struct va_backend *be, va_rows rows, int64_t count, int64_t N,
                         float *sum)
{
    unsigned runs = va_blocks_of(count, RUN), across = va_blocks_of(N, COLUMNS);
    double *sums = (double *)va_cuda_room(be, runs * (size_t)N * sizeof(double));

    if (!sums)
        return;
    VA_LAUNCH(va_gpu_stream(), dim3(runs * across), dim3(COLUMNS, LANES),
              sizeof(columns_shared), sum_columns, rows, count, N, across, sums);
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(N, THREADS)), dim3(THREADS), 0, add_columns,
              (int64_t)runs, N, sums, sum);
}

/* ---- parts of a weight's gradient -------------------------------------------------------------- */

/* A thread has all taps of a weight: what it writes lies side by side, and what a warp reads, too. */
__global__ void add_parts(int64_t size, int64_t taps, int64_t parts, const float *from,
                          float *dw)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;

    for (int64_t k = 0; i < size && k < taps; k++) {
        float sum = dw[i * taps + k], all = 0;

        for (int64_t part = 0; part < parts; part++)
            all += from[(part * taps + k) * size + i];
        dw[i * taps + k] = sum + all;
    }
}

void va_cuda_add_parts(int64_t size, int64_t taps, int64_t parts, const float *from, float *dw)
{
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(size, THREADS)), dim3(THREADS), 0, add_parts,
              size, taps, parts, from, dw);
}
