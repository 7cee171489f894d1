/*
 * Causal dilated convolution with operands in bfloat16, on tensor cores: by spectra (cuda/va_spectral.h), or an implicit
 * product as in float32, whose segments are the taps. For that tensors are rounded into scratch first.
 *
 * The gradient of W is such a product over the frames of all sequences, whose channels lie side by side.
 */
#include "cuda/va_conv_kept.h"
#include "cuda/va_product_half.h"
#include "cuda/va_spectral.h"
#include "cuda/va_weight_grad.h"

struct half_frames : va_frames<va_bf16> {
    static constexpr bool GAPS = true;
};

/* x, before frames of dy by as much as the tap (slice) looks back; zeros before the first of a sequence. Terms are the
 * frames of all sequences: `inverse` is 2^32 / T, rounded up, by which frame / T is exact or one too many. */
struct half_earlier {
    static constexpr bool ALONG = false, GAPS = true;
    const va_bf16 *x;
    int64_t width, T, K, dilation;
    uint64_t inverse;

    __device__ __forceinline__ const va_bf16 *from(int tap, int, int64_t frame) const
    {
        int64_t t = frame - (int64_t)((uint64_t)frame * inverse >> 32) * T;
        int64_t back = (K - 1 - tap) * dilation;

        return (t < 0 ? t + T : t) >= back ? x + (frame - back) * width : nullptr;
    }
};

/* The sums of `rows` of x at all taps, of p.depth channels, by weights. */
template <class B>
static void shifted(const va_kept_frames &x, const B &w, const va_conv_finish &f,
                    const va_product &p)
{
    if (va_kept_fits(x, p))
        va_kept_launch(x, w, f, p);
    else
        va_half_launch(half_frames{ { x.x, x.width, x.T, x.rows, x.first, x.step } }, w, f, p);
}

static bool over_taps(struct va_backend *be, const struct va_conv *p)
{
    int64_t rows = p->lead + p->T, width = va_half_width(p->Cin);
    const va_bf16 *w = va_cuda_half_taps(be, p->w, p->Cout, p->Cin, p->K);
    va_bf16 *x = (va_bf16 *)va_cuda_room(be, (size_t)(p->B * rows * width) * sizeof(*x));

    if (!w || !x)
        return false;
    va_cuda_round_half({ va_in(p->x), p->B * rows, p->Cin, 0 }, p->B * rows, p->Cin, x);
    shifted({ x, width, p->T, rows, p->lead - (p->K - 1) * p->dilation, p->dilation, p->K },
            va_half_along{ w, width, p->Cout * width },
            { va_in(p->bias), va_out(p->y), p->Cout },
            { p->B * p->T, p->Cout, p->Cin, p->K, 1, 1, 0 });
    return true;
}

bool va_cuda_conv_half(struct va_backend *be, const struct va_conv *p)
{
    return va_cuda_spectral(p->T, p->dilation, p->K, p->Cout, p->Cin)
               ? va_cuda_conv_spectral(be, p)
               : over_taps(be, p);
}

static bool make_dx(struct va_backend *be, const struct va_conv_grad *p, const va_bf16 *dy)
{
    int64_t width = va_half_width(p->Cin);
    const va_bf16 *w = va_cuda_half_taps(be, p->w, p->Cout, p->Cin, p->K);

    if (!w)
        return false;
    shifted({ dy, va_half_width(p->Cout), p->T, p->T, (p->K - 1) * p->dilation, -p->dilation,
              p->K },
            va_half_across{ w, width, p->Cout * width }, { NULL, va_out(p->dx), p->Cin },
            { p->B * p->T, p->Cin, p->Cout, p->K, 1, 1, 0 });
    return true;
}

/* The slices of the taps, each in parts, are added in order. */
static void make_dw(const struct va_conv_grad *p, const va_product &shape, const va_bf16 *dy,
                    va_bf16 *x, float *sums)
{
    int64_t frames = p->B * p->T;

    va_cuda_round_half({ va_in(p->x), frames, p->Cin, 0 }, frames, p->Cin, x);
    va_half_launch(va_half_across{ dy, va_half_width(p->Cout), 0 },
                   half_earlier{ x, va_half_width(p->Cin), p->T, p->K, p->dilation,
                                 (UINT64_C(1) << 32) / (uint64_t)p->T + 1 },
                   va_keep_sums{ sums, p->Cout, p->Cin }, shape);
    va_cuda_add_parts(p->Cout * p->Cin, p->K, shape.parts, sums, va_out(p->dw));
}

/* dy is rounded once for both. */
static bool grad_over_taps(struct va_backend *be, const struct va_conv_grad *p)
{
    int64_t frames = p->B * p->T, sums = 0;
    int64_t in = frames * va_half_width(p->Cin), out = frames * va_half_width(p->Cout);
    va_product shape = { p->Cout, p->Cin, frames, 1, p->K, 1, 0 };
    va_bf16 *dy;

    if (p->dw) {
        shape.parts = va_product_parts(shape, VA_HALF_DEPTH);
        sums = shape.parts * p->K * p->Cout * p->Cin;
    }
    dy = (va_bf16 *)va_cuda_room(be, (size_t)(in + out) * sizeof(*dy) +
                                         (size_t)sums * sizeof(float));
    if (!dy)
        return false;
    if (p->dx || p->dw)
        va_cuda_round_half({ va_in(p->dy), frames, p->Cout, 0 }, frames, p->Cout, dy);
    if (p->dx && !make_dx(be, p, dy))
        return false;
    if (p->dw)
        make_dw(p, shape, dy, dy + out, (float *)(dy + out + in));
    return true;
}

bool va_cuda_conv_grad_half(struct va_backend *be, const struct va_conv_grad *p)
{
    return va_cuda_spectral(p->T, p->dilation, p->K, p->Cout, p->Cin)
               ? va_cuda_conv_grad_spectral(be, p)
               : grad_over_taps(be, p);
}
