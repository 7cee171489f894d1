/*
 * A linear layer on tensor cores: operands in bfloat16, float sums (va_product_half.h). The weight was rounded once;
 * x is rounded into scratch by a pass of its own.
 */
#include "cuda/va_linear.h"
#include "cuda/va_product_half.h"

enum { MANY = 128 }; /* blocks: enough of large ones for a large GPU */

void va_cuda_linear_half(struct va_backend *be, const struct va_linear *p, int64_t rows)
{
    int64_t width = va_half_width(p->K);
    const va_bf16 *w = va_cuda_half(be, p->w, p->N, p->K);
    va_bf16 *x = (va_bf16 *)va_cuda_room(be, (size_t)(rows * width) * sizeof(*x));
    va_product shape = { rows, p->N, p->K, 1, 1, 1, 0 };
    va_half_along a = { x, width, 0 }, b = { w, width, 0 };

    if (!w || !x)
        return;
    va_cuda_round_half(va_linear_rows(p), rows, p->K, x);
    if ((int64_t)va_blocks_of(rows, 128) * va_blocks_of(p->N, 128) >= MANY)
        va_half_launch_as<64, 128>(a, b, va_linear_finish_of(p), shape);
    else
        va_half_launch_as<32, 64>(a, b, va_linear_finish_of(p), shape);
}
