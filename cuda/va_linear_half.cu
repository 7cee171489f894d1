/*
 * A linear layer on tensor cores: operands in bfloat16, float sums (va_product_half.h). The weight was rounded once;
 * x is rounded into scratch by a pass of its own, unless it is in bfloat16 already.
 */
#include "cuda/va_halves.h"
#include "cuda/va_linear.h"
#include "cuda/va_product_half.h"

enum { MANY = 128 }; /* blocks: enough of large ones for a large GPU */

/* What a layer makes of its sums, in bfloat16; rows of N. */
struct halves_finish {
    typedef int64_t place;
    const float *bias;
    va_bf16 *y;
    enum va_unary act;
    int64_t N;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return r * N;
    }
    __device__ __forceinline__ void put(place row, int64_t, int64_t n, float sum) const
    {
        y[row + n] = va_bf16_of(va_act(act, bias ? sum + bias[n] : sum));
    }
};

/* x [rows, va_half_width(K)] */
template <class Finish>
static void multiply(struct va_backend *be, const struct va_linear *p, int64_t rows,
                     const va_bf16 *x, const Finish &finish)
{
    int64_t width = va_half_width(p->K);
    const va_bf16 *w = va_cuda_half(be, p->w, p->N, p->K);
    va_product shape = { rows, p->N, p->K, 1, 1, 1, 0 };
    va_half_along a = { x, width, 0 }, b = { w, width, 0 };

    if (!w)
        return;
    if ((int64_t)va_blocks_of(rows, 128) * va_blocks_of(p->N, 128) >= MANY)
        va_half_launch_as<64, 128>(a, b, finish, shape);
    else
        va_half_launch_as<32, 64>(a, b, finish, shape);
}

void va_cuda_linear_half(struct va_backend *be, const struct va_linear *p, int64_t rows)
{
    va_bf16 *x = (va_bf16 *)va_cuda_room(be, (size_t)(rows * va_half_width(p->K)) * sizeof(*x));

    if (!x)
        return;
    va_cuda_round_half(va_linear_rows(p), rows, p->K, x);
    multiply(be, p, rows, x, va_linear_finish_of(p));
}

void va_cuda_linear_halves(struct va_backend *be, const struct va_linear *p, va_halves_to to)
{
    const va_bf16 *x = (const va_bf16 *)p->x;

    if (!va_cuda_go(be, p->M * p->N))
        return;
    if (va_cuda_halves_lt(be, p, to))
        ;
    else if (to == VA_TO_BF16)
        multiply(be, p, p->M, x,
                 halves_finish{ va_in(p->bias), (va_bf16 *)p->y, p->act, p->N });
    else
        multiply(be, p, p->M, x, va_linear_finish_of(p));
    va_cuda_launched(be, "linear");
}
