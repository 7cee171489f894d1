/*
 * y = act(x W^T + bias) + residual, of numbers, or of whole numbers of 8 bits (ops/va_ops.h, INT8), four to a
 * word; those of x are rounded into scratch first, since a product reads each of them many times.
 */
#include "cuda/va_linear.h"

/* The same of whole numbers, each row and column of which has its scale. */
struct bytes_finish {
    struct place {
        va_linear_finish::place of;
        float scale;
    };
    va_linear_finish layer;
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

static void in_f32(const struct va_linear *p, int64_t rows)
{
    va_rows w = { va_in(p->w->data), p->N, p->K, 0 };

    va_product_launch<va_f32_terms>(va_along(va_linear_rows(p), rows, p->K, 0),
                                    va_along(w, p->N, p->K, 0), va_linear_finish_of(p),
                                    { rows, p->N, p->K, 1, 1, 1, 0 });
}

static void in_bytes(struct va_backend *be, const struct va_linear *p, int64_t rows)
{
    int64_t width = va_bytes_width(p->K), words = width / 4;
    bytes_finish finish = { va_linear_finish_of(p), NULL, NULL };
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
    va_cuda_round_bytes(va_linear_rows(p), rows, p->K, x, (float *)(x + rows * width));
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
    else if (be->precision != VA_BF16_PRODUCTS)
        in_f32(p, rows);
    else if (!va_cuda_linear_lt(be, p, rows))
        va_cuda_linear_half(be, p, rows);
    va_cuda_launched(be, "linear");
}
