/*
 * A linear layer by cuBLASLt: the product with bias and residual is its part; activations are a pass of our own over what
 * it made, since its GELU is another one, which is used only where what it makes is rounded to bfloat16.
 */
#include "cuda/va_halves.h"
#include "cuda/va_linear.h"
#include "cuda/va_lt.h"

enum { THREADS = 256 };

/* A block takes a row. The sums lie as y does, and may be there. */
static __global__ void __launch_bounds__(THREADS)
    finish_row(va_linear_finish f, const float *sums, int64_t N)
{
    const va_linear_finish::place at = f.find(blockIdx.x);

    for (int64_t n = threadIdx.x; n < N; n += THREADS) {
        float y = va_act(f.act, sums[at.y + n]);

        f.y[at.y + n] = f.residual ? y + f.residual[at.residual + n] : y;
    }
}

/* Tensors without gaps between them are one. */
static struct va_lt_product product_of(const struct va_linear *p, int64_t rows, bool alone)
{
    int64_t tensors = p->B > 1 ? p->B : 1, whole = p->M * p->ldy;
    const void *c = alone ? p->residual : NULL;
    bool one = tensors == 1 || (p->stepy == whole && (!c || p->stepr == whole));

    return { one ? rows : p->M,
             p->N,
             va_half_width(p->K),
             p->ldy,
             one ? 1 : tensors,
             one ? 0
             : c ? p->stepr
                 : p->stepy,
             one ? 0 : p->stepy,
             NULL,
             NULL,
             p->bias,
             va_in(c),
             p->pre ? p->pre : p->y,
             false,
             false };
}

bool va_cuda_linear_lt(struct va_backend *be, const struct va_linear *p, int64_t rows)
{
    bool alone = p->act == VA_IDENTITY && !p->pre; /* nothing is left to do after the product */
    struct va_lt_product product = product_of(p, rows, alone);
    va_bf16 *x;

    if ((!alone && !p->pre && p->residual == p->y) || !va_lt_here(be))
        return be->failed; /* in the first case there is no place for the sums */
    product.w = va_cuda_half(be, p->w, p->N, p->K);
    product.x = x = (va_bf16 *)va_cuda_room(be, (size_t)(rows * product.width) * sizeof(*x));
    if (!product.w || !x)
        return true;
    va_cuda_round_half(va_linear_rows(p), rows, p->K, x);
    if (!va_lt_multiply(be, &product))
        return false;
    if (!alone)
        VA_LAUNCH(va_gpu_stream(), dim3((unsigned)rows), dim3(THREADS), 0, finish_row,
                  va_linear_finish_of(p), va_in(product.d), p->N);
    return true;
}

/* ---- rows in bfloat16 ------------------------------------------------------------------------ */

bool va_cuda_halves_lt(struct va_backend *be, const struct va_linear *p, va_halves_to to)
{
    bool half = to == VA_TO_BF16, gelu = half && p->act == VA_GELU;
    struct va_lt_product product = product_of(p, p->M, true);
    va_bf16 *bias = NULL;

    if ((!gelu && p->act != VA_IDENTITY) || !va_lt_here(be))
        return be->failed;
    product.w = va_cuda_half(be, p->w, p->N, p->K);
    product.x = (const va_bf16 *)p->x;
    product.half = half;
    product.gelu = gelu;
    if (half && p->bias) { /* which has the type of what is made */
        bias = (va_bf16 *)va_cuda_room(be, (size_t)va_half_width(p->N) * sizeof(*bias));
        product.bias = bias;
    }
    if (!product.w || (half && p->bias && !bias))
        return true;
    if (bias)
        va_cuda_round_half({ va_in(p->bias), 1, p->N, 0 }, 1, p->N, bias);
    return va_lt_multiply(be, &product);
}
