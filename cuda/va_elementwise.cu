/* Maps: a thread takes a number of every grid's width, so that any count fits. */
#include "cuda/va_act.h"

enum { THREADS = 256 };
static const int64_t MOST_BLOCKS = 4096;

static dim3 blocks(int64_t n)
{
    int64_t all = (n + THREADS - 1) / THREADS;

    return dim3((unsigned)(all < MOST_BLOCKS ? all : MOST_BLOCKS));
}

__global__ void unary(enum va_unary f, int64_t n, const float *x, float *y)
{
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < n;
         i += (int64_t)gridDim.x * THREADS)
        y[i] = va_act(f, x[i]);
}

__global__ void unary_grad(enum va_unary f, int64_t n, const float *x, const float *y,
                           const float *dy, float *dx)
{
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < n;
         i += (int64_t)gridDim.x * THREADS)
        dx[i] = dy[i] * va_act_slope(f, x[i], y[i]);
}

void va_cuda_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y)
{
    if (!va_cuda_go(be, n))
        return;
    VA_LAUNCH(va_gpu_stream(), blocks(n), dim3(THREADS), 0, unary, f, n, va_in(x), va_out(y));
    va_cuda_launched(be, "unary");
}

void va_cuda_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                        const void *y, const void *dy, void *dx)
{
    if (!va_cuda_go(be, n))
        return;
    VA_LAUNCH(va_gpu_stream(), blocks(n), dim3(THREADS), 0, unary_grad, f, n, va_in(x),
              va_in(y), va_in(dy), va_out(dx));
    va_cuda_launched(be, "unary_grad");
}
