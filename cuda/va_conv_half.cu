/*
 * Causal dilated convolution with operands in bfloat16, on tensor cores: an implicit product as in float32, whose
 * segments are the taps. Tensors and weights are rounded into scratch first; a tap's weights lie side by side there.
 *
 * The gradient of W is such a product over the frames of all sequences, whose channels lie side by side.
 */
#include "cuda/va_conv_kept.h"
#include "cuda/va_product_half.h"
#include "cuda/va_weight_grad.h"

enum { THREADS = 256 };

/* Frames as in va_along_frames, in bfloat16. */
struct half_frames {
    static constexpr bool ALONG = true;
    struct place {
        const va_bf16 *at;
        int64_t row;
    };
    const va_bf16 *x;
    int64_t width, T, rows, first, step;

    __device__ __forceinline__ place find(int64_t r) const
    {
        int64_t b = r / T;

        return { x + b * rows * width, first + r - b * T };
    }
    __device__ __forceinline__ const va_bf16 *from(const place &p, int, int k) const
    {
        int64_t row = p.row + k * step;

        return row >= 0 && row < rows ? p.at + row * width : nullptr;
    }
};

/* x, before frames of dy by as much as the tap (slice) looks back; zeros before the first. */
struct half_earlier {
    static constexpr bool ALONG = false;
    const va_bf16 *x;
    int64_t width, T, K, dilation;

    __device__ __forceinline__ const va_bf16 *from(int tap, int b, int64_t t) const
    {
        t -= (K - 1 - tap) * dilation;
        return t >= 0 ? x + (b * T + t) * width : nullptr;
    }
};

/* [taps, rows, width] of W [rows, cols, taps]. A thread has all taps of two neighbours. */
__global__ void round_taps(int64_t rows, int64_t cols, int64_t taps, int64_t width,
                           const float *w, va_bf16 *to)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, r = i / (width / 2);
    const int64_t c = 2 * (i - r * (width / 2));
    const float *from = w + (r * cols + c) * taps;

    if (r >= rows)
        return;
    for (int64_t k = 0; k < taps; k++)
        *(uint32_t *)(to + (k * rows + r) * width + c) = va_bf16_pair(
            c < cols ? from[k] : 0, c + 1 < cols ? from[taps + k] : 0);
}

/* Where the weights and `rows` rows of a tensor of C channels are rounded to, one behind the other. */
struct half_room {
    va_bf16 *w, *x;
};

static half_room round_both(struct va_backend *be, const float *w, int64_t Cout, int64_t Cin,
                            int64_t K, const void *x, int64_t rows, int64_t C)
{
    int64_t width = va_half_width(Cin), size = K * Cout * width;
    half_room to = { NULL, NULL };

    to.w = (va_bf16 *)va_cuda_room(be,
                                   (size_t)(size + rows * va_half_width(C)) * sizeof(*to.w));
    if (!to.w)
        return to;
    to.x = to.w + size;
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(Cout * width / 2, THREADS)), dim3(THREADS), 0,
              round_taps, Cout, Cin, K, width, w, to.w);
    va_cuda_round_half({ va_in(x), rows, C, 0 }, rows, C, to.x);
    return to;
}

/* The sums of `rows` of x at all taps, of p.depth channels, by weights. */
template <class B>
static void shifted(const va_kept_frames &x, const B &w, const va_conv_finish &f,
                    const va_product &p)
{
    if (va_kept_fits(x, p))
        va_kept_launch(x, w, f, p);
    else
        va_half_launch(half_frames{ x.x, x.width, x.T, x.rows, x.first, x.step }, w, f, p);
}

bool va_cuda_conv_half(struct va_backend *be, const struct va_conv *p)
{
    int64_t rows = p->lead + p->T, width = va_half_width(p->Cin);
    half_room in = round_both(be, va_in(p->w->data), p->Cout, p->Cin, p->K, p->x, p->B * rows,
                              p->Cin);

    if (!in.w)
        return false;
    shifted({ in.x, width, p->T, rows, p->lead - (p->K - 1) * p->dilation, p->dilation, p->K },
            va_half_along{ in.w, width, p->Cout * width },
            { va_in(p->bias), va_out(p->y), p->Cout },
            { p->B * p->T, p->Cout, p->Cin, p->K, 1, 1, 0 });
    return true;
}

bool va_cuda_conv_dx_half(struct va_backend *be, const struct va_conv_grad *p)
{
    int64_t frames = p->B * p->T, width = va_half_width(p->Cin);
    half_room in = round_both(be, va_in(p->w->data), p->Cout, p->Cin, p->K, p->dy, frames,
                              p->Cout);

    if (!in.w)
        return false;
    shifted({ in.x, va_half_width(p->Cout), p->T, p->T, (p->K - 1) * p->dilation, -p->dilation,
              p->K },
            va_half_across{ in.w, width, p->Cout * width },
            { NULL, va_out(p->dx), p->Cin }, { frames, p->Cin, p->Cout, p->K, 1, 1, 0 });
    return true;
}

/* The slices of the taps, each in parts, are added in order. */
bool va_cuda_conv_dw_half(struct va_backend *be, const struct va_conv_grad *p)
{
    int64_t frames = p->B * p->T, in = va_half_width(p->Cin), out = va_half_width(p->Cout);
    va_product shape = { p->Cout, p->Cin, p->T, p->B, p->K, 1, 0 };
    int64_t size = p->Cout * p->Cin;
    va_bf16 *x, *dy;
    float *sums;

    shape.parts = va_half_parts(shape);
    x = (va_bf16 *)va_cuda_room(be, (size_t)(frames * (in + out)) * sizeof(*x) +
                                        (size_t)(shape.parts * p->K * size) * sizeof(*sums));
    if (!x)
        return false;
    dy = x + frames * in;
    sums = (float *)(dy + frames * out);
    va_cuda_round_half({ va_in(p->x), frames, p->Cin, 0 }, frames, p->Cin, x);
    va_cuda_round_half({ va_in(p->dy), frames, p->Cout, 0 }, frames, p->Cout, dy);
    va_half_launch(va_half_across{ dy, out, p->T * out },
                   half_earlier{ x, in, p->T, p->K, p->dilation },
                   va_keep_sums{ sums, p->Cout, p->Cin }, shape);
    va_cuda_add_parts(size, p->K, shape.parts, sums, va_out(p->dw));
    return true;
}
