/*
 * YuNet: the whole net on the cpu against ref, what cells mean, and what becomes of the names and
 * batch norms of its training code.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "model/va_arch.h"
#include "model/va_yunet_priv.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/va_test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct va_backend *ref, *cpu;

/* Smooth noise, as a picture has it. */
static uint8_t *picture(int64_t W, int64_t H, uint64_t seed)
{
    uint8_t *p = va_new(W * H * 3, 1);

    for (int64_t i = 0; p && i < W * H * 3; i++) {
        uint64_t cell = (uint64_t)(i / 3 % W / 5 + i / 3 / W / 5 * 1000 + i % 3 * 1000000);

        p[i] = (uint8_t)(255 * va_rand_uniform(seed, VA_RAND_TEST, 0, cell));
    }
    return p;
}

/* Faces of both, which are the same. */
static void same_faces(const struct va_face *a, int64_t n, const struct va_face *b, int64_t m)
{
    VA_CHECK_INT(n, m);
    for (int64_t i = 0; i < n && i < m; i++) {
        double size = fmax(1, fmax(fabs(b[i].box[2]), fabs(b[i].box[3])));

        VA_CHECK_NEAR(a[i].score, b[i].score, 2e-4);
        for (int k = 0; k < 4; k++)
            VA_CHECK_NEAR(a[i].box[k], b[i].box[k], 1e-3 * size);
        for (int k = 0; k < 2 * VA_YUNET_POINTS; k++)
            VA_CHECK_NEAR(a[i].points[k / 2][k % 2], b[i].points[k / 2][k % 2], 1e-2);
    }
}

/* A fresh net whose answers are small enough for boxes of the size of a cell. */
static struct va_tensors *fresh(enum va_arch arch, uint64_t seed)
{
    struct va_tensors *set = va_arch_init_yunet(ref, arch, seed);

    for (int64_t i = 0; set && i < set->count; i++) {
        struct va_tensor *t = &set->items[i];
        float *x = va_tensor_to_f32(t) == 0 ? t->data : NULL;
        bool stem = !strcmp(t->name, "backbone.model0.conv1.weight");
        bool answer = strstr(t->name, "multi_level_") && strstr(t->name, ".conv2.weight") &&
                      !strstr(t->name, "share");

        for (int64_t k = 0; x && k < t->count; k++)
            x[k] *= stem ? 1.0f / 255 : answer ? 0.3f : 1;
    }
    return set;
}

static void cpu_as_ref(void)
{
    static const int64_t sizes[][2] = { { 64, 32 }, { 70, 33 }, { 31, 90 }, { 1, 1 } };
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

    for (int arch = VA_ARCH_YUNET_S; arch <= VA_ARCH_YUNET_N; arch++) {
        struct va_tensors *set = fresh((enum va_arch)arch, 5);
        struct va_yunet *a = set ? va_yunet_new(cpu, set, "cpu") : NULL;
        struct va_yunet *b = set ? va_yunet_new(ref, set, "ref") : NULL;

        VA_CHECK(a && b);
        for (int i = 0; a && b && i < SIZES; i++) {
            int64_t W = sizes[i][0], H = sizes[i][1], n, m;
            uint8_t *p = picture(W, H, (uint64_t)i);
            const struct va_face *x, *y;

            n = va_yunet_find(a, p, W, H, 0.3, &x);
            m = va_yunet_find(b, p, W, H, 0.3, &y);
            VA_CHECK(n > 0 || W == 1);
            same_faces(x, n, y, m);
            va_free(p);
        }
        va_yunet_free(a);
        va_yunet_free(b);
        va_tensors_free(set);
    }
}

/* Zeros at right and bottom are what the net adds itself; the memory of a larger picture before does
 * not show. */
static void padding(void)
{
    struct va_tensors *set = fresh(VA_ARCH_YUNET_S, 7);
    struct va_yunet *net = set ? va_yunet_new(cpu, set, "net") : NULL;
    uint8_t *small = picture(50, 40, 3), *large = va_new(64 * 64 * 3, 1),
            *other = picture(64, 64, 9);
    const struct va_face *faces;
    struct va_face kept[200];
    int64_t n, m;

    for (int64_t y = 0; y < 40; y++)
        memcpy(large + y * 64 * 3, small + y * 50 * 3, 50 * 3);
    n = va_yunet_find(net, large, 64, 64, 0.3, &faces);
    VA_CHECK(n > 0 && n <= 200);
    if (n > 0 && n <= 200)
        memcpy(kept, faces, (size_t)n * sizeof(*kept));
    VA_CHECK(va_yunet_find(net, other, 64, 64, 0.3, &faces) > 0);
    m = va_yunet_find(net, small, 50, 40, 0.3, &faces);
    VA_CHECK(m == n && !memcmp(kept, faces, (size_t)m * sizeof(*kept)));
    VA_CHECK(va_yunet_find(net, other, 20000, 1, 0.3, &faces) < 0);
    va_free(small);
    va_free(large);
    va_free(other);
    va_yunet_free(net);
    va_tensors_free(set);
}

