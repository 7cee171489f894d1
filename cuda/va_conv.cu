/*
 * Causal dilated convolution over time. The weights of a tap are side by side in a copy: making it is little
 * beside the product, and nothing has to be kept up to date.
 */
#include "cuda/va_conv.h"

enum { THREADS = 256 };

/* A thread has all taps of a weight: what a block reads is one run of memory, and what a warp writes. */
__global__ void taps_apart(int64_t size, int64_t taps, const float *w, float *to)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;

    for (int64_t k = 0; i < size && k < taps; k++)
        to[k * size + i] = w[i * taps + k];
}

const float *va_cuda_taps_apart(struct va_backend *be, const float *w, int64_t size,
                                int64_t taps)
{
    float *to;

    if (taps == 1)
        return w;
    to = (float *)va_cuda_room(be, (size_t)(size * taps) * sizeof(float));
    if (to)
        VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(size, THREADS)), dim3(THREADS), 0,
                  taps_apart, size, taps, w, to);
    return to;
}

static bool in_f32(struct va_backend *be, const struct va_conv *p)
{
    int64_t frames = p->B * p->T, size = p->Cout * p->Cin;
    const float *w = va_cuda_taps_apart(be, va_in(p->w->data), size, p->K);

    if (!w)
        return false;
    va_product_launch<va_f32_terms>(
        va_along_frames{ { va_in(p->x), p->Cin, p->T, p->lead + p->T,
                           p->lead - (p->K - 1) * p->dilation, p->dilation },
                         frames,
                         va_wide(p->x, p->Cin, 0, 0) },
        va_along({ w, p->Cout, p->Cin, 0 }, p->Cout, p->Cin, size),
        va_conv_finish{ va_in(p->bias), va_out(p->y), p->Cout },
        { frames, p->Cout, p->Cin, p->K, 1, 1, 0 });
    return true;
}

void va_cuda_conv(struct va_backend *be, const struct va_conv *p)
{
    if (!va_cuda_go(be, p->B * p->T * p->Cout))
        return;
    if (be->precision == VA_BF16_PRODUCTS ? va_cuda_conv_half(be, p) : in_f32(be, p))
        va_cuda_launched(be, "conv");
}
