/* Maps of numbers: functions, slopes, sums (va_map.h says who takes what). */
#include "cuda/va_act.h"
#include "cuda/va_map.h"

template <enum va_unary f>
static __global__ void __launch_bounds__(256) unary(struct va_quads q, const float *x, float *y)
{
    VA_EACH_QUAD(j, q)
    {
        float v[4];

        va_get4(v, q, j, x);
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] = va_act(f, v[k]);
        va_put4(v, q, j, y);
    }
}

template <enum va_unary f>
static __global__ void __launch_bounds__(256)
    unary_grad(struct va_quads q, const float *x, const float *y, const float *dy, float *dx)
{
    VA_EACH_QUAD(j, q)
    {
        float a[4], b[4], v[4];

        va_get4(a, q, j, x);
        va_get4(b, q, j, y);
        va_get4(v, q, j, dy);
#pragma unroll
        for (int k = 0; k < 4; k++)
            v[k] *= va_act_slope(f, a[k], b[k]);
        va_put4(v, q, j, dx);
    }
}

void va_cuda_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y)
{
    const struct va_quads q = { n, 0, va_aligned16(x) && va_aligned16(y) };
    const struct va_map_shape s = va_map_shape(q, 1);

    if (!va_cuda_go(be, n))
        return;
    va_for_act(f, [&](auto is) {
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, unary<is.f>, q, va_in(x), va_out(y));
    });
    va_cuda_launched(be, "unary");
}

void va_cuda_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                        const void *y, const void *dy, void *dx)
{
    const bool vectors = va_aligned16(x) && va_aligned16(y) && va_aligned16(dy) &&
                         va_aligned16(dx);
    const struct va_quads q = { n, 0, vectors };
    const struct va_map_shape s = va_map_shape(q, 1);

    if (!va_cuda_go(be, n))
        return;
    va_for_act(f, [&](auto is) {
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, unary_grad<is.f>, q, va_in(x), va_in(y),
                  va_in(dy), va_out(dx));
    });
    va_cuda_launched(be, "unary_grad");
}

static __global__ void __launch_bounds__(256) add(struct va_quads q, const struct va_add p)
{
    VA_EACH_RUN(run, p.B)
    {
        const float *a = (const float *)p.a + run * p.stepa;
        const float *b = p.b ? (const float *)p.b + run * p.stepb : nullptr;
        float *y = (float *)p.y + run * p.stepy;

        VA_EACH_QUAD(j, q)
        {
            float v[4];

            va_get4(v, q, j, a);
            if (b)
                va_add4(v, q, j, b);
            va_put4(v, q, j, y);
        }
    }
}

void va_cuda_add(struct va_backend *be, const struct va_add *p)
{
    const struct va_quads q = { p->n, 0,
                                va_aligned_runs(p->a, p->B, p->stepa) &&
                                    va_aligned_runs(p->b, p->B, p->stepb) &&
                                    va_aligned_runs(p->y, p->B, p->stepy) };
    const struct va_map_shape s = va_map_shape(q, p->B);

    if (!va_cuda_go(be, p->B * p->n))
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, add, q, *p);
    va_cuda_launched(be, "add");
}
