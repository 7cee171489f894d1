/*
 * The cpu table: memory, and which function stands for which entry.
 */
#include "cpu/va_cpu_ops.h"

#include "base/va_mem.h"
#include "cpu/va_buffer.h"
#include "cpu/va_cpu_priv.h"
#include "ops/va_compose.h"
#include <string.h>

/* ---- memory ---------------------------------------------------------------------------------- */

struct move {
    char *dst;
    const char *src; /* NULL: zeros */
};

static void move_piece(void *arg, int64_t first, int64_t count)
{
    const struct move *m = arg;
    size_t offset = (size_t)first * sizeof(float), bytes = (size_t)count * sizeof(float);

    if (m->src)
        memmove(m->dst + offset, m->src + offset, bytes);
    else
        memset(m->dst + offset, 0, bytes);
}

static void cpu_zero(struct va_backend *be, void *buffer, int64_t count)
{
    struct move m = { buffer, NULL };

    (void)be;
    va_cpu_map(count, move_piece, &m);
}

static void cpu_copy(struct va_backend *be, void *dst, const void *src, int64_t count)
{
    struct move m = { dst, src };
    const char *from = src, *to = dst;
    int64_t bytes = count * (int64_t)sizeof(float);

    (void)be;
    if (to < from + bytes && from < to + bytes)
        memmove(dst, src, (size_t)bytes); /* pieces would overtake each other */
    else if (src)
        va_cpu_map(count, move_piece, &m);
}

static void cpu_put_f32(struct va_backend *be, void *dst, const float *src, int64_t count)
{
    cpu_copy(be, dst, src, count);
}

static void cpu_put_f64(struct va_backend *be, void *dst, const double *src, int64_t count)
{
    float *d = dst;

    (void)be;
    for (int64_t i = 0; i < count; i++)
        d[i] = (float)src[i];
}

static void cpu_get_f32(struct va_backend *be, float *dst, const void *src, int64_t count)
{
    cpu_copy(be, dst, src, count);
}

static void cpu_get_f64(struct va_backend *be, double *dst, const void *src, int64_t count)
{
    const float *s = src;

    (void)be;
    for (int64_t i = 0; i < count; i++)
        dst[i] = s[i];
}

static int cpu_sync(struct va_backend *be)
{
    return be->failed ? -1 : 0;
}

static void cpu_destroy(struct va_backend *be)
{
    va_buffer_free(be, va_cpu(be)->scratch);
    va_buffer_free(be, va_cpu(be)->shared);
    for (size_t i = 0; i < VA_COUNT(va_cpu(be)->waves); i++)
        va_buffer_free(be, va_cpu(be)->waves[i]);
    va_free(be);
}

static const struct va_ops cpu_ops = {
    .name = "cpu",
    .elem = sizeof(float),
    .alloc = va_buffer_new,
    .free = va_buffer_free,
    .zero = cpu_zero,
    .copy = cpu_copy,
    .put_f32 = cpu_put_f32,
    .put_f64 = cpu_put_f64,
    .get_f32 = cpu_get_f32,
    .get_f64 = cpu_get_f64,
    .put_bytes = va_buffer_move,
    .get_bytes = va_buffer_move,
    .weight_put = va_cpu_weight_put,
    .weight_get = va_cpu_weight_get,
    .prepared_only = va_cpu_prepared_only,
    .weight_prepare = va_cpu_weight_prepare,
    .weight_release = va_cpu_weight_release,
    .unary = va_cpu_unary,
    .unary_grad = va_cpu_unary_grad,
    .add = va_cpu_add,
    .add_scaled = va_cpu_add_scaled,
    .gather = va_cpu_gather,
    .prelu = va_cpu_prelu,
    .prelu_grad = va_cpu_prelu_grad,
    .dropout = va_cpu_dropout,
    .linear = va_cpu_linear,
    .linear_grad = va_cpu_linear_grad,
    .conv = va_cpu_conv,
    .conv_grad = va_cpu_conv_grad,
    .dwconv = va_cpu_dwconv,
    .dwconv_grad = va_cpu_dwconv_grad,
    .scan = va_cpu_scan,
    .scan_grad = va_cpu_scan_grad,
    .norm = va_cpu_norm,
    .norm_grad = va_cpu_norm_grad,
    .attention = va_cpu_attention,
    .attention_grad = va_cpu_attention_grad,
    .recurrent = va_cpu_recurrent,
    .recurrent_grad = va_cpu_recurrent_grad,
    .squares = va_cpu_squares,
    .ccc_moments = va_cpu_ccc_moments,
    .ccc_loss = va_cpu_ccc_loss,
    .cross_entropy = va_cpu_cross_entropy,
    .update = va_cpu_update,
    .derive = va_cpu_derive,
    .derive_grad = va_cpu_derive_grad,
    .conv2d = va_cpu_conv2d,
    .dwconv2d = va_cpu_dwconv2d,
    .separable2d = va_cpu_separable2d,
    .pool2d = va_cpu_pool2d,
    .gate = va_cpu_gate,
    .upsample2d = va_cpu_upsample2d,
    .sync = cpu_sync,
    .destroy = cpu_destroy,
};

struct va_backend *va_cpu_backend_new(void)
{
    struct va_cpu *cpu = va_new(1, sizeof(*cpu));

    if (!cpu)
        return NULL;
    va_backend_init(&cpu->base, &cpu_ops);
    return &cpu->base;
}

static int count_cpus(char *why, size_t room)
{
    (void)why, (void)room;
    return 1; /* all cores of this machine are one device */
}

static struct va_backend *open_cpu(int number)
{
    (void)number;
    return va_cpu_backend_new();
}

const struct va_device va_cpu_device = { "cpu", count_cpus, open_cpu };
