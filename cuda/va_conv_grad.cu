/*
 * Backward of the convolution over time. dx is the same product with shifts the other way; dW of a tap, a slice,
 * is a product over the frames of all sequences.
 */
#include "cuda/va_conv.h"
#include "cuda/va_weight_grad.h"

/* x, before frames of dy by as much as the tap (slice) looks back; zeros before the first. */
struct across_earlier {
    static constexpr bool ALONG = false;
    const float *x;
    int64_t count, T, K, dilation;
    bool wide;

    __device__ __forceinline__ const float *from(int tap, int b, int64_t t) const
    {
        t -= (K - 1 - tap) * dilation;
        return t >= 0 ? x + (b * T + t) * count : nullptr;
    }
};

static bool make_dx(struct va_backend *be, const struct va_conv_grad *p)
{
    int64_t frames = p->B * p->T, size = p->Cout * p->Cin;
    const float *w = va_cuda_taps_apart(be, va_in(p->w->data), size, p->K);

    if (!w)
        return false;
    va_product_launch<va_f32_terms>(va_along_frames{ { va_in(p->dy), p->Cout, p->T, p->T,
                                                       (p->K - 1) * p->dilation, -p->dilation },
                                                     frames,
                                                     va_wide(p->dy, p->Cout, 0, 0) },
                                    va_across(w, p->Cin, p->Cin, size),
                                    va_keep_sums{ va_out(p->dx), frames, p->Cin },
                                    { frames, p->Cin, p->Cout, p->K, 1, 1, 0 });
    return true;
}

static bool make_dw(struct va_backend *be, const struct va_conv_grad *p)
{
    across_earlier x = { va_in(p->x), p->Cin,      p->T,
                         p->K,        p->dilation, va_wide(p->x, p->Cin, 0, 0) };

    return va_cuda_weight_grad(be, va_across(p->dy, p->Cout, p->Cout, p->T * p->Cout), x,
                               { p->Cout, p->Cin, p->T, p->B, p->K, 1, 0 }, va_out(p->dw));
}

static bool in_f32(struct va_backend *be, const struct va_conv_grad *p)
{
    return (!p->dx || make_dx(be, p)) && (!p->dw || make_dw(be, p));
}

void va_cuda_conv_grad(struct va_backend *be, const struct va_conv_grad *p)
{
    int64_t frames = p->B * p->T;

    if (!va_cuda_go(be, frames * p->Cout * p->Cin))
        return;
    if (!(be->precision == VA_BF16_PRODUCTS ? va_cuda_conv_grad_half(be, p) : in_f32(be, p)))
        return;
    if (p->dbias)
        va_cuda_add_columns(be, { va_in(p->dy), frames, p->Cout, 0 }, frames, p->Cout,
                            va_out(p->dbias));
    va_cuda_launched(be, "conv_grad");
}
