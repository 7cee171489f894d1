/*
 * Backward of a linear layer. dx = dy W is a product over N; dW = dy^T x one over the rows of all tensors, whose
 * columns of dy and x lie side by side as they are.
 */
#include "cuda/va_act.h"
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

static void make_dx(const struct va_linear_grad *p, va_rows dy, int64_t rows)
{
    dx_finish finish = { va_out(p->dx), va_in(p->pre), va_in(p->out),
                         p->add_dx,     p->act,        { NULL, p->M, p->lddx, p->stepdx } };

    va_product_launch<va_f32_terms>(va_along(dy, rows, p->N, 0),
                                    va_across(p->w->data, p->K, p->K, 0), finish,
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

void va_cuda_linear_grad(struct va_backend *be, const struct va_linear_grad *p)
{
    int64_t tensors = p->B > 1 ? p->B : 1, rows = p->M * tensors;
    va_rows dy = { va_in(p->dy), p->M, p->lddy, p->stepdy };

    if (!va_cuda_go(be, rows * p->N))
        return;
    if (p->dx && p->K > 0)
        make_dx(p, dy, rows);
    if (p->dw && p->K > 0 && !make_dw(be, p, tensors))
        return;
    if (p->dbias)
        va_cuda_add_columns(be, dy, rows, p->N, va_out(p->dbias));
    va_cuda_launched(be, "linear_grad");
}
