/*
 * va_cuda.h - the operation table on a GPU: what its files share.
 *
 * A file holds an operation: kernels, what launches them, and the entry of the table, va_cuda_NAME, as
 * ops/va_op*.h states it. va_cuda_ops.cc has memory and the table, va_cuda_plugin.cc the symbol.
 *
 * Every file is compiled twice: by nvcc, and by a C++ compiler over the host executor (va_emu.h), where the
 * tests run. Results are a function of the inputs: no atomics on floating point, sums in a fixed order.
 */
#ifndef VA_CUDA_H
#define VA_CUDA_H

extern "C" {
#include "ops/va_plugin.h"
}
#include "cuda/va_gpu.h"
#include "cuda/va_kernel.h"

/* C has `const T *` where C++ wants a cast from void. */
VA_SHARED const float *va_in(const void *buffer)
{
    return (const float *)buffer;
}
VA_SHARED float *va_out(void *buffer)
{
    return (float *)buffer;
}

/* Blocks of `size` that cover n; n >= 1. */
static inline unsigned va_blocks_of(int64_t n, int64_t size)
{
    return (unsigned)((n + size - 1) / size);
}

static constexpr int VA_SCAN_MARKS = 16; /* frames from mark to mark (struct va_scan) */

/* Whether an operation of n numbers is to be done: it is not after a failure, nor where n is 0. */
static inline bool va_cuda_go(const struct va_backend *be, int64_t n)
{
    return !be->failed && n > 0;
}

/*
 * Memory for an operation's own use, not zeroed: the same for all of them, so it holds until the next call.
 * NULL where there is not enough; the backend has then failed, and it was reported.
 */
void *va_cuda_room(struct va_backend *be, size_t bytes);

/*
 * Memory that begins with these bytes of the host, and has room for more behind them. The next call with
 * equal bytes and room gets the same and puts nothing, so that it can be recorded; one with others
 * takes its place. NULL as above.
 */
void *va_cuda_kept(struct va_backend *be, const void *content, size_t bytes, size_t room);

/* After the launches of an operation: whether they were accepted. */
void va_cuda_launched(struct va_backend *be, const char *name);

/* Fails the backend with this line; once, as what has failed does no more. */
void va_cuda_fail(struct va_backend *be, const char *format, ...) VA_PRINTF(2, 3);

/* A line for -v. */
void va_cuda_note(struct va_backend *be, const char *format, ...) VA_PRINTF(2, 3);

/*
 * Prepared forms of weights (cuda/va_prepared.h): bfloat16 or bytes of the values, where products are
 * in those; made when they are out of date or for the first time. `va_cuda_renew` makes what is there
 * again: for what writes values on the device (update, derive).
 */
void va_cuda_weight_prepare(struct va_backend *be, struct va_weight *w, bool training);
void va_cuda_weight_release(struct va_backend *be, struct va_weight *w);
void va_cuda_renew(struct va_backend *be, struct va_weight *w);

#define VA_CUDA_ENTRY(name) \
    void va_cuda_##name(struct va_backend *be, const struct va_##name *p)

void va_cuda_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y);
void va_cuda_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                        const void *y, const void *dy, void *dx);
VA_CUDA_ENTRY(add);
VA_CUDA_ENTRY(add_scaled);
VA_CUDA_ENTRY(gather);
VA_CUDA_ENTRY(prelu);
VA_CUDA_ENTRY(prelu_grad);
VA_CUDA_ENTRY(dropout);
VA_CUDA_ENTRY(linear);
VA_CUDA_ENTRY(linear_grad);
VA_CUDA_ENTRY(conv);
VA_CUDA_ENTRY(conv_grad);
VA_CUDA_ENTRY(dwconv);
VA_CUDA_ENTRY(dwconv_grad);
VA_CUDA_ENTRY(scan);
VA_CUDA_ENTRY(scan_grad);
VA_CUDA_ENTRY(norm);
VA_CUDA_ENTRY(norm_grad);
VA_CUDA_ENTRY(attention);
VA_CUDA_ENTRY(attention_grad);
VA_CUDA_ENTRY(recurrent);
VA_CUDA_ENTRY(recurrent_grad);
VA_CUDA_ENTRY(squares);
VA_CUDA_ENTRY(cross_entropy);
VA_CUDA_ENTRY(conv2d);
VA_CUDA_ENTRY(dwconv2d);
VA_CUDA_ENTRY(separable2d);
VA_CUDA_ENTRY(pool2d);
VA_CUDA_ENTRY(gate);
VA_CUDA_ENTRY(upsample2d);
VA_CUDA_ENTRY(patches);
bool va_cuda_transformer_infer(struct va_backend *be, const struct va_transformer *p);
void va_cuda_ccc_loss(struct va_backend *be, const struct va_ccc *p);
void va_cuda_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                         const void *valid, struct va_ccc_moments *out);
/* The moments of p's frames, to memory of the device. */
void va_cuda_ccc_moments_to(struct va_backend *be, const struct va_ccc *p,
                            struct va_ccc_moments *to);
void va_cuda_update(struct va_backend *be, const struct va_adamw *p);
void va_cuda_derive(struct va_backend *be, const struct va_derived *list, int64_t count);
void va_cuda_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t count);

struct va_backend *va_cuda_backend_new(
    const struct va_plugin_host *host); /* NULL after reporting */

#endif
