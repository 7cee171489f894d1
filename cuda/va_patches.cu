/*
 * Pictures of bytes as patches: a thread has a pixel.
 */
#include "cuda/va_cuda.h"

enum { THREADS = 256, LEVELS = 256 };

/* `across` blocks have a picture. */
static __global__ void __launch_bounds__(THREADS)
    patches(unsigned S, unsigned P, int64_t step, unsigned across, const uint8_t *bytes,
            const float *table, float *y)
{
    const unsigned b = blockIdx.x / across, grid = S / P, whole = grid * P;
    const unsigned n = (blockIdx.x - b * across) * THREADS + threadIdx.x, row = n / S;
    const unsigned i = row / P, j = (n - row * S) / P, in = row - i * P,
                   col = n - row * S - j * P;
    const uint8_t *from = bytes + b * step + (int64_t)3 * n;
    float *to = y + ((((int64_t)b * grid + i) * grid + j) * 3 * P + in) * P + col;

    if (row >= whole || n - row * S >= whole)
        return;
#pragma unroll
    for (int c = 0; c < 3; c++)
        to[(int64_t)c * P * P] = table[c * LEVELS + from[c]];
}

void va_cuda_patches(struct va_backend *be, const struct va_patches *p)
{
    unsigned across = va_blocks_of(p->S * p->S, THREADS);

    if (!va_cuda_go(be, p->B))
        return;
    VA_LAUNCH(va_gpu_stream(), dim3((unsigned)p->B * across), dim3(THREADS), 0, patches,
              (unsigned)p->S, (unsigned)p->P, p->step, across, (const uint8_t *)p->bytes,
              va_in(p->table), va_out(p->y));
    va_cuda_launched(be, "patches");
}
