#include "base/va_error.h"
#include "model/va_kernel.h"
#include "model/va_yunet_priv.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

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

int va_yunet_config_load(struct va_yunet_config *c, const struct va_tensors *set,
                         const char *path)
{
    const char *arch = va_tensors_meta(set, "arch");
    char name[64];

    if (arch && strcmp(arch, "yunet") != 0)
        return va_error("%s: arch is %s, expected yunet, a detector of faces", path, arch);
    c->stem = va_kernel_channels(set, path, "YuNet", "backbone.model0.conv1.weight");
    if (!c->stem)
        return -1;
    for (int i = 0; i < VA_YUNET_STAGES; i++) {
        snprintf(name, sizeof(name), "backbone.model%d.conv2.conv1.weight", i);
        c->width[i] = va_kernel_channels(set, path, "YuNet", name);
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

static int add_unit(struct va_params *list, int64_t in, int64_t out, struct va_yunet_unit *u,
                    const char *format, int a, int b)
{
    char base[64], name[80];

    snprintf(base, sizeof(base), format, a, b);
    snprintf(name, sizeof(name), "%s.conv1", base);
    u->out = out;
    u->point = va_kernel_declare(list, out, in, 1, name);
    snprintf(name, sizeof(name), "%s.conv2", base);
    u->depth = u->point < 0 ? -1 : va_kernel_declare(list, out, 1, 3, name);
    return u->depth < 0 ? -1 : 0;
}

int va_yunet_declare_layers(const struct va_yunet_config *c, struct va_params *list,
                            struct va_yunet_layers *l)
{
    l->stem = va_kernel_declare(list, c->stem, 3, 3, "backbone.model0.conv1");
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
