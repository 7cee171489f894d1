#include "weights/va_variant.h"

#include "base/va_attr.h"
#include "base/va_error.h"
#include <stdbool.h>
#include <string.h>

/* How the name of a tensor begins (within its block, or of the whole), and what that shows. */
struct sign {
    const char *begins, *kind;
};

static const struct sign in_blocks[] = {
    { "attn.q_norm.", "normalised queries and keys" },
    { "attn.k_norm.", "normalised queries and keys" },
    { "attn.norm.", "a norm within attention" },
    { "attn.inner_attn_ln.", "a norm within attention" },
    { "mlp.norm.", "a norm within the MLP" },
    { "mlp.ffn_ln.", "a norm within the MLP" },
    { "attn.q_bias", "no bias of keys (BEiT)" },
    { "attn.v_bias", "no bias of keys (BEiT)" },
    { "attn.q_proj.", "queries, keys and values apart" },
    { "attn.rel", "relative positions" },
    { "attn.rope", "rotary positions" },
    { "mlp.w1", "a gated MLP (SwiGLU)" }, /* and w12 */
    { "mlp.w2.", "a gated MLP (SwiGLU)" },
    { "mlp.w3.", "a gated MLP (SwiGLU)" },
    { "mlp.fc1_", "a gated MLP (SwiGLU)" },
    { "attns.", "parallel attention" },
    { "ffns.", "parallel MLPs" },
};

static const struct sign in_whole[] = {
    { "storage_tokens", "register tokens" },
    { "pre_norm.", "a norm before the blocks (pre_norm)" },
    { "ln_pre.", "a norm before the blocks (pre_norm)" },
    { "rope", "rotary positions" },
    { "freqs_cis", "rotary positions" },
    { "rel_pos_bias.", "relative positions" },
    { "attn_pool.", "pooling by attention" },
    { "patch_embed.backbone.", "a convolutional network before the patches" },
    { "patch_embed.norm.", "normalised patches" },
};

/* The name within its block, or NULL; blocks in chunks have two numbers. */
static const char *within_block(const char *name)
{
    size_t digits;

    if (strncmp(name, "blocks.", 7) != 0)
        return NULL;
    name += 7;
    while ((digits = strspn(name, "0123456789")) > 0 && name[digits] == '.')
        name += digits + 1;
    return name;
}

static const char *sign_of(const char *name)
{
    const char *part = within_block(name);
    const struct sign *signs = part ? in_blocks : in_whole;
    size_t count = part ? VA_COUNT(in_blocks) : VA_COUNT(in_whole);

    name = part ? part : name;
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, signs[i].begins, strlen(signs[i].begins)) == 0)
            return signs[i].kind;
    return NULL;
}

static int refuse(const char *path, const char *tensor, const char *kind)
{
    return va_error("%s: %s: found %s, expected a plain vision transformer", path, tensor,
                    kind);
}

/* What every plain one has. */
static int check_absent(const struct va_tensors *set, const char *path)
{
    static const struct sign signs[] = {
        { "cls_token", "no CLS token" },
        { "pos_embed", "no table of positions" },
        { "patch_embed.proj.bias", "patches without a bias, and no norm before the blocks" },
    };

    for (size_t i = 0; i < VA_COUNT(signs); i++)
        if (!va_tensors_find(set, signs[i].begins) &&
            !(i == 2 && va_tensors_find(set, "norm_pre.weight")))
            return refuse(path, signs[i].begins, signs[i].kind);
    if (va_tensors_find(set, "blocks.0.attn.qkv.weight") &&
        !va_tensors_find(set, "blocks.0.attn.qkv.bias"))
        return refuse(path, "blocks.0.attn.qkv.weight", "no bias of queries, keys and values");
    return 0;
}

static int check_shapes(const struct va_tensors *set, const char *path)
{
    const struct va_tensor *fc1 = va_tensors_find(set, "blocks.0.mlp.fc1.weight");
    const struct va_tensor *fc2 = va_tensors_find(set, "blocks.0.mlp.fc2.weight");
    const struct va_tensor *patch = va_tensors_find(set, "patch_embed.proj.weight");

    if (fc1 && fc2 && fc1->rank == 2 && fc2->rank == 2 && fc2->shape[1] > 0 &&
        fc1->shape[0] % 2 == 0 && fc1->shape[0] / 2 == fc2->shape[1])
        return refuse(path, fc1->name, "a gated MLP (SwiGLU)");
    if (patch && patch->rank == 4 && patch->shape[1] != 3)
        return refuse(path, patch->name, "pictures without three channels");
    return 0;
}

int va_variant_check(const struct va_tensors *set, const char *path)
{
    for (int64_t i = 0; i < set->count; i++) {
        const char *name = set->items[i].name, *kind = sign_of(name);

        if (kind)
            return refuse(path, name, kind);
    }
    return check_absent(set, path) < 0 ? -1 : check_shapes(set, path);
}
