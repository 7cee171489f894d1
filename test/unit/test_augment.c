/*
 * Augmentation: pictures equal Pillow's, choices are those of the published transforms, and depend
 * on nothing but their address.
 */
#include "base/va_mem.h"
#include "media/va_augment.h"
#include "test/va_golden.h"
#include <stdlib.h>

static void pictures_as_pillow(void)
{
    struct va_tensors *set = va_golden_load("augment/cases.safetensors");
    const struct va_tensor *image = set ? va_tensors_find(set, "image") : NULL;
    struct va_augmenter *a = NULL;
    uint8_t *out = NULL;
    int cases = 0;

    if (!image) {
        va_tensors_free(set);
        VA_SKIP("recorded pictures are not here");
    }
    for (;; cases++) {
        char name[32];
        const struct va_tensor *choice, *result;
        const double *v;
        struct va_augment_choice c;
        int bad = 0;

        snprintf(name, sizeof(name), "choice.%d", cases);
        choice = va_tensors_find(set, name);
        snprintf(name, sizeof(name), "result.%d", cases);
        result = va_tensors_find(set, name);
        if (!choice || !result)
            break;
        if (!a &&
            (!(a = va_augmenter_new(result->shape[0])) || !(out = va_new(result->count, 1))))
            abort();
        v = choice->data;
        c = (struct va_augment_choice){
            .x = (int64_t)v[0],
            .y = (int64_t)v[1],
            .width = (int64_t)v[2],
            .height = (int64_t)v[3],
            .flip = (int)v[4],
            .order = { (int)v[5], (int)v[6], (int)v[7], (int)v[8] },
            .factor = { v[9], v[10], v[11], v[12] },
        };
        VA_CHECK_INT(
            va_augmenter_run(a, &c, image->data, image->shape[1], image->shape[0], out), 0);
        for (int64_t i = 0; i < result->count; i++) {
            /* a hue between two levels may fall to either side */
            int most = c.factor[3] != 0 ? 1 : 0;

            bad += abs((int)out[i] - (int)((const uint8_t *)result->data)[i]) > most;
        }
        if (bad)
            printf("# case %d: %d values differ\n", cases, bad);
        VA_CHECK_INT(bad, 0);
    }
    VA_CHECK_INT(cases, 12);
    va_augmenter_free(a);
    va_free(out);
    va_tensors_free(set);
}

static const struct va_augment_options mae = { .scale = { .2, 1 }, .flip = .5 };

static void choices_by_address(void)
{
    struct va_augment_choice a, b;
    int equal = 0;

    memset(&a, 0, sizeof(a)); /* what lies between the fields */
    memset(&b, 0, sizeof(b));
    va_augment_choose(&mae, 1, 2, 3, 100, 80, &a);
    va_augment_choose(&mae, 1, 2, 3, 100, 80, &b);
    VA_CHECK(!memcmp(&a, &b, sizeof(a)));
    for (uint64_t i = 0; i < 3; i++) {
        va_augment_choose(&mae, 1 + (i == 0), 2 + (i == 1), 3 + (i == 2), 100, 80, &b);
        equal += a.x == b.x && a.y == b.y && a.width == b.width;
    }
    VA_CHECK_INT(equal, 0);
}

static void crops_as_published(void)
{
    enum { N = 20000 };
    double area = 0, ratio = 0, flips = 0, x = 0, smallest = 1;
    struct va_augment_choice c;
    int outside = 0;

    for (uint64_t i = 0; i < N; i++) {
        double share;

        va_augment_choose(&mae, 7, 0, i, 400, 400, &c);
        outside += c.x < 0 || c.y < 0 || c.width < 1 || c.height < 1 || c.x + c.width > 400 ||
                   c.y + c.height > 400;
        share = (double)(c.width * c.height) / 160000;
        area += share / N;
        smallest = fmin(smallest, share);
        ratio += log((double)c.width / (double)c.height) / N;
        flips += (double)c.flip / N;
        x += c.width < 400 ? (double)c.x / (double)(400 - c.width) / N : .5 / N;
    }
    VA_CHECK_INT(outside, 0);
    VA_CHECK_NEAR(ratio, 0, .01);
    VA_CHECK_NEAR(flips, .5, .015);
    VA_CHECK_NEAR(x, .5, .015);
    /* Areas are uniform in .2..1 but for those that do not fit: torchvision's mean is .5393. */
    VA_CHECK_NEAR(area, .5393, .01);
    VA_CHECK(smallest > .195 && smallest < .21);
}

static void long_pictures(void)
{
    static const int64_t sizes[][2] = { { 1000, 10 }, { 10, 1000 }, { 1, 1 }, { 2, 1 } };
    struct va_augment_options whole = { .scale = { 1, 1 } };
    struct va_augment_choice c;

    for (size_t i = 0; i < VA_COUNT(sizes); i++) {
        const int64_t w = sizes[i][0], h = sizes[i][1];
        int bad = 0;

        for (uint64_t k = 0; k < 200; k++) {
            va_augment_choose(&mae, 7, 1, k, w, h, &c);
            bad += c.x < 0 || c.y < 0 || c.width < 1 || c.height < 1 || c.x + c.width > w ||
                   c.y + c.height > h;
        }
        VA_CHECK_INT(bad, 0);
        va_augment_choose(&whole, 7, 1, 0, w, h, &c);
        VA_CHECK(c.width == w && c.height == h && !c.flip);
    }
}

static void jitter_within_bounds(void)
{
    const struct va_augment_options o = {
        .scale = { 1, 1 }, .brightness = .4, .contrast = 1.5, .saturation = .2, .hue = .1
    };
    double low[4] = { 9, 9, 9, 9 }, high[4] = { -9, -9, -9, -9 };
    int first[4] = { 0 };
    struct va_augment_choice c;

    for (uint64_t i = 0; i < 4000; i++) {
        va_augment_choose(&o, 3, 0, i, 50, 50, &c);
        first[c.order[0]]++;
        for (int k = 0; k < 4; k++) {
            low[k] = fmin(low[k], c.factor[k]);
            high[k] = va_worse(high[k], c.factor[k]);
        }
    }
    VA_CHECK_NEAR(low[0], .6, .01);
    VA_CHECK_NEAR(high[0], 1.4, .01);
    VA_CHECK_NEAR(low[1], 0, .01);
    VA_CHECK_NEAR(high[1], 2.5, .02);
    VA_CHECK_NEAR(low[3], -.1, .01);
    VA_CHECK_NEAR(high[3], .1, .01);
    for (int k = 0; k < 4; k++)
        VA_CHECK_NEAR(first[k] / 4000.0, .25, .04);
}

int main(void)
{
    VA_TEST(pictures_as_pillow);
    VA_TEST(choices_by_address);
    VA_TEST(crops_as_published);
    VA_TEST(long_pictures);
    VA_TEST(jitter_within_bounds);
    return va_test_finish();
}
