/*
 * va_cpu_priv.h - what the files of the cpu backend share: the backend, its working memory, and
 * its entries by the file that has them.
 *
 * Work is cut into tasks whose size depends on shapes only; sums across tasks are added in task
 * order. So results are the same bytes for any number of threads.
 */
#ifndef VA_CPU_PRIV_H
#define VA_CPU_PRIV_H

#include "base/va_thread.h"
#include "cpu/va_gemm.h"
#include "cpu/va_hot.h"
#include "ops/va_ops.h"
#include <stdatomic.h>

struct va_cpu {
    struct va_backend base; /* first, so that a va_backend * is one of these */
    atomic_bool broken;     /* a task failed and reported; becomes base.failed after the join */
    float *scratch;         /* [threads, scratch_room] */
    int64_t scratch_room;
    int threads;
    float *shared; /* [shared_room]: partial results of tasks */
    int64_t shared_room;
    float
        *waves[VA_TILE_MAX / 2 + 1]; /* tables of tiles of twice the size (va_cpu_spectral.c) */
};

static inline struct va_cpu *va_cpu(struct va_backend *be)
{
    return (struct va_cpu *)be;
}

/*
 * Before va_parallel: room for `each` floats per thread, and for `shared` floats in common.
 * What was in them is lost. false when the backend has failed, before or now.
 */
bool va_cpu_room(struct va_cpu *cpu, int64_t each, int64_t shared);

static inline float *va_cpu_scratch(const struct va_cpu *cpu, int thread) /* 64-byte aligned */
{
    return cpu->scratch + thread * cpu->scratch_room;
}

static inline int64_t va_round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

/* va_parallel, then pass on the failure of a task. Tasks set cpu->broken. */
void va_cpu_run(struct va_cpu *cpu, int64_t tasks, void (*fn)(void *, int64_t, int), void *arg);

/* fn(arg, first, count) over pieces of n numbers; for maps, whose results do not depend on the
 * pieces. Small n stays on this thread. */
enum { VA_CPU_PIECE = 1 << 14 };
void va_cpu_map(int64_t n, void (*fn)(void *arg, int64_t first, int64_t count), void *arg);

/* ---- va_cpu_pack.c: the prepared form of weights ------------------------------------------- */

/* `taps` matrices B_k [rows, cols], each in panels: of float32 (va_gemm.h), or narrow ones (va_narrow.h); one
 * of int8 has before them, with C columns, rounded up to whole panels, scales [C] and starts [C]. */
struct va_packed {
    int size; /* bytes of a number: 4, 2, 1 */
    int64_t rows, cols, taps;
    int64_t depth; /* rows of a panel, with padding */
    int64_t row_step, col_step;
    float *data;
};

enum va_pack_way {
    VA_PACK_FORWARD,
    VA_PACK_BACKWARD,
    VA_PACK_BF16,
    VA_PACK_BF16_BACKWARD,
    VA_PACK_INT8,
    VA_PACK_WAYS
};

/* B_k[r, c] = w[r * row_step + c * col_step + k], packed at the first use and when w is stale. VA_PACK_INT8 is for
 * one tap and row_step 1. NULL after failing. */
const struct va_packed *va_cpu_pack(struct va_cpu *cpu, struct va_weight *w,
                                    enum va_pack_way way, int64_t rows, int64_t cols,
                                    int64_t taps, int64_t row_step, int64_t col_step);
/* The device wrote the values: all forms that there are once more. */
void va_cpu_repack(const struct va_weight *w);
void va_cpu_weight_put(struct va_backend *be, struct va_weight *w, int64_t count,
                       const struct va_numbers *from);
void va_cpu_weight_get(struct va_backend *be, const struct va_weight *w, int64_t first,
                       int64_t count, float *to);
bool va_cpu_prepared_only(const struct va_backend *be, const struct va_weight *w, bool exact);
void va_cpu_weight_prepare(struct va_backend *be, struct va_weight *w, bool training);
void va_cpu_weight_release(struct va_backend *be, struct va_weight *w);

/* The way of a linear layer's weight, by the backend's precision. */
enum va_pack_way va_cpu_linear_way(const struct va_backend *be);

/* Start of columns [col, ...) of tap k; col is a multiple of VA_GEMM_PANEL. */
static inline const float *va_packed_at(const struct va_packed *p, int64_t k, int64_t col)
{
    return p->data + (k * va_round_up(p->cols, VA_GEMM_PANEL) + col) * p->depth;
}

static inline int64_t va_packed_lines(const struct va_packed *p)
{
    return p->depth * p->size / VA_NARROW_LINE;
}

static inline float *va_packed_scales(const struct va_packed *p)
{
    return p->data;
}

static inline int32_t *va_packed_starts(const struct va_packed *p)
{
    return (int32_t *)(void *)(p->data + va_round_up(p->cols, VA_NARROW_PANEL));
}

