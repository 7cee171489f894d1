/* Rows as they are: taken by index, mixed in twos, or added with a factor each. */
#include "cuda/va_map.h"

/* Rows of x lie `pitch` apart. */
template <class X>
static __global__ void __launch_bounds__(256)
    gather(struct va_quads q, const struct va_gather p, const int64_t pitch)
{
    VA_EACH_RUN(row, p.rows)
    {
        const int32_t from = ((const int32_t *)p.index)[row];
        const X *x = (const X *)p.x + (from < 0 ? 0 : from) * pitch;
        const int32_t second = from >= 0 && p.next ? ((const int32_t *)p.next)[row] : -1;
        const float mix = second < 0 ? 0 : ((const float *)p.mix)[row];
        float *y = (float *)p.y + row * p.C;

        VA_EACH_QUAD(j, q)
        {
            float v[4] = { 0, 0, 0, 0 }, w[4];

            if (from >= 0)
                va_get4(v, q, j, x);
            else if (p.fill)
                va_get4(v, q, j, (const float *)p.fill);
            if (second >= 0) {
                va_get4(w, q, j, (const X *)p.x + second * pitch);
#pragma unroll
                for (int k = 0; k < 4; k++)
                    v[k] = (1 - mix) * v[k] + mix * w[k];
            }
            va_put4(v, q, j, y);
        }
    }
}

void va_cuda_gather(struct va_backend *be, const struct va_gather *p)
{
    const bool vectors = p->C % 4 == 0 && va_aligned16(p->x) && va_aligned16(p->fill) &&
                         va_aligned16(p->y);
    const struct va_quads q = { p->C, 0, vectors };
    const struct va_map_shape s = va_map_shape(q, p->rows);

    if (!va_cuda_go(be, p->rows * p->C))
        return;
    if (p->halves)
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, gather<va_bf16>, q, *p, p->C + p->C % 2);
    else
        VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, gather<float>, q, *p, p->C);
    va_cuda_launched(be, "gather");
}

static __global__ void __launch_bounds__(256)
    add_scaled(struct va_quads q, const struct va_add_scaled p)
{
    VA_EACH_RUN(run, p.B)
    {
        const float factor = ((const float *)p.s)[run];
        const float *f = (const float *)p.f + run * p.n;
        const float *x = p.x ? (const float *)p.x + run * p.n : nullptr;
        float *y = (float *)p.y + run * p.n;

        VA_EACH_QUAD(j, q)
        {
            float v[4], w[4] = { 0, 0, 0, 0 };

            va_get4(v, q, j, f);
            if (x)
                va_get4(w, q, j, x);
#pragma unroll
            for (int k = 0; k < 4; k++)
                v[k] = w[k] + factor * v[k];
            va_put4(v, q, j, y);
        }
    }
}

void va_cuda_add_scaled(struct va_backend *be, const struct va_add_scaled *p)
{
    const bool vectors = va_aligned_runs(p->f, p->B, p->n) &&
                         va_aligned_runs(p->x, p->B, p->n) && va_aligned_runs(p->y, p->B, p->n);
    const struct va_quads q = { p->n, 0, vectors };
    const struct va_map_shape s = va_map_shape(q, p->B);

    if (!va_cuda_go(be, p->B * p->n))
        return;
    VA_LAUNCH(va_gpu_stream(), s.grid, s.block, 0, add_scaled, q, *p);
    va_cuda_launched(be, "add_scaled");
}
