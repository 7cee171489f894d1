#include "nn/va_mae.h"

#include "base/va_error.h"
#include "nn/va_vit_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void va_mae_config_default(struct va_mae_config *c)
{
    *c = (struct va_mae_config){ .width = 512, .depth = 8, .heads = 16 };
    va_vit_config_default(&c->encoder);
}

int va_mae_config_check(const struct va_mae_config *c, const char *where)
{
    const struct {
        const char *name;
        int64_t value, max;
    } sizes[] = {
        { "width of the decoder", c->width, 16384 },
        { "depth of the decoder", c->depth, VA_VIT_DEPTH_MAX },
        { "decoder_heads", c->heads, 1024 },
    };

    if (va_vit_config_check(&c->encoder, where) < 0)
        return -1;
    for (size_t i = 0; i < VA_COUNT(sizes); i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].max)
            return va_error("%s: %s is %lld, expected 1 to %lld", where, sizes[i].name,
                            (long long)sizes[i].value, (long long)sizes[i].max);
    if (c->width % c->heads || c->width % 4)
        return va_error(
            "%s: decoder width is %lld, expected a multiple of 4 and of the number of "
            "heads, %lld",
            where, (long long)c->width, (long long)c->heads);
    return 0;
}

int va_mae_config_store(const struct va_mae_config *c, struct va_tensors *set)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)c->heads);
    return va_vit_config_store(&c->encoder, set) < 0
               ? -1
               : va_tensors_set_meta(set, "decoder_heads", text);
}

int va_mae_config_load(struct va_mae_config *c, const struct va_tensors *set, const char *path)
{
    const struct va_tensor *embed = va_tensors_find(set, "decoder_embed.weight");
    const char *heads = va_tensors_meta(set, "decoder_heads");
    char *end;

    if (!embed || embed->rank != 2)
        return va_error("%s: decoder_embed.weight: tensor is missing, expected a masked "
                        "autoencoder with its decoder",
                        path);
    if (va_vit_config_load(&c->encoder, set, path) < 0)
        return -1;
    c->width = embed->shape[0];
    c->heads = 16;
    c->depth = va_vit_count_blocks(set, "decoder_blocks.");
    if (heads) {
        errno = 0;
        c->heads = strtoll(heads, &end, 10);
        if (end == heads || *end || errno)
            return va_error("%s: decoder_heads is %s, expected a whole number", path, heads);
    }
    return va_mae_config_check(c, path);
}
