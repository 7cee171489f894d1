/*
 * Convolution of pictures: a product over the pixels that an output pixel sees (segments) and channels.
 */
#include "cuda/va_act.h"
#include "cuda/va_conv.h"

/* Pixels of x, as output pixels see them; zeros outside of the picture. */
struct along_pixels {
    static constexpr bool ALONG = true;
    struct place {
        const float *picture;
        int32_t y, x; /* of the first pixel seen */
    };
    const float *x;
    int64_t count, C;
    int32_t H, W, Ho, Wo, K, stride, pad;
    uint32_t
        inverse; /* 2^32 / K, rounded up; K is below 2^16. Of K = 1 it is 0, which does as well */
    bool wide;

    __device__ __forceinline__ place find(int64_t r) const
    {
        int64_t row = r / Wo, b = row / Ho;

        return { x + b * H * W * C, (int32_t)(row - b * Ho) * stride - pad,
                 (int32_t)(r - row * Wo) * stride - pad };
    }
    __device__ __forceinline__ const float *from(const place &p, int, int tap) const
    {
        int m = (int)((uint64_t)(uint32_t)tap * inverse >> 32); /* tap / K */
        int i = p.y + m, j = p.x + (tap - m * K);

        return i >= 0 && i < H && j >= 0 && j < W ? p.picture + ((int64_t)i * W + j) * C
                                                  : nullptr;
    }
};

struct conv2d_finish {
    typedef float *place;
    const float *bias;
    float *y;
    int64_t C;
    enum va_unary act;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return y + r * C;
    }
    __device__ __forceinline__ void put(place to, int64_t, int64_t o, float sum) const
    {
        to[o] = va_act(act, bias ? sum + bias[o] : sum);
    }
};

void va_cuda_conv2d(struct va_backend *be, const struct va_conv2d *p)
{
    const struct va_plane *g = &p->at;
    int64_t pixels = g->B * g->Ho * g->Wo, size = p->Cout * p->Cin, taps = g->K * g->K;
    const float *w;

    if (!va_cuda_go(be, pixels * p->Cout))
        return;
    w = va_cuda_taps_apart(be, va_in(p->w->data), size, taps);
    if (!w)
        return;
    va_product_launch<va_f32_terms>(
        along_pixels{ va_in(p->x), pixels, p->Cin, (int32_t)g->H, (int32_t)g->W, (int32_t)g->Ho,
                      (int32_t)g->Wo, (int32_t)g->K, (int32_t)g->stride, (int32_t)g->pad,
                      UINT32_MAX / (uint32_t)g->K + 1, va_wide(p->x, p->Cin, 0, 0) },
        va_along({ w, p->Cout, p->Cin, 0 }, p->Cout, p->Cin, size),
        conv2d_finish{ va_in(p->bias), va_out(p->y), p->Cout, p->act },
        { pixels, p->Cout, p->Cin, taps, 1, 1, 0 });
    va_cuda_launched(be, "conv2d");
}

/* What lies between is a tensor here: a linear layer of pixels is a convolution that sees one. */
void va_cuda_separable2d(struct va_backend *be, const struct va_separable2d *p)
{
    const struct va_plane *g = &p->at;
    struct va_conv2d point = { .at = { g->B, g->H, g->W, g->H, g->W, 1, 1, 0 },
                               .Cin = p->Cin,
                               .Cout = p->C,
                               .x = p->x,
                               .w = p->w,
                               .bias = p->bias,
                               .act = p->act_between };
    struct va_dwconv2d depth = { *g, p->C, NULL, p->depth, p->depth_bias, p->act, p->y };

    if (!va_cuda_go(be, g->B * g->Ho * g->Wo * p->C))
        return;
    depth.x = point.y = be->ops->alloc(be, g->B * g->H * g->W * p->C);
    be->failed = be->failed || !point.y;
    va_cuda_conv2d(be, &point);
    va_cuda_dwconv2d(be, &depth);
    be->ops->free(be, point.y);
}