static void cells(void)
{
    float answer[2][VA_YUNET_ANSWERS] = { { 0 } };
    struct va_face faces[2];

    answer[0][0] = -40; /* cell 0: nothing */
    answer[1][0] = 2, answer[1][1] = 1;
    answer[1][2] = 0.25f, answer[1][3] = -0.5f, answer[1][4] = logf(3), answer[1][5] = logf(2);
    answer[1][6] = 0.5f, answer[1][15] = -1;
    VA_CHECK_INT(va_yunet_decode(answer[0], 1, 2, 16, 0.5, faces), 1);
    VA_CHECK_NEAR(faces[0].score, sqrt(1 / (1 + exp(-2)) / (1 + exp(-1))), 1e-6);
    VA_CHECK_NEAR(faces[0].box[2], 48, 1e-4);
    VA_CHECK_NEAR(faces[0].box[3], 32, 1e-4);
    VA_CHECK_NEAR(faces[0].box[0], 1.25 * 16 - 24, 1e-4);
    VA_CHECK_NEAR(faces[0].box[1], -0.5 * 16 - 16, 1e-4);
    VA_CHECK_NEAR(faces[0].points[0][0], 1.5 * 16, 1e-4);
    VA_CHECK_NEAR(faces[0].points[4][1], -16, 1e-4);
    VA_CHECK_INT(va_yunet_decode(answer[0], 1, 2, 16, 0, faces), 2);
    VA_CHECK_INT(va_yunet_decode(answer[0], 1, 2, 16, 1, faces), 0);
    answer[1][4] = NAN; /* no box is no face */
    VA_CHECK_INT(va_yunet_decode(answer[0], 1, 2, 16, 0.5, faces), 0);
    answer[1][4] = 1000;
    VA_CHECK_INT(va_yunet_decode(answer[0], 1, 2, 16, 0.5, faces), 0);
}

static void overlaps(void)
{
    struct va_face faces[4] = {
        { .score = 0.5f, .box = { 0, 0, 10, 10 } },
        { .score = 0.9f, .box = { 2, 0, 10, 10 } },  /* 80 of 120: takes the first */
        { .score = 0.7f, .box = { 8, 0, 10, 10 } },  /* 40 of 160 with it: stays */
        { .score = 0.8f, .box = { 50, 0, 10, 10 } }, /* alone */
    };

    VA_CHECK_INT(va_yunet_suppress(faces, 4), 3);
    VA_CHECK_NEAR(faces[0].score, 0.9, 1e-6);
    VA_CHECK_NEAR(faces[1].score, 0.8, 1e-6);
    VA_CHECK_NEAR(faces[2].score, 0.7, 1e-6);
    VA_CHECK_INT(va_yunet_suppress(faces, 0), 0);
}

/* Add NAME.weight, .bias, .running_mean and .running_var of N numbers each. */
static void add_norm(struct va_tensors *set, const char *name, int64_t N)
{
    static const char *const parts[] = { "weight", "bias", "running_mean", "running_var" };

    for (int i = 0; i < 4; i++) {
        char *full = va_format("%s.%s", name, parts[i]);
        struct va_tensor *t = full ? va_tensors_add(set, full, VA_F32, 1, &N) : NULL;

        for (int64_t k = 0; t && k < N; k++)
            ((float *)t->data)[k] = (float)(0.5 + i + k % 3);
        va_free(full);
    }
}

static void batch_norms(void)
{
    struct va_tensors *set = va_arch_init_yunet(cpu, VA_ARCH_YUNET_S, 1);
    struct va_tensor *w = va_tensors_find(set, "backbone.model0.conv1.weight"), *b;
    float before = ((float *)w->data)[27 + 4];
    enum va_model_kind kind;
    double scale = 1.5 / sqrt(4.5 + 1e-5); /* of channel 1 */
    bool authors;

    add_norm(set, "backbone.model0.bn1", 16);
    add_norm(set, "backbone.model0.conv2.bn", 16);
    VA_CHECK(va_keymap_apply(set, "yunet.pth", false, &kind, &authors) == 0);
    VA_CHECK(kind == VA_MODEL_YUNET);
    w = va_tensors_find(set, "backbone.model0.conv1.weight");
    b = va_tensors_find(set, "backbone.model0.conv1.bias");
    VA_CHECK_NEAR(((float *)w->data)[27 + 4], before * scale, 1e-6);
    VA_CHECK_NEAR(((float *)b->data)[1], (0 - 3.5) * scale + 2.5, 1e-5);
    VA_CHECK(!va_tensors_find(set, "backbone.model0.conv2.bn.weight"));
    VA_CHECK(va_arch_complete(set, "yunet.pth", kind, false) == 0);
    va_error_hold_begin(false);
    add_norm(set, "backbone.model0.bn1", 15); /* of another width */
    VA_CHECK(va_keymap_apply(set, "yunet.pth", false, &kind, &authors) < 0);
    va_error_hold_end();
    va_tensors_free(set);
}

int main(void)
{
    ref = va_ref_backend_new();
    cpu = va_test_device();
    if (!ref || !cpu)
        return 4;
    VA_TEST(cpu_as_ref);
    VA_TEST(padding);
    VA_TEST(cells);
    VA_TEST(overlaps);
    VA_TEST(batch_norms);
    va_backend_free(ref);
    va_backend_free(cpu);
    return va_test_finish();
}
