/*
 * Encoders as others publish them: files of test/golden/encoders are imported, and give the rows of
 * features that the library gave which they come from (test/reference/variants.py and cnns.py), in double and fast.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "cpu/va_cpu_ops.h"
#include "model/va_arch.h"
#include "model/va_embedder.h"
#include "ref/va_ref_ops.h"
#include "test/va_golden.h"
#include <string.h>

/* One tensor out of the set, which the caller frees. */
static struct va_tensor take(struct va_tensors *set, const char *name)
{
    struct va_tensor *at = va_tensors_find(set, name), t;

    if (!at)
        abort();
    t = *at;
    *at = set->items[--set->count];
    return t;
}

static void drop(struct va_tensor *t)
{
    va_free(t->name);
    va_free(t->data);
}

/* The largest difference of a row over the length of the row. */
static double off(const float *found, const struct va_tensor *rows)
{
    int64_t D = rows->shape[1];
    double most = 0;

    for (int64_t b = 0; b < rows->shape[0]; b++) {
        double difference = 0, length = 0;

        for (int64_t i = b * D; i < (b + 1) * D; i++) {
            double expected = va_tensor_at(rows, i), d = (double)found[i] - expected;

            difference += d * d;
            length += expected * expected;
        }
        most = va_worse(most, sqrt(difference / length));
    }
    return most;
}

/* Valence and arousal, of pictures and of the features. */
static void rate(struct va_embedder *e, const struct va_tensor *ratings, const float *cut,
                 const float *rows)
{
    float found[2 * 8];

    VA_CHECK(va_embedder_rates(e) && ratings->count <= (int64_t)VA_COUNT(found));
    if (va_test_bad)
        return;
    VA_CHECK(va_embedder_rate_rows(e, ratings->shape[0], rows, found) == 0);
    VA_CHECK_NEAR(off(found, ratings), 0, 1e-6);
    VA_CHECK(va_embedder_rate(e, ratings->shape[0], cut, found) == 0);
    VA_CHECK_NEAR(off(found, ratings), 0, 1e-6);
}

static void run(struct va_backend *be, const struct va_tensors *set, const char *name,
                const struct va_tensor *pixels, const struct va_tensor *rows,
                const struct va_tensor *ratings)
{
    int64_t B = rows->shape[0], n = rows->count, size = pixels->count / B;
    struct va_embedder *e = va_embedder_new(be, set, name, B);
    float *found = va_new(n, sizeof(*found)), *cut;
    struct va_intake intake;

    VA_CHECK(e != NULL);
    if (e) {
        intake = va_embedder_intake(e);
        cut = va_new(B * intake.numbers, sizeof(*cut));
        for (int64_t b = 0; b < B; b++)
            intake.cut(intake.model, (const uint8_t *)pixels->data + b * size,
                       cut + b * intake.numbers);
        VA_CHECK(va_embedder_width(e) == rows->shape[1]);
        VA_CHECK(va_embedder_run(e, B, cut, found) == 0);
        VA_CHECK_NEAR(off(found, rows), 0, 1e-6);
        if (ratings)
            rate(e, ratings, cut, found);
        va_free(cut);
    }
    va_free(found);
    va_embedder_free(e);
    va_backend_free(be);
}

static void check_case(const char *name, enum va_model_kind expected)
{
    const struct va_strings none = { 0 };
    char file[128];
    struct va_tensors *set;
    struct va_tensor pixels, rows, ratings = { 0 };
    enum va_model_kind kind;
    bool authors;

    snprintf(file, sizeof(file), "encoders/%s.safetensors", name);
    set = va_golden_load(file);
    VA_CHECK(set != NULL);
    if (!set)
        return;
    printf("# %s\n", name);
    pixels = take(set, "golden.pixels");
    rows = take(set, "golden.rows");
    if (expected == VA_MODEL_CNN)
        ratings = take(set, "golden.ratings");
    VA_CHECK(va_keymap_apply(set, file, false, &kind, &authors) == 0);
    VA_CHECK(kind == expected && !authors);
    VA_CHECK(va_arch_apply_settings(set, &none, kind) == 0);
    VA_CHECK(va_arch_complete(set, file, kind, false) == 0);
    if (!va_test_bad) {
        run(va_ref_backend_new(), set, file, &pixels, &rows, ratings.data ? &ratings : NULL);
        run(va_cpu_backend_new(), set, file, &pixels, &rows, ratings.data ? &ratings : NULL);
    }
    drop(&pixels);
    drop(&rows);
    drop(&ratings);
    va_tensors_free(set);
}

static void rows_of_their_libraries(void)
{
    static const char *const cases[] = { "pool",
                                         "vit",
                                         "vit_mae",
                                         "layerscale",
                                         "dinov2",
                                         "registers",
                                         "registers_mean",
                                         "deit3",
                                         "deit",
                                         "dinov2_registers",
                                         "openai_clip",
                                         "timm_clip",
                                         "clip" };

    for (size_t i = 0; i < VA_COUNT(cases); i++)
        check_case(cases[i], VA_MODEL_ENCODER);
}

static void convolutional(void)
{
    static const char *const cases[] = { "efficientnet", "tf_efficientnet", "mobilefacenet" };

    for (size_t i = 0; i < VA_COUNT(cases); i++)
        check_case(cases[i], VA_MODEL_CNN);
}

int main(void)
{
    va_set_verbosity(VA_QUIET); /* what is left out is said */
    VA_TEST(rows_of_their_libraries);
    VA_TEST(convolutional);
    return va_test_finish();
}
