/*
 * make_detector OUT.h5 - a detector (arch = yunet) with weights by hand that takes red for a face: R - G
 * above .6 of full, blurred, in the middle of a square of some 48 pixels. Boxes have 48 pixels, and the
 * points are those of the template in them.
 *
 * One channel of each unit is passed on, four kernels blur it, and only the level of stride 8 answers.
 */
#include "cpu/va_cpu_ops.h"
#include "media/va_align.h"
#include "model/va_arch.h"
#include "weights/va_model_file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 48, STRIDE = 8 };

static struct va_tensors *set;

static float *values(const char *unit, const char *rest)
{
    char name[128];
    struct va_tensor *t;

    snprintf(name, sizeof(name), "%s.%s", unit, rest);
    t = va_tensors_find(set, name);
    if (!t || va_tensor_to_f32(t) < 0)
        exit(4);
    return t->data;
}

/* Channel 0 to channel 0, through a kernel of ones or of its middle alone. */
static void pass(const char *unit, bool blur)
{
    float *kernel = values(unit, "conv2.weight");

    values(unit, "conv1.weight")[0] = 1;
    for (int k = 0; k < 9; k++)
        kernel[k] = blur ? 1 / 9.0f : k == 4;
}

int main(int argc, char **argv)
{
    static const char *const passed[] = { "backbone.model0.conv2", "backbone.model1.conv1",
                                          "backbone.model1.conv2", "backbone.model2.conv1",
                                          "backbone.model2.conv2" };
    static const char *const blurred[] = { "backbone.model3.conv1", "backbone.model3.conv2",
                                           "neck.lateral_convs.0" };
    struct va_backend *be = va_cpu_backend_new();
    float *stem, *cls, *box, *kps;
    struct va_face_template t;

    set = be && argc == 2 && va_face_template_read(&t, "arcface") == 0
              ? va_arch_init_yunet(be, VA_ARCH_YUNET_S, 1)
              : NULL;
    if (!set) {
        fprintf(stderr, "usage: make_detector OUT.h5\n");
        return 2;
    }
    for (int64_t i = 0; i < set->count; i++)
        memset(set->items[i].data, 0,
               (size_t)set->items[i].count * va_dtype_size(set->items[i].dtype));
    stem = values("backbone.model0.conv1", "weight"); /* channels are B, G, R */
    for (int k = 0; k < 9; k++) {
        stem[9 + k] = -1 / (9 * 255.0f);
        stem[18 + k] = 1 / (9 * 255.0f);
    }
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
        pass(passed[i], false);
    for (size_t i = 0; i < sizeof(blurred) / sizeof(blurred[0]); i++)
        pass(blurred[i], true);
    pass("bbox_head.multi_level_cls.0", true);
    cls = values("bbox_head.multi_level_cls.0", "conv2.weight");
    for (int k = 0; k < 9; k++)
        cls[k] *= 20;
    values("bbox_head.multi_level_cls.0", "conv2.bias")[0] = -15;
    values("bbox_head.multi_level_cls.1", "conv2.bias")[0] = -20;
    values("bbox_head.multi_level_cls.2", "conv2.bias")[0] = -20;
    values("bbox_head.multi_level_obj.0", "conv2.bias")[0] = 8;
    box = values("bbox_head.multi_level_bbox.0", "conv2.bias");
    box[0] = box[1] = 0.5f;
    box[2] = box[3] = logf((float)SIZE / STRIDE);
    kps = values("bbox_head.multi_level_kps.0", "conv2.bias");
    for (int k = 0; k < 2 * VA_FACE_POINTS; k++)
        kps[k] = (float)((t.points[k / 2][k % 2] - 0.5) * SIZE / STRIDE + 0.5);
    if (va_model_save(argv[1], set, NULL, NULL, 0) < 0)
        return 4;
    va_tensors_free(set);
    va_backend_free(be);
    return 0;
}
