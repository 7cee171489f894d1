#include "weights/va_cnn_names.h"

#include "base/va_attr.h"
#include "base/va_error.h"
#include "weights/va_rename.h"
#include <string.h>

enum { RATED = 10 }; /* rows of a classifier: 8 expressions, valence, arousal */

/* Part of the name of a tensor, and what that shows. */
static const struct sign {
    const char *part, *kind;
} signs[] = {
    { ".conv_exp.", "fused blocks (EfficientNetV2 or EdgeTPU)" },
    { ".conv_dw.0.", "mixed kernels (MixNet)" },
    { ".conv_dw_start.", "blocks of MobileNetV4" },
    { ".routing_fn.", "routed kernels (CondConv)" },
    { ".layer_scale.", "scales of layers (MobileNetV4)" },
    { "conv_head.bias", "a head without a norm (MobileNetV3)" },
    { "_conv_stem.weight", "names of the package efficientnet_pytorch" },
};

bool va_cnn_names_first(const char *name, size_t *length)
{
    static const char *const first[] = { "conv_stem.weight", "conv_sep.layers.0.weight" };
    size_t n = strlen(name);

    for (size_t i = 0; i < VA_COUNT(first); i++) {
        size_t m = strlen(first[i]);

        *length = n - m;
        if (n >= m && strcmp(name + n - m, first[i]) == 0)
            return true;
    }
    return false;
}

bool va_cnn_names_rated(const struct va_tensors *set)
{
    const struct va_tensor *t = va_tensors_find(set, "classifier.weight");

    return t && t->rank == 2 && t->shape[0] == RATED;
}

static int refuse(const char *path, const char *tensor, const char *kind)
{
    return va_error(
        "%s: %s: found %s, expected an EfficientNet, B0 to B7, with the names of timm", path,
        tensor, kind);
}

static int check_efficientnet(const struct va_tensors *set, const char *path)
{
    for (int64_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < VA_COUNT(signs); k++)
            if (strstr(set->items[i].name, signs[k].part))
                return refuse(path, set->items[i].name, signs[k].kind);
    if (!va_tensors_find(set, "blocks.0.0.se.conv_reduce.weight"))
        return refuse(path, "blocks.0.0.se.conv_reduce.weight",
                      "no squeeze-excite (EfficientNet-Lite, MobileNet)");
    if (va_tensors_find(set, "blocks.0.0.conv_pwl.weight"))
        return refuse(path, "blocks.0.0.conv_pwl.weight", "an expansion in the first stage");
    return 0;
}

int va_cnn_names_apply(struct va_tensors *set, const char *path)
{
    static const struct va_rename sequence[] = { { "classifier.0.*", "classifier.*" } };

    if (!va_tensors_find(set, "conv_sep.layers.0.weight") && check_efficientnet(set, path) < 0)
        return -1;
    return va_rename_all(set, sequence, VA_COUNT(sequence));
}
