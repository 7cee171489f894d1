#include "base/va_error.h"
#include "model/va_yunet_priv.h"
#include <math.h>
#include <stdio.h>

enum { CHANNELS_MAX = 1024 };
static const char *const head_names[] = { "cls", "obj", "bbox", "kps" };
static const int64_t head_sizes[] = { 1, 1, 4, 2 * VA_YUNET_POINTS };

void va_yunet_config_of(enum va_yunet_size size, struct va_yunet_config *c)
{
    static const struct va_yunet_config all[] = {
        [VA_YUNET_S] = { 16, { 16, 32, 64, 64, 64, 64 }, false },
        [VA_YUNET_N] = { 16, { 16, 64, 64, 64, 64, 64 }, true },
    };

    *c = all[size];
}

/* The rows of a tensor [rows, ...], from 1; 0 after reporting. */
static int64_t rows_of(const struct va_tensors *set, const char *path, const char *name)
{
    const struct va_tensor *t = va_tensors_find(set, name);
    char shape[128];

    if (!t)
        return va_error("%s: %s: tensor is missing, expected one of YuNet", path, name), 0;
    if (t->rank != 4 || t->shape[0] < 1 || t->shape[0] > CHANNELS_MAX)
        return va_error("%s: %s: shape %s, expected 4 sizes and 1 to %d channels", path, name,
                        va_shape_text(t->rank, t->shape, shape, sizeof(shape)), CHANNELS_MAX),
               0;
    return t->shape[0];
}

int va_yunet_config_load(struct va_yunet_config *c, const struct va_tensors *set,
                         const char *path)
{
    char name[64];

    c->stem = rows_of(set, path, "backbone.model0.conv1.weight");
    if (!c->stem)
        return -1;
    for (int i = 0; i < VA_YUNET_STAGES; i++) {
        snprintf(name, sizeof(name), "backbone.model%d.conv2.conv1.weight", i);
        c->width[i] = rows_of(set, path, name);
        if (!c->width[i])
            return -1;
    }
    if (c->width[3] != c->width[4] || c->width[4] != c->width[5])
        return va_error("%s: stages of %lld, %lld and %lld channels, expected equal ones for "
                        "the neck of YuNet",
                        path, (long long)c->width[3], (long long)c->width[4],
                        (long long)c->width[5]);
    c->shared = va_tensors_find(set, "bbox_head.multi_level_share_convs.0.0.conv1.weight");
    return 0;
}

int va_yunet_config_store(const struct va_yunet_config *c, struct va_tensors *set)
{
    (void)c; /* shapes say it */
    return va_tensors_set_meta(set, "arch", "yunet");
}

/* A kernel [out, in, K, K] with its bias. */
static int64_t add_kernel(struct va_params *list, int64_t out, int64_t in, int64_t K,
                          const char *name)
{
    struct va_param w = { .rank = 4,
                          .shape = { out, in, K, K },
                          .init = VA_INIT_NORMAL,
                          .a = sqrt(2 / (double)(in * K * K)) };
    struct va_param bias = { .rank = 1, .shape = { out }, .init = VA_INIT_ZERO };
    int64_t kernel = va_params_add(list, &w, "%s.weight", name);

    return kernel < 0 || va_params_add(list, &bias, "%s.bias", name) < 0 ? -1 : kernel;
}

static int add_unit(struct va_params *list, int64_t in, int64_t out, struct va_yunet_unit *u,
                    const char *format, int a, int b)
{
    char base[64], name[80];

    snprintf(base, sizeof(base), format, a, b);
    snprintf(name, sizeof(name), "%s.conv1", base);
    u->out = out;
    u->point = add_kernel(list, out, in, 1, name);
    snprintf(name, sizeof(name), "%s.conv2", base);
    u->depth = u->point < 0 ? -1 : add_kernel(list, out, 1, 3, name);
    return u->depth < 0 ? -1 : 0;
}

int va_yunet_declare_layers(const struct va_yunet_config *c, struct va_params *list,
                            struct va_yunet_layers *l)
{
    l->stem = add_kernel(list, c->stem, 3, 3, "backbone.model0.conv1");
    if (l->stem < 0)
        return -1;
    for (int i = 0; i < VA_YUNET_STAGES; i++) {
        int64_t in = i ? c->width[i - 1] : c->stem;

        if ((i && add_unit(list, in, in, &l->stage[i][0], "backbone.model%d.conv%d", i, 1)) ||
            add_unit(list, in, c->width[i], &l->stage[i][1], "backbone.model%d.conv%d", i, 2))
            return -1;
    }
    for (int i = 0; i < VA_YUNET_LEVELS; i++)
        if (add_unit(list, c->width[3], c->width[3], &l->neck[i], "neck.lateral_convs.%d", i,
                     0))
            return -1;
    for (int i = 0; c->shared && i < VA_YUNET_LEVELS; i++)
        if (add_unit(list, c->width[3], c->width[3], &l->shared[i],
                     "bbox_head.multi_level_share_convs.%d.%d", i, 0))
            return -1;
    for (int h = 0; h < VA_YUNET_HEADS; h++)
        for (int i = 0; i < VA_YUNET_LEVELS; i++) {
            char format[64];

            snprintf(format, sizeof(format), "bbox_head.multi_level_%s.%%d", head_names[h]);
            if (add_unit(list, c->width[3], head_sizes[h], &l->head[h][i], format, i, 0))
                return -1;
        }
    return 0;
}

int va_yunet_declare(const struct va_yunet_config *c, struct va_params *list)
{
    struct va_yunet_layers l;

    return va_yunet_declare_layers(c, list, &l);
}
