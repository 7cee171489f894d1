/*
 * The reference table: memory, and which function stands for which entry.
 */
#include "ref/va_ref_ops.h"

#include "base/va_mem.h"
#include "cpu/va_buffer.h"
#include "ops/va_compose.h"
#include "ref/va_ref_priv.h"
#include <string.h>

static void ref_zero(struct va_backend *be, void *buffer, int64_t count)
{
    (void)be;
    memset(buffer, 0, (size_t)count * sizeof(double));
}

static void ref_copy(struct va_backend *be, void *dst, const void *src, int64_t count)
{
    (void)be;
    memmove(dst, src, (size_t)count * sizeof(double));
}

static void ref_put_f32(struct va_backend *be, void *dst, const float *src, int64_t count)
{
    double *d = dst;

    (void)be;
    for (int64_t i = 0; i < count; i++)
        d[i] = src[i];
}

static void ref_put_f64(struct va_backend *be, void *dst, const double *src, int64_t count)
{
    ref_copy(be, dst, src, count);
}

static void ref_get_f32(struct va_backend *be, float *dst, const void *src, int64_t count)
{
    const double *s = src;

    (void)be;
    for (int64_t i = 0; i < count; i++)
        dst[i] = (float)s[i];
}

static void ref_get_f64(struct va_backend *be, double *dst, const void *src, int64_t count)
{
    ref_copy(be, dst, src, count);
}

static void ref_weight_prepare(struct va_backend *be, struct va_weight *w, bool training)
{
    (void)be;
    (void)w;
    (void)training;
}

static void ref_weight_release(struct va_backend *be, struct va_weight *w)
{
    (void)be;
    (void)w; /* nothing is ever prepared here */
}

static int ref_sync(struct va_backend *be)
{
    return be->failed ? -1 : 0;
}

static void ref_destroy(struct va_backend *be)
{
    va_free(be);
}

static const struct va_ops ref_ops = {
    .name = "ref",
    .elem = sizeof(double),
    .alloc = va_buffer_new,
    .free = va_buffer_free,
    .zero = ref_zero,
    .copy = ref_copy,
    .put_f32 = ref_put_f32,
    .put_f64 = ref_put_f64,
    .get_f32 = ref_get_f32,
    .get_f64 = ref_get_f64,
    .put_bytes = va_buffer_move,
    .get_bytes = va_buffer_move,
    .weight_prepare = ref_weight_prepare,
    .weight_release = ref_weight_release,
    .unary = va_ref_unary,
    .unary_grad = va_ref_unary_grad,
    .add = va_ref_add,
    .add_scaled = va_ref_add_scaled,
    .gather = va_ref_gather,
    .prelu = va_ref_prelu,
    .prelu_grad = va_ref_prelu_grad,
    .dropout = va_ref_dropout,
    .linear = va_ref_linear,
    .linear_grad = va_ref_linear_grad,
    .conv = va_ref_conv,
    .conv_grad = va_ref_conv_grad,
    .dwconv = va_ref_dwconv,
    .dwconv_grad = va_ref_dwconv_grad,
    .derive = va_ref_derive,
    .derive_grad = va_ref_derive_grad,
    .scan = va_ref_scan,
    .scan_grad = va_ref_scan_grad,
    .norm = va_ref_norm,
    .norm_grad = va_ref_norm_grad,
    .attention = va_ref_attention,
    .attention_grad = va_ref_attention_grad,
    .recurrent = va_ref_recurrent,
    .recurrent_grad = va_ref_recurrent_grad,
    .squares = va_ref_squares,
    .ccc_moments = va_ref_ccc_moments,
    .ccc_loss = va_ref_ccc_loss,
    .cross_entropy = va_ref_cross_entropy,
    .update = va_ref_update,
    .conv2d = va_ref_conv2d,
    .dwconv2d = va_ref_dwconv2d,
    .separable2d = va_ref_separable2d,
    .pool2d = va_ref_pool2d,
    .gate = va_ref_gate,
    .upsample2d = va_ref_upsample2d,
    .sync = ref_sync,
    .destroy = ref_destroy,
};

struct va_backend *va_ref_backend_new(void)
{
    struct va_backend *be = va_new(1, sizeof(*be));

    if (be)
        va_backend_init(be, &ref_ops);
    return be;
}
