/*
 * y = act(x W^T + bias) + residual, of numbers, or of operands in bfloat16 or int8 (ops/va_ops.h): those of
 * x are rounded into scratch first, since a product reads each of them many times.
 */
#include "cuda/va_act.h"
#include "cuda/va_product.h"

/* What a layer makes of its sums. The tensors of a batch have M rows each. */
struct linear_finish {
    struct place {
        int64_t y, residual;
    };
    const float *bias, *residual;
    float *pre, *y;
    enum va_unary act;
    int64_t M, ldy, stepy, stepr;

    __device__ __forceinline__ place find(int64_t r) const
    {
        int64_t i = r < M ? 0 : r / M, row = (r - i * M) * ldy;

        return { i * stepy + row, i * stepr + row };
    }
    __device__ __forceinline__ void put(const place &at, int64_t, int64_t n, float sum) const
    {
        if (bias)
            sum += bias[n];
        if (pre)
            pre[at.y + n] = sum;
        sum = va_act(act, sum);
        y[at.y + n] = residual ? sum + residual[at.residual + n] : sum;
    }
};

/* The same of whole numbers, each row and column of which has its scale. */
struct bytes_finish {
    struct place {
        linear_finish::place of;
        float scale;
    };
    linear_finish layer;
    const float *scales, *columns;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return { layer.find(r), scales[r] };
    }
    __device__ __forceinline__ void put(const place &at, int64_t slice, int64_t n,
                                        int32_t sum) const
    {
        layer.put(at.of, slice, n, (float)sum * at.scale * columns[n]);
    }
};

static linear_finish finish_of(const struct va_linear *p)
{
    return { va_in(p->bias), va_in(p->residual), va_out(p->pre), va_out(p->y), p->act, p->M,
             p->ldy,         p->stepy,           p->stepr };
}

static va_rows rows_of(const struct va_linear *p)
{
    return { va_in(p->x), p->M, p->ldx, p->stepx };
}

static void in_f32(const struct va_linear *p, int64_t rows)
{
    va_rows w = { va_in(p->w->data), p->N, p->K, 0 };

    va_product_launch<va_f32_terms>(va_along(rows_of(p), rows, p->K, 0),
                                    va_along(w, p->N, p->K, 0), finish_of(p),
                                    { rows, p->N, p->K, 1, 1, 1, 0 });
}

static void in_bytes(struct va_backend *be, const struct va_linear *p, int64_t rows)
{
    int64_t width = va_bytes_width(p->K), words = width / 4;
    bytes_finish finish = { finish_of(p), NULL, NULL };
    const int8_t *w;
    int8_t *x;

    if (p->K > VA_BYTES_MOST) {
        va_cuda_fail(be, "a linear layer of %lld inputs: expected at most %d in int8",
                     (long long)p->K, (int)VA_BYTES_MOST);
        return;
    }
    w = va_cuda_bytes(be, p->w, p->N, p->K, &finish.columns);
    x = (int8_t *)va_cuda_room(be, (size_t)rows * (size_t)(width + (int64_t)sizeof(float)));
    if (!w || !x)
        return;
    finish.scales = (const float *)(x + rows * width);
    va_cuda_round_bytes(rows_of(p), rows, p->K, x, (float *)(x + rows * width));
    va_product_launch<va_byte_terms>(
        va_along({ (const float *)x, rows, words, 0 }, rows, words, 0),
        va_along({ (const float *)w, p->N, words, 0 }, p->N, words, 0), finish,
        { rows, p->N, words, 1, 1, 1, 0 });
}

void va_cuda_linear(struct va_backend *be, const struct va_linear *p)
{
    int64_t rows = p->M * (p->B > 1 ? p->B : 1);

    if (!va_cuda_go(be, rows * p->N))
        return;
    if (be->precision == VA_INT8_PRODUCTS)
        in_bytes(be, p, rows);
    else
        in_f32(p, rows);
    va_cuda_launched(be, "linear");
}
