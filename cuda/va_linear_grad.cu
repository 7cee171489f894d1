/*
 * Backward of a linear layer. dx = dy W is a product over N; dW = dy^T x one over the rows of all tensors, whose
 * columns of dy and x lie side by side as they are. In bfloat16 dy and x are rounded into scratch first.
 */
#include "cuda/va_act.h"
#include "cuda/va_product_half.h"
#include "cuda/va_weight_grad.h"

struct dx_finish {
    typedef int64_t place;
    float *dx;
    const float *pre, *out;
    bool add;
    enum va_unary act;
    va_rows rows; /* of dx */

    __device__ __forceinline__ place find(int64_t r) const
    {
        return va_row_begin(rows, r);
    }
    __device__ __forceinline__ void put(place at, int64_t, int64_t k, float sum) const
    {
        at += k;
        if (act != VA_IDENTITY)
            sum *= va_act_slope(act, pre[at], out[at]);
        dx[at] = add ? dx[at] + sum : sum;
    }
};

static dx_finish dx_finish_of(const struct va_linear_grad *p)
{
    return { va_out(p->dx), va_in(p->pre), va_in(p->out),
             p->add_dx,     p->act,        { NULL, p->M, p->lddx, p->stepdx } };
}

static void make_dx(const struct va_linear_grad *p, va_rows dy, int64_t rows)
{
    va_product_launch<va_f32_terms>(va_along(dy, rows, p->N, 0),
                                    va_across(p->w->data, p->K, p->K, 0), dx_finish_of(p),
                                    { rows, p->K, p->N, 1, 1, 1, 0 });
}

/* Tensors without gaps between them are one. */
static bool make_dw(struct va_backend *be, const struct va_linear_grad *p, int64_t tensors)
{
    bool one = p->stepdy == p->M * p->lddy && p->stepx == p->M * p->ldx;

    return va_cuda_weight_grad(
        be, va_across(p->dy, p->N, p->lddy, p->stepdy), va_across(p->x, p->K, p->ldx, p->stepx),
        { p->N, p->K, one ? p->M * tensors : p->M, one ? 1 : tensors, 1, 1, 0 }, va_out(p->dw));
}

/* Both in bfloat16, where they are asked for. False after reporting. */
static bool in_half(struct va_backend *be, const struct va_linear_grad *p, va_rows dy,
                    int64_t rows)
{
    int64_t in = va_half_width(p->K), out = va_half_width(p->N);
    va_product shape = { p->N, p->K, rows, 1, 1, 1, 0 };
    const va_bf16 *w = p->dx ? va_cuda_half(be, p->w, p->N, p->K) : NULL;
    int64_t sums = 0;
    va_bf16 *half;

    if (p->dw) {
        shape.parts = va_product_parts(shape, VA_HALF_DEPTH);
        sums = shape.parts * p->N * p->K;
    }
    half = (va_bf16 *)va_cuda_room(be, (size_t)(rows * (in + out)) * sizeof(*half) +
                                           (size_t)sums * sizeof(float));
    if (!half || (p->dx && !w))
        return false;
    va_cuda_round_half(dy, rows, p->N, half);
    if (p->dx)
        va_half_launch(va_half_along{ half, out, 0 }, va_half_across{ w, in, 0 },
                       dx_finish_of(p), { rows, p->K, p->N, 1, 1, 1, 0 });
    if (p->dw) {
        va_bf16 *x = half + rows * out;
        float *parts = (float *)(x + rows * in);

        va_cuda_round_half({ va_in(p->x), p->M, p->ldx, p->stepx }, rows, p->K, x);
        va_half_launch(va_half_across{ half, out, 0 }, va_half_across{ x, in, 0 },
                       va_keep_sums{ parts, p->N, p->K }, shape);
        va_cuda_add_parts(p->N * p->K, 1, shape.parts, parts, va_out(p->dw));
    }
    return true;
}

static bool in_f32(struct va_backend *be, const struct va_linear_grad *p, va_rows dy,
                   int64_t rows, int64_t tensors)
{
    if (p->dx)
        make_dx(p, dy, rows);
    return !p->dw || make_dw(be, p, tensors);
}

void va_cuda_linear_grad(struct va_backend *be, const struct va_linear_grad *p)
{
    int64_t tensors = p->B > 1 ? p->B : 1, rows = p->M * tensors;
    va_rows dy = { va_in(p->dy), p->M, p->lddy, p->stepdy };

    if (!va_cuda_go(be, rows * p->N))
        return;
    if (p->K > 0 && !(be->precision == VA_BF16_PRODUCTS ? in_half(be, p, dy, rows)
                                                        : in_f32(be, p, dy, rows, tensors)))
        return;
    if (p->dbias)
        va_cuda_add_columns(be, dy, rows, p->N, va_out(p->dbias));
    va_cuda_launched(be, "linear_grad");
}
