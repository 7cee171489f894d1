/* Weights that follow from parameters, and the gradients of these: a block a row. */
#include "cuda/va_derive.h"

#include "cuda/va_cuda.h"

__global__ void __launch_bounds__(ROW_THREADS) normed_rows(const struct va_derived p)
{
    VA_SHARED_MEMORY(struct va_row_room, room);
    int64_t r = blockIdx.x;

    va_normed_row(p.cols, va_in(p.g)[r], va_in(p.v) + r * p.cols, va_out(p.w.data) + r * p.cols,
                  &room);
}

__global__ void __launch_bounds__(ROW_THREADS) normed_rows_grad(const struct va_derived p)
{
    VA_SHARED_MEMORY(struct va_row_room, room);
    int64_t r = blockIdx.x;
    const float *v = va_in(p.v) + r * p.cols;
    float *dv = va_out(p.dv) + r * p.cols;
    struct va_row_slope s = va_row_slope_of(p.cols, va_in(p.g)[r], v, dv, va_out(p.dg) + r,
                                            &room);

    for (int64_t i = threadIdx.x; i < p.cols; i += ROW_THREADS)
        dv[i] = s.dw * dv[i] + s.v * v[i];
}

void va_cuda_derive(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const struct va_derived *p = &list[i];

        if (!va_cuda_go(be, p->rows * p->cols))
            continue;
        if (p->law == VA_LAW_NEG_EXP)
            va_cuda_unary(be, VA_NEG_EXP, p->rows * p->cols, p->v, p->w.data);
        else
            VA_LAUNCH(va_gpu_stream(), dim3((unsigned)p->rows), dim3(ROW_THREADS),
                      sizeof(struct va_row_room), normed_rows, *p);
        va_cuda_launched(be, "derive");
        va_cuda_renew(be, (struct va_weight *)&p->w);
    }
}

void va_cuda_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const struct va_derived *p = &list[i];

        if (!va_cuda_go(be, p->rows * p->cols))
            continue;
        if (p->law == VA_LAW_NEG_EXP)
            va_cuda_unary_grad(be, VA_NEG_EXP, p->rows * p->cols, p->v, p->w.data, p->dv,
                               p->dv);
        else
            VA_LAUNCH(va_gpu_stream(), dim3((unsigned)p->rows), dim3(ROW_THREADS),
                      sizeof(struct va_row_room), normed_rows_grad, *p);
        va_cuda_launched(be, "derive_grad");
    }
}
