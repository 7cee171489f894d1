/*
 * Encoders of full size against recorded CLS rows, from bytes on. Weights and one picture are
 * formulas (test/va_generated.h); five more pictures are resized first.
 */

#include "media/va_resize.h"
#include "model/va_embedder.h"
#include "ops/va_device.h"
#include "test/unit/device.h"
#include "test/va_generated.h"

enum { SIDE = 224, WIDEST = 1024 };

#if defined(__SANITIZE_ADDRESS__)
enum { SLOW = true };
#else
enum { SLOW = false };
#endif

static struct va_tensors *weights_of(const char *size)
{
    char table[64];

    snprintf(table, sizeof(table), "vit/vit_%s.weights.tsv", size);
    return va_generated_weights(table);
}

static struct va_embedder *embedder(struct va_backend *be, struct va_tensors *weights)
{
    struct va_embedder *e = va_embedder_new(be, weights, "generated", 1);

    va_tensors_free(weights);
    if (!e)
        abort();
    return e;
}

/* The CLS row of one picture [SIDE, SIDE, 3], as doubles. */
static void see(struct va_embedder *e, const uint8_t *picture, double *row)
{
    static float patches[SIDE * SIDE * 3], cls[WIDEST];

    va_embedder_intake(e).cut(va_embedder_intake(e).model, picture, patches);
    VA_CHECK(va_embedder_run(e, 1, patches, cls) == 0);
    for (int64_t i = 0; i < va_embedder_width(e); i++)
        row[i] = (double)cls[i];
}

/* Length of found - expected over that of expected. */
static double error_of(const double *found, const struct va_tensor *t)
{
    double off = 0, size = 0;

    for (int64_t i = 0; i < t->count; i++) {
        off += pow(found[i] - va_tensor_at(t, i), 2);
        size += pow(va_tensor_at(t, i), 2);
    }
    return sqrt(off / size);
}

/* float32 within the recorded tolerance; bfloat16 and int8, where their error in PyTorch is given
 * (test/reference/rounding_error.py), within 1.5 times that, and not nearer than rounded operands can
 * be. */
static void check_size(const char *size, double bf16, double int8)
{
    const double bound[] = { [VA_BF16_PRODUCTS] = bf16, [VA_INT8_PRODUCTS] = int8 };
    char file[64];
    struct va_tensors *expected, *weights;
    const struct va_tensor *cls;
    struct va_backend *be;
    struct va_embedder *e;
    static uint8_t picture[SIDE * SIDE * 3];
    double row[WIDEST];

    snprintf(file, sizeof(file), "vit/vit_%s.safetensors", size);
    expected = va_golden_load(file);
    weights = expected ? weights_of(size) : NULL;
    cls = weights ? va_tensors_find(expected, "cls") : NULL;
    if (!cls) {
        va_tensors_free(expected);
        VA_SKIP("its recorded weights are not here");
    }
    be = va_test_device();
    if (!be)
        abort();
    e = embedder(be, weights);
    va_generated_bytes("image", sizeof(picture), picture);
    see(e, picture, row);
    va_golden_check(file, row, cls->count, cls, va_golden_atol(file, "cls"));
    for (int i = VA_BF16_PRODUCTS; i <= VA_INT8_PRODUCTS && bound[i] > 0; i++) {
        va_embedder_free(e); /* weights are ready for the precision that they were loaded for */
        be->precision = (enum va_precision)i;
        e = embedder(be, weights_of(size));
        see(e, picture, row);
        VA_CHECK_NEAR(error_of(row, cls), 0, 1.5 * bound[i]);
        VA_CHECK(error_of(row, cls) > 1e-4);
        printf("# %s in %s: off by %.3g, PyTorch by %.3g\n", size, va_precision_names[i],
               error_of(row, cls), bound[i]);
    }
    va_embedder_free(e);
    va_backend_free(be);
    va_tensors_free(expected);
}

static void base(void)
{
    check_size("base", 5.16e-3, 1.83e-2);
}

static void large(void)
{
    if (SLOW)
        VA_SKIP("303 million weights take too long under sanitizers");
    check_size("large", 0, 0);
}

/* The same bound as for the generated picture: resizing is exact. */
static void pictures_of_other_sizes(void)
{
    struct va_tensors *expected = va_golden_load("vit/resized_cls.safetensors");
    struct va_tensors *weights = expected ? weights_of("base") : NULL;
    struct va_backend *be = va_test_device();
    struct va_embedder *e;
    int seen = 0;

    if (!weights || !be) {
        va_tensors_free(expected);
        va_backend_free(be);
        VA_SKIP("the recorded rows are not here");
    }
    e = embedder(be, weights);
    for (int64_t i = 0; i < expected->count; i++) {
        static uint8_t picture[SIDE * SIDE * 3];
        char file[64];
        struct va_tensors *set;
        const struct va_tensor *image;
        struct va_resize *r;
        double row[WIDEST];

        snprintf(file, sizeof(file), "preprocess/%s.safetensors", expected->items[i].name);
        set = va_golden_load(file);
        image = set ? va_tensors_find(set, "image") : NULL;
        if (image) {
            r = va_resize_new(image->shape[1], image->shape[0], SIDE, SIDE);
            if (!r)
                abort();
            va_resize_run(r, image->data, picture);
            see(e, picture, row);
            va_golden_check(file, row, expected->items[i].count, &expected->items[i],
                            va_golden_atol("vit/vit_base.safetensors", "cls"));
            va_resize_free(r);
            seen++;
        }
        va_tensors_free(set);
    }
    VA_CHECK(seen > 0);
    va_embedder_free(e);
    va_backend_free(be);
    va_tensors_free(expected);
}

int main(void)
{
    VA_TEST(base);
    VA_TEST(pictures_of_other_sizes);
    VA_TEST(large);
    return va_test_finish();
}
