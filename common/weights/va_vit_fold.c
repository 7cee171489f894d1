#include "weights/va_vit_fold.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <stdio.h>
#include <string.h>

/* ---- LayerScale ------------------------------------------------------------------------------ */

/* A scale within a block, and the layer in front of it. */
static const struct {
    const char *name, *layer;
} scales[] = {
    { ".ls1.gamma", ".attn.proj" },
    { ".ls2.gamma", ".mlp.fc2" },
    { ".gamma_1", ".attn.proj" },
    { ".gamma_2", ".mlp.fc2" },
};

/* Rows of t, weight [N, K] or bias [N], times scale [N]. */
static int scale_rows(struct va_tensor *t, const float *scale)
{
    int64_t K = t->count / t->shape[0];
    float *x;

    if (va_tensor_to_f32(t) < 0)
        return -1;
    x = t->data;
    for (int64_t i = 0; i < t->count; i++)
        x[i] = (float)((double)x[i] * (double)scale[i / K]);
    return 0;
}

/* The scale g of the layer LAYER.weight and .bias, which loses its name. */
static int fold_scale(struct va_tensors *set, const char *path, struct va_tensor *g,
                      const char *layer)
{
    static const char *const parts[] = { "weight", "bias" };
    char name[256];

    if (va_tensor_to_f32(g) < 0)
        return -1;
    for (size_t i = 0; i < VA_COUNT(parts); i++) {
        struct va_tensor *t;

        snprintf(name, sizeof(name), "%s.%s", layer, parts[i]);
        t = va_tensors_find(set, name);
        if (!t || t->rank < 1 || t->shape[0] != g->count || !t->count)
            return va_error("%s: %s: found %lld numbers, expected one a row of %s%s", path,
                            g->name, (long long)g->count, name, t ? "" : ", which is missing");
        if (scale_rows(t, g->data) < 0)
            return -1;
    }
    *g->name = '\0';
    return 0;
}

int va_vit_fold(struct va_tensors *set, const char *path)
{
    for (int64_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < VA_COUNT(scales); k++) {
            struct va_tensor *t = &set->items[i];
            size_t n = strlen(t->name), m = strlen(scales[k].name);
            char layer[128];

            if (strncmp(t->name, "blocks.", 7) != 0 || n < m || n - m > 64 ||
                strcmp(t->name + n - m, scales[k].name) != 0)
                continue;
            snprintf(layer, sizeof(layer), "%.*s%s", (int)(n - m), t->name, scales[k].layer);
            if (fold_scale(set, path, t, layer) < 0)
                return -1;
        }
    return 0;
}
