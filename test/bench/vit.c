/*
 * CLS rows of pictures through ViT-L/16, in float32, with products of bfloat16 and in int8. The error is
 * that of a picture among others against the same alone, which float32 must not show; in int8 it is that
 * against float32. Against double all are looked at by test_vit_full.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "model/va_vit.h"
#include "test/bench/bench.h"
#include "test/unit/device.h"
#include <math.h>

enum { D = 1024, PATCHES = 196 * 768 };

struct vit {
    struct va_backend *be;
    struct va_vit *vit;
    void *patches, *cls;
};

static bool start(struct bench *b, enum va_precision precision)
{
    struct vit *v = va_new(1, sizeof(*v));
    struct va_vit_config c;
    int64_t n = b->batch * PATCHES;
    float *x = va_new(n, sizeof(*x));

    b->state = v;
    v->be = va_test_device();
    v->be->precision = precision;
    va_vit_config_default(&c);
    v->vit = va_vit_new(v->be, &c, VA_VIT_INIT_MAE);
    if (!x || !v->vit || va_vit_draw(v->vit, 1) < 0 || va_vit_reserve(v->vit, b->batch) < 0)
        return false;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(2 * va_rand_uniform(1, VA_RAND_TEST, 1, (uint64_t)i) - 1);
    v->patches = v->be->ops->alloc(v->be, n);
    v->be->ops->put_f32(v->be, v->patches, x, n);
    va_free(x);
    v->cls = v->be->ops->alloc(v->be, b->batch * D);
    b->work = 118.8e9 * (double)b->batch;
    return v->cls;
}

static bool start_f32(struct bench *b)
{
    return start(b, VA_F32_PRODUCTS);
}

static bool start_bf16(struct bench *b)
{
    return start(b, VA_BF16_PRODUCTS);
}

static bool start_int8(struct bench *b)
{
    return start(b, VA_INT8_PRODUCTS);
}

static void run(struct bench *b)
{
    struct vit *v = b->state;

    va_vit_forward(v->vit, b->batch, v->patches, v->cls);
    va_test_wait(v->be);
}

/* The first row of the last batch from that of the first picture alone. */
static double error(struct bench *b)
{
    struct vit *v = b->state;
    float batch[D], alone[D];
    double off = 0, size = 0;

    v->be->ops->get_f32(v->be, batch, v->cls, D);
    va_vit_forward(v->vit, 1, v->patches, v->cls);
    v->be->ops->get_f32(v->be, alone, v->cls, D);
    for (int i = 0; i < D; i++) {
        off += pow((double)batch[i] - (double)alone[i], 2);
        size += pow((double)alone[i], 2);
    }
    return sqrt(off / size);
}

static double error_int8(struct bench *b)
{
    struct vit *v = b->state;
    double neighbours = error(b), off;

    v->be->precision = VA_F32_PRODUCTS;
    off = error(b);
    v->be->precision = VA_INT8_PRODUCTS;
    return neighbours > 0 ? INFINITY : off;
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
        { "cls-f32", start_f32, run, error, 0, 0, "flop", 8, 1, NULL },
        { "cls-bf16", start_bf16, run, error, 1e-3, 0, "flop", 8, 1, NULL },
        { "cls-int8", start_int8, run, error_int8, 5e-2, 0, "op", 8, 1, NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
