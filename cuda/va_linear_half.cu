/*
 * A linear layer on tensor cores: operands in bfloat16, float sums. The weight was rounded once; x is rounded into
 * scratch by a pass of its own, so that rows begin at 16 bytes however they lay, and go to shared memory
 * by asynchronous copies, two steps ahead.
 *
 * A warp makes 32 or 64 rows x 32 columns; a block has two of them below each other. Large blocks read less; small
 * ones are more where the result is small.
 */
#include "cuda/va_linear.h"

enum {
    DEPTH = 32,
    STAGES = 3,
    PITCH = DEPTH + 8, /* 80 bytes: the 8 rows of a matrix lie in all banks */
    MANY = 128         /* blocks: enough of large ones for a large GPU */
};

/* COLS columns by twice ROWS rows of a warp. */
template <int ROWS, int COLS>
struct half_shared {
    va_linear_finish::place c[2 * ROWS];
    union {
        struct {
            alignas(16) va_bf16 x[2 * ROWS][PITCH], w[COLS][PITCH];
        } stage[STAGES];
        float sums[2 * ROWS][COLS + 8];
    };
};

struct half_operands {
    const va_bf16 *x, *w; /* [M, width], [N, width] */
    int64_t width;
};

/* Terms from k0 on, of `rows` rows from row0 on of `count`; zeros elsewhere. */
template <int rows, int threads>
static __device__ __forceinline__ void stage_rows(va_bf16 (*to)[PITCH], const va_bf16 *from,
                                                  int64_t width, int64_t row0, int64_t count,
                                                  int64_t k0)
{
#pragma unroll
    for (int j = 0; j < rows * DEPTH / 8 / threads; j++) {
        int i = j * threads + threadIdx.x, r = i / (DEPTH / 8), k = i % (DEPTH / 8) * 8;
        bool there = row0 + r < count && k0 + k < width;

        va_copy_async16(&to[r][k], there ? from + (row0 + r) * width + k0 + k : from, there);
    }
}

/* The sums of a warp, whose tile begins at row m0 and column n0 of the block's, over one stage. */
template <int ROWS>
static __device__ __forceinline__ void multiply(float sum[ROWS / 16][4][4],
                                                const va_bf16 (*x)[PITCH],
                                                const va_bf16 (*w)[PITCH], int m0, int n0)
{
    const int lane = threadIdx.x % 32;

#pragma unroll
    for (int k = 0; k < DEPTH; k += 16) {
        uint32_t a[ROWS / 16][4], b[2][4];

#pragma unroll
        for (int i = 0; i < ROWS / 16; i++)
            va_ldmatrix_x4(a[i], &x[m0 + 16 * i + lane % 16][k + lane / 16 * 8]);
#pragma unroll
        for (int i = 0; i < 2; i++)
            va_ldmatrix_x4(b[i],
                           &w[n0 + 16 * i + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 8]);
#pragma unroll
        for (int i = 0; i < ROWS / 16; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                va_mma_bf16(sum[i][j], a[i], &b[j / 2][j % 2 * 2]);
    }
}

template <int ROWS, int COLS>
__global__ void __launch_bounds__(2 * COLS, COLS == 64 ? 4 : 2)
    linear_half(const half_operands o, const va_linear_finish f, const va_product p)
{
    typedef half_shared<ROWS, COLS> shared;
    VA_SHARED_MEMORY(shared, s);
    const va_tile_at at = va_tile_of(p, blockIdx.x, 2 * ROWS, COLS);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int m0 = warp % 2 * ROWS, n0 = warp / 2 * 32;
    const int steps = (int)((o.width + DEPTH - 1) / DEPTH);
    float sum[ROWS / 16][4][4] = {};

    static_assert(ROWS <= COLS, "a thread for each row");
    if (threadIdx.x < 2 * ROWS && at.m0 + threadIdx.x < p.M)
        s.c[threadIdx.x] = f.find(at.m0 + threadIdx.x);
    for (int step = 1 - STAGES; step < steps; step++) {
        int next = step + STAGES - 1;

        if (step >= 0) {
            va_copy_wait<STAGES - 2>();
            __syncthreads(); /* this step is there, and the one before has been read */
        }
        if (next < steps) {
            auto &to = s.stage[next % STAGES];

            stage_rows<2 * ROWS, 2 * COLS>(to.x, o.x, o.width, at.m0, p.M, next * DEPTH);
            stage_rows<COLS, 2 * COLS>(to.w, o.w, o.width, at.n0, p.N, next * DEPTH);
        }
        va_copy_commit();
        if (step >= 0)
            multiply<ROWS>(sum, s.stage[step % STAGES].x, s.stage[step % STAGES].w, m0, n0);
    }
    __syncthreads(); /* the tiles, all of which came, make room for the sums */
#pragma unroll
    for (int i = 0; i < ROWS / 16; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int q = 0; q < 4; q += 2)
                *(float2 *)&s.sums[m0 + 16 * i + lane / 4 + 4 * q][n0 + 8 * j + lane % 4 * 2] =
                    make_float2(sum[i][j][q], sum[i][j][q + 1]);
    __syncthreads();
    va_finish(f, s.c, &s.sums[0][0], COLS + 8, 2 * ROWS, COLS, at, p);
}

template <int ROWS, int COLS>
static void launch(const half_operands &o, const va_linear_finish &f, const va_product &p)
{
    auto *kernel = linear_half<ROWS, COLS>;
    unsigned blocks = va_blocks_of(p.M, 2 * ROWS) * va_blocks_of(p.N, COLS);

    VA_LAUNCH(va_gpu_stream(), dim3(blocks), dim3(2 * COLS), sizeof(half_shared<ROWS, COLS>),
              kernel, o, f, p);
}

void va_cuda_linear_half(struct va_backend *be, const struct va_linear *p, int64_t rows)
{
    int64_t width = va_half_width(p->K);
    const va_bf16 *w = va_cuda_half(be, p->w, p->N, p->K);
    va_bf16 *x = (va_bf16 *)va_cuda_room(be, (size_t)(rows * width) * sizeof(*x));
    va_product shape = { rows, p->N, p->K, 1, 1, 1, 0 };

    if (!w || !x)
        return;
    va_cuda_round_half(va_linear_rows(p), rows, p->K, x);
    if ((int64_t)va_blocks_of(rows, 128) * va_blocks_of(p->N, 128) >= MANY)
        launch<64, 128>({ x, w, width }, va_linear_finish_of(p), shape);
    else
        launch<32, 64>({ x, w, width }, va_linear_finish_of(p), shape);
}
