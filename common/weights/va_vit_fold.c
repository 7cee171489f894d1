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
static int scale_rows(struct va_tensors *set, struct va_tensor *t, const float *scale)
{
    int64_t K = t->count / t->shape[0];

    if (va_tensors_take(set, t) < 0 || va_tensor_to_f32(t) < 0)
        return -1;
    for (int64_t n = 0; n < t->shape[0]; n++) {
        float *x = (float *)t->data + n * K;

        for (int64_t k = 0; k < K; k++)
            x[k] *= scale[n];
    }
    return 0;
}

/* The scale g of the layer LAYER.weight and .bias, which loses its name. */
static int fold_scale(struct va_tensors *set, const char *path, struct va_tensor *g,
                      const char *layer)
{
    static const char *const parts[] = { "weight", "bias" };
    char name[256];

    if (va_tensors_take(set, g) < 0 || va_tensor_to_f32(g) < 0)
        return -1;
    for (size_t i = 0; i < VA_COUNT(parts); i++) {
        struct va_tensor *t;

        snprintf(name, sizeof(name), "%s.%s", layer, parts[i]);
        t = va_tensors_find(set, name);
        if (!t || t->rank < 1 || t->shape[0] != g->count || !t->count)
            return va_error("%s: %s: found %lld numbers, expected one a row of %s%s", path,
                            g->name, (long long)g->count, name, t ? "" : ", which is missing");
        if (scale_rows(set, t, g->data) < 0)
            return -1;
    }
    *g->name = '\0';
    return 0;
}

/* Kind `first` and the one after it: if there are any, each block has both. */
static int check_scales(struct va_tensors *set, const char *path, size_t first)
{
    char name[64];
    bool any = false;

    for (int64_t i = 0; i < set->count; i++) {
        size_t n = strlen(set->items[i].name);

        for (size_t k = first; k < first + 2; k++) {
            size_t m = strlen(scales[k].name);

            any |= n > m && !strcmp(set->items[i].name + n - m, scales[k].name);
        }
    }
    for (long long b = 0; any; b++) {
        snprintf(name, sizeof(name), "blocks.%lld.norm1.weight", b);
        if (!va_tensors_find(set, name))
            break;
        for (size_t k = first; k < first + 2; k++) {
            snprintf(name, sizeof(name), "blocks.%lld%s", b, scales[k].name);
            if (!va_tensors_find(set, name))
                return va_error(
                    "%s: found no tensor %s, expected a LayerScale behind both parts of "
                    "each block",
                    path, name);
        }
    }
    return 0;
}

static int fold_scales(struct va_tensors *set, const char *path)
{
    if (check_scales(set, path, 0) < 0 || check_scales(set, path, 2) < 0)
        return -1;
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

/* ---- positions ------------------------------------------------------------------------------- */

static bool is_square(int64_t n)
{
    int64_t side = 0;

    while (side < 4096 && side * side < n)
        side++;
    return n > 0 && side * side == n;
}

/* `count` rows of zeros in front of row `at` of pos [1, rows, D]. */
static int insert_rows(struct va_tensors *set, struct va_tensor *pos, int64_t at, int64_t count)
{
    int64_t D = pos->shape[2], n;
    size_t row = (size_t)D * va_dtype_size(pos->dtype);
    const char *from;
    char *data;

    if (va_mul(pos->shape[1] + count, D, &n) < 0)
        return va_error("%s: too large", pos->name);
    data = va_tensors_take(set, pos) < 0 ? NULL : va_new(n, va_dtype_size(pos->dtype));
    if (!data)
        return -1;
    from = pos->data;
    memcpy(data, from, (size_t)at * row);
    memcpy(data + (size_t)(at + count) * row, from + (size_t)at * row,
           (size_t)(pos->shape[1] - at) * row);
    va_free(pos->data);
    pos->data = data;
    pos->shape[1] += count;
    pos->count = n;
    return 0;
}

/* The number of rows tells which tokens have a position: none but the patches, or the CLS token, or all. */
static int complete_positions(struct va_tensors *set)
{
    struct va_tensor *pos = va_tensors_find(set, "pos_embed");
    const struct va_tensor *more = va_tensors_find(set, "reg_token");
    int64_t registers = more && more->rank == 3 ? more->shape[1] : 0;

    if (va_tensors_meta(set, "arch") || !pos || pos->rank != 3 || pos->shape[0] != 1)
        return 0;
    if (is_square(pos->shape[1]))
        return insert_rows(set, pos, 0, 1 + registers);
    return is_square(pos->shape[1] - 1) ? insert_rows(set, pos, 1, registers) : 0;
}

int va_vit_fold(struct va_tensors *set, const char *path)
{
    return fold_scales(set, path) < 0 ? -1 : complete_positions(set);
}
