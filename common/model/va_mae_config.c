#include "model/va_mae.h"

#include "base/va_error.h"
#include "model/va_vit_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define AT(field) .offset = offsetof(struct va_mae_config, field)
static const struct va_setting items[] = {
    { VA_OPT_INT(0, "decoder-width", NULL, 1, 16384, "width of the decoder's tokens"),
      AT(width) },
    { VA_OPT_INT(0, "decoder-depth", NULL, 1, VA_VIT_DEPTH_MAX, "number of decoder blocks"),
      AT(depth) },
    { VA_OPT_INT(0, "decoder-heads", NULL, 1, 1024, "attention heads of the decoder"),
      AT(heads) },
};
#undef AT
const struct va_settings va_mae_settings = { items, VA_COUNT(items) };

void va_mae_config_default(struct va_mae_config *c)
{
    *c = (struct va_mae_config){ .width = 512, .depth = 8, .heads = 16 };
    va_vit_config_default(&c->encoder);
}

int va_mae_config_check(const struct va_mae_config *c, const char *where)
{
    if (va_vit_config_check(&c->encoder, where) < 0 ||
        va_settings_check_sizes(&va_mae_settings, c, where) < 0)
        return -1;
    if (c->encoder.registers || c->encoder.pre_norm)
        return va_error("%s: found %s, expected none in a masked autoencoder", where,
                        c->encoder.registers ? "register tokens (reg_token)"
                                             : "a norm before the blocks (norm_pre)");
    if (c->encoder.pool != VA_VIT_CLS)
        return va_error("%s: found an encoder whose feature is the mean of its patches "
                        "(fc_norm.weight), expected one with norm.weight in a masked "
                        "autoencoder",
                        where);
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
    if (va_vit_config_load(&c->encoder, set, path) < 0 ||
        va_tensors_need_meta(set, path, "decoder_heads") < 0)
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