/* The same for narrow panels. */
static inline uint8_t *va_packed_narrow(const struct va_packed *p, int64_t k, int64_t col)
{
    int64_t cols = va_round_up(p->cols, VA_NARROW_PANEL);

    return (uint8_t *)(p->data + (p->size == 1 ? 2 * cols : 0)) +
           (k * cols + col) * p->depth * p->size;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* va_cpu_elementwise.c */
void va_cpu_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y);
void va_cpu_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx);
void va_cpu_add(struct va_backend *be, const struct va_add *p);
void va_cpu_prelu(struct va_backend *be, const struct va_prelu *p);
void va_cpu_prelu_grad(struct va_backend *be, const struct va_prelu_grad *p);
void va_cpu_dropout(struct va_backend *be, const struct va_dropout *p);

/* va_cpu_rows.c */
void va_cpu_add_scaled(struct va_backend *be, const struct va_add_scaled *p);
void va_cpu_gather(struct va_backend *be, const struct va_gather *p);
void va_cpu_squares(struct va_backend *be, const struct va_squares *p);

/* va_cpu_linear.c, va_cpu_attention.c */
void va_cpu_linear(struct va_backend *be, const struct va_linear *p);
void va_cpu_linear_grad(struct va_backend *be, const struct va_linear_grad *p);
void va_cpu_attention(struct va_backend *be, const struct va_attention *p);
void va_cpu_attention_grad(struct va_backend *be, const struct va_attention_grad *p);
/* sum[c] += the sums of the columns of x [rows, cols], rows ld apart */
void va_cpu_add_columns(struct va_cpu *cpu, int64_t rows, int64_t cols, int64_t ld,
                        const float *x, float *sum);

/* va_cpu_conv.c, va_cpu_dwconv.c */
void va_cpu_conv(struct va_backend *be, const struct va_conv *p);
void va_cpu_conv_grad(struct va_backend *be, const struct va_conv_grad *p);
void va_cpu_dwconv(struct va_backend *be, const struct va_dwconv *p);
void va_cpu_dwconv_grad(struct va_backend *be, const struct va_dwconv_grad *p);

/* va_cpu_conv_narrow.c: in bf16 */
void va_cpu_narrow_conv(struct va_cpu *cpu, const struct va_conv *p);
void va_cpu_narrow_dx(struct va_cpu *cpu, const struct va_conv_grad *p);
void va_cpu_narrow_dw(struct va_cpu *cpu, const struct va_conv_grad *p);

/* va_cpu_spectral.c: false where the direct method is to be used */
bool va_cpu_spectral_conv(struct va_cpu *cpu, const struct va_conv *p);
bool va_cpu_spectral_dx(struct va_cpu *cpu, const struct va_conv_grad *p);
bool va_cpu_spectral_dw(struct va_cpu *cpu, const struct va_conv_grad *p);
enum { VA_CONV_BLOCK = 64 }; /* rows of a product of the direct method, at most */
/* Such kernels take the domain of frequencies, but for short sequences. */
bool va_cpu_spectral_kernel(const struct va_backend *be, int64_t taps, int64_t Cin,
                            int64_t Cout);
/* The size of tiles that is quickest, 0: the direct method is. */
int va_cpu_spectral_size(const struct va_backend *be, int64_t frames, int64_t dilation,
                         int64_t taps, int64_t Cin, int64_t Cout);

/* va_cpu_recurrent.c */
void va_cpu_recurrent(struct va_backend *be, const struct va_recurrent *p);
void va_cpu_recurrent_grad(struct va_backend *be, const struct va_recurrent_grad *p);

/* va_cpu_scan.c */
void va_cpu_scan(struct va_backend *be, const struct va_scan *p);
void va_cpu_scan_grad(struct va_backend *be, const struct va_scan_grad *p);

/* va_cpu_norm.c */
void va_cpu_norm(struct va_backend *be, const struct va_norm *p);
void va_cpu_norm_grad(struct va_backend *be, const struct va_norm_grad *p);

/* va_cpu_train.c */
void va_cpu_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out);
void va_cpu_ccc_loss(struct va_backend *be, const struct va_ccc *p);
void va_cpu_cross_entropy(struct va_backend *be, const struct va_cross_entropy *p);

/* va_cpu_update.c */
void va_cpu_update(struct va_backend *be, const struct va_adamw *p);

/* va_cpu_derive.c. Row r of a weight under a norm: w[r]; and the way from its gradient, which dv holds, to
 * that of v, with dg += . Nothing goes through a row of zeros. */
void va_cpu_normed_row(const struct va_derived *p, int64_t r);
struct va_row_slope va_cpu_row_slope(const struct va_derived *p, int64_t r);
void va_cpu_derive(struct va_backend *be, const struct va_derived *list, int64_t count);
void va_cpu_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t count);

/* va_cpu_pictures.c */
void va_cpu_conv2d(struct va_backend *be, const struct va_conv2d *p);
void va_cpu_dwconv2d(struct va_backend *be, const struct va_dwconv2d *p);
void va_cpu_separable2d(struct va_backend *be, const struct va_separable2d *p);
void va_cpu_pool2d(struct va_backend *be, const struct va_pool2d *p);
void va_cpu_gate(struct va_backend *be, const struct va_gate *p);
void va_cpu_upsample2d(struct va_backend *be, const struct va_upsample2d *p);

#endif
