/*
 * va_linear.h - what the products of a linear layer have in common: its rows, and what it makes of a sum.
 */
#ifndef VA_LINEAR_H
#define VA_LINEAR_H

#include "cuda/va_act.h"
#include "cuda/va_operands.h"

/* What a layer makes of its sums. The tensors of a batch have M rows each. */
struct va_linear_finish {
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

static inline va_linear_finish va_linear_finish_of(const struct va_linear *p)
{
    return { va_in(p->bias), va_in(p->residual), va_out(p->pre), va_out(p->y), p->act, p->M,
             p->ldy,         p->stepy,           p->stepr };
}

static inline va_rows va_linear_rows(const struct va_linear *p)
{
    return { va_in(p->x), p->M, p->ldx, p->stepx };
}

/* The layer with operands in bfloat16; all `rows` of its tensors. */
void va_cuda_linear_half(struct va_backend *be, const struct va_linear *p, int64_t rows);
/* The same by cuBLASLt (cuda/va_lt.h); false where that does not do it, and nothing was done. */
bool va_cuda_linear_lt(struct va_backend *be, const struct va_linear *p, int64_t rows);

#endif
