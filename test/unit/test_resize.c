/*
 * Resizing equals what Pillow made of the same pictures, to the bit, on every instruction set.
 */
#include "base/va_cubic.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_resize.h"
#include "media/va_resize_priv.h"
#include "test/va_golden.h"
#include <math.h>

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

/* One axis of a picture as the formula has it: `step` bytes from sample to sample, `lines` of them
 * side by side, each `line` bytes further. */
static void resize_axis(const uint8_t *src, int64_t n, int64_t size, int64_t step, int64_t line,
                        int64_t out_line, int64_t lines, uint8_t *dst)
{
    double w[4096];

    for (int64_t i = 0; i < size; i++) {
        int64_t first, count = va_cubic_weights(n, size, i, w, &first);

        for (int64_t b = 0; b < lines; b++) {
            int64_t sum = 1 << 21;

            for (int64_t k = 0; k < count; k++)
                sum += (int64_t)(w[k] * (1 << 22) + copysign(.5, w[k])) *
                       src[b * line + (first + k) * step];
            sum >>= 22;
            dst[b * out_line + i * step] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
        }
    }
}

/* src [height, width, 3] -> dst; wide: as va_resize has it. */
static void resize_plainly(const int *s, const uint8_t *src, uint8_t *wide, uint8_t *dst)
{
    const int64_t width = s[0], height = s[1], w = s[2], h = s[3];

    for (int c = 0; c < 3 && w != width; c++)
        resize_axis(src + c, width, w, 3, 3 * width, 3 * w, height, wide + c);
    if (w == width)
        memcpy(wide, src, (size_t)(3 * width * height));
    if (h == height)
        memcpy(dst, wide, (size_t)(3 * w * h));
    else
        resize_axis(wide, height, h, 3 * w, 1, 1, 3 * w, dst);
}

/* All levels that the processor has, at sizes that leave a part of a vector and samples far apart. */
static void every_level_gives_the_same(void)
{
    static const int sizes[][4] = {
        { 112, 112, 224, 224 }, { 640, 480, 224, 224 }, { 97, 31, 30, 17 }, { 31, 17, 97, 40 },
        { 64, 5, 7, 5 },        { 9, 64, 9, 7 },        { 50, 3, 13, 3 },   { 51, 4, 14, 9 },
        { 52, 4, 15, 2 },       { 1, 1, 5, 3 },         { 8, 8, 9, 9 },     { 300, 2, 1, 1 }
    };

    for (size_t k = 0; k < VA_COUNT(sizes); k++) {
        const int *s = sizes[k];
        const int64_t in = 3 * (int64_t)s[0] * s[1], out = 3 * (int64_t)s[2] * s[3];
        struct va_resize *r = va_resize_new(s[0], s[1], s[2], s[3]);
        uint8_t *src = va_new(in, 1), *wide = va_new(3 * (int64_t)s[2] * s[1] + in, 1);
        uint8_t *expected = va_new(out, 1), *got = va_new(out, 1);
        uint32_t random = 1;

        if (!r || !src || !wide || !expected || !got)
            abort();
        for (int64_t i = 0; i < in; i++)
            src[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        resize_plainly(s, src, wide, expected);
        for (enum va_isa isa = VA_ISA_PLAIN; isa <= va_cpu_isa(); isa++) {
            va_resize_use(r, isa);
            va_resize_run(r, src, got);
            VA_CHECK(memcmp(got, expected, (size_t)out) == 0);
        }
        va_resize_free(r);
        va_free(src);
        va_free(wide);
        va_free(expected);
        va_free(got);
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
    VA_TEST(every_level_gives_the_same);
    VA_TEST(impossible_sizes_are_refused);
    return va_test_finish();
}
