/*
 * Resizing equals what Pillow made of the same pictures, to the bit.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_resize.h"
#include "test/va_golden.h"

static void check_golden(const char *file)
{
    struct va_tensors *set = va_golden_load(file);
    const struct va_tensor *image = set ? va_tensors_find(set, "image") : NULL;
    const struct va_tensor *expected = set ? va_tensors_find(set, "resized") : NULL;
    struct va_resize *r;
    uint8_t *out;
    int64_t bad = 0;

    if (!image || !expected) {
        va_tensors_free(set);
        VA_SKIP("recorded pictures are not here");
    }
    r = va_resize_new(image->shape[1], image->shape[0], expected->shape[1], expected->shape[0]);
    out = va_new(expected->count, 1);
    if (!r || !out)
        abort();
    for (int run = 0; run < 2; run++) { /* a resizer may be used again */
        va_resize_run(r, image->data, out);
        for (int64_t i = 0; i < expected->count; i++)
            bad += out[i] != ((const uint8_t *)expected->data)[i];
    }
    VA_CHECK_INT(bad, 0);
    va_resize_free(r);
    va_free(out);
    va_tensors_free(set);
}

static void square_112(void)
{
    check_golden("preprocess/image_0.safetensors");
}

static void odd_97x131(void)
{
    check_golden("preprocess/image_1.safetensors");
}

static void smaller_500x333(void)
{
    check_golden("preprocess/image_2.safetensors");
}

static void larger_16(void)
{
    check_golden("preprocess/image_3.safetensors");
}

static void same_size(void)
{
    check_golden("preprocess/image_4.safetensors");
}

/* The overshoot of the cubic is clamped, and a flat picture stays flat, whatever the sizes. */
static void extremes_and_odd_sizes(void)
{
    static const int sizes[][4] = { { 1, 1, 7, 5 },  { 1, 9, 3, 1 },    { 13, 2, 1, 1 },
                                    { 5, 5, 5, 11 }, { 31, 17, 8, 17 }, { 40, 3, 39, 2 } };

    for (size_t k = 0; k < VA_COUNT(sizes); k++) {
        const int *s = sizes[k];
        struct va_resize *r = va_resize_new(s[0], s[1], s[2], s[3]);
        int64_t in = (int64_t)s[0] * s[1] * 3, out = (int64_t)s[2] * s[3] * 3;
        uint8_t *a = va_new(in, 1), *b = va_new(out + 1, 1);

        if (!r || !a || !b)
            abort();
        b[out] = 77; /* a guard */
        for (int v = 0; v < 256; v += 51) {
            memset(a, v, (size_t)in);
            va_resize_run(r, a, b);
            for (int64_t i = 0; i < out; i++)
                VA_CHECK(b[i] == v);
        }
        VA_CHECK_INT(b[out], 77);
        va_resize_free(r);
        va_free(a);
        va_free(b);
    }
}

static void impossible_sizes_are_refused(void)
{
    char line[256] = "";

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_resize_new(0, 5, 5, 5) == NULL);
    VA_CHECK(va_resize_new(5, 5, 5, 70000) == NULL);
    va_error_catch_end();
    VA_CHECK(strstr(line, "cannot resize 0x5 to 5x5") != NULL);
}

int main(void)
{
    VA_TEST(square_112);
    VA_TEST(odd_97x131);
    VA_TEST(smaller_500x333);
    VA_TEST(larger_16);
    VA_TEST(same_size);
    VA_TEST(extremes_and_odd_sizes);
    VA_TEST(impossible_sizes_are_refused);
    return va_test_finish();
}
