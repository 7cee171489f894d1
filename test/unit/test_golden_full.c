/*
 * The published temporal model at full size, 67,155,086 parameters, on two clips of 300 frames; weights and
 * features are formulas.
 */

#include "model/va_temporal.h"
#include "test/unit/device.h"
#include "test/va_generated.h"

enum { T = 300, D = 1024 };
static const char expected_file[] = "head_full/expected.safetensors";

/* t(i) times 1.75, as the reference made its clips. */
static void *clip(struct va_backend *be, const char *name)
{
    uint64_t key = va_generated_key(name);
    float *x = va_new(T * D, sizeof(*x));
    void *buffer = be->ops->alloc(be, T * D);

    for (int64_t i = 0; x && i < T * D; i++)
        x[i] = (float)(1.75 * ((double)(va_generated_bits(key, i) >> 40) * 0x1p-23 - 1));
    VA_CHECK(x && buffer);
    if (x && buffer)
        be->ops->put_f32(be, buffer, x, T * D);
    va_free(x);
    return buffer;
}

/* As a batch of two, and clip 1 in blocks of 64 frames. */
static void predictions(struct va_backend *be, struct va_temporal *model,
                        const struct va_tensors *expected)
{
    void *x[2] = { clip(be, "features.0"), clip(be, "features.1") };
    void *both = be->ops->alloc(be, 2 * T * D), *pred = be->ops->alloc(be, 2 * T * 2);
    struct va_temporal_stream *s = va_temporal_stream_new(model, 64);

    VA_CHECK(both && pred && s && va_temporal_reserve(model, 2, T, false) == 0);
    if (!va_test_bad) {
        be->ops->copy(be, both, x[0], T * D);
        be->ops->copy(be, va_at(be, both, T * D), x[1], T * D);
        va_temporal_forward(model, 2, T, both, pred, 0, NULL, 0);
        va_golden_check_buffer(be, expected_file, expected, "pred.clip_0", pred, T * 2, 1);
        va_golden_check_buffer(be, expected_file, expected, "pred.clip_1",
                               va_at(be, pred, T * 2), T * 2, 1);
        for (int64_t t = 0; t < T; t += 64)
            va_temporal_stream_forward(s, T - t < 64 ? T - t : 64, va_at(be, x[1], t * D),
                                       va_at(be, pred, 2 * t));
        va_golden_check_buffer(be, expected_file, expected, "pred.clip_1", pred, T * 2, 1);
    }
    va_temporal_stream_free(s);
    be->ops->free(be, x[0]);
    be->ops->free(be, x[1]);
    be->ops->free(be, both);
    be->ops->free(be, pred);
}

static void published_head(void)
{
    struct va_tensors *expected = va_golden_load(expected_file);
    struct va_tensors *weights = expected ? va_generated_weights("head_full/weights.tsv")
                                          : NULL;
    struct va_backend *be = va_test_device();
    struct va_temporal_config c;
    struct va_temporal *model;

    VA_CHECK(be && weights && va_tensors_set_meta(weights, "in-norm", "yes") == 0);
    VA_CHECK(!va_test_bad && va_temporal_config_load(&c, weights, "weights.tsv") == 0);
    if (va_test_bad)
        return;
    model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_AUTHORS, true);
    VA_CHECK(model && va_params_load(va_temporal_params(model), weights, "weights.tsv") == 0);
    VA_CHECK_INT(model ? va_params_total(va_temporal_params(model)) : 0, 67155086);
    va_tensors_free(weights);
    if (model && !va_test_bad) {
        va_params_changed(va_temporal_params(model));
        predictions(be, model, expected);
        VA_CHECK(va_backend_check(be) == 0);
    }
    va_temporal_free(model);
    va_backend_free(be);
    va_tensors_free(expected);
}

int main(void)
{
    VA_TEST(published_head);
    return va_test_finish();
}
