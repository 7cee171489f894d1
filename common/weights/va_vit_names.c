#include "weights/va_vit_names.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_rename.h"
#include <string.h>

/* Files have the first set of names; those of version 5 in memory, saved by hand, the second. */
static const struct va_rename transformers_rules[] = {
    { "embeddings.cls_token", "cls_token" },
    { "embeddings.position_embeddings", "pos_embed" },
    { "embeddings.patch_embeddings.projection.*", "patch_embed.proj.*" },
    { "embeddings.register_tokens", "reg_token" },
    { "embeddings.distillation_token", "reg_token" },
    { "embeddings.mask_token", "" },
    { "encoder.layer.#.attention.attention.query.*", "blocks.#.attn.q.*" },
    { "encoder.layer.#.attention.attention.key.*", "blocks.#.attn.k.*" },
    { "encoder.layer.#.attention.attention.value.*", "blocks.#.attn.v.*" },
    { "encoder.layer.#.attention.attention.*", "blocks.#.attn.*" },
    { "encoder.layer.#.attention.output.dense.*", "blocks.#.attn.proj.*" },
    { "encoder.layer.#.intermediate.dense.*", "blocks.#.mlp.fc1.*" },
    { "encoder.layer.#.output.dense.*", "blocks.#.mlp.fc2.*" },
    { "encoder.layer.#.attention.q_proj.*", "blocks.#.attn.q.*" },
    { "encoder.layer.#.attention.k_proj.*", "blocks.#.attn.k.*" },
    { "encoder.layer.#.attention.v_proj.*", "blocks.#.attn.v.*" },
    { "encoder.layer.#.attention.o_proj.*", "blocks.#.attn.proj.*" },
    { "encoder.layer.#.layernorm_before.*", "blocks.#.norm1.*" },
    { "encoder.layer.#.layernorm_after.*", "blocks.#.norm2.*" },
    { "encoder.layer.#.layer_scale1.lambda1", "blocks.#.ls1.gamma" },
    { "encoder.layer.#.layer_scale2.lambda1", "blocks.#.ls2.gamma" },
    { "encoder.layer.#.*", "blocks.#.*" },
    { "layers.#.attention.q_proj.*", "blocks.#.attn.q.*" },
    { "layers.#.attention.k_proj.*", "blocks.#.attn.k.*" },
    { "layers.#.attention.v_proj.*", "blocks.#.attn.v.*" },
    { "layers.#.attention.o_proj.*", "blocks.#.attn.proj.*" },
    { "layers.#.layernorm_before.*", "blocks.#.norm1.*" },
    { "layers.#.layernorm_after.*", "blocks.#.norm2.*" },
    { "layers.#.*", "blocks.#.*" },
    { "layernorm.*", "norm.*" },
    { "pooler.*", "" },
};

/* The weight of patches, by which a library is known, and its other names. */
static const struct va_rename our_rules[] = {
    { "register_tokens", "reg_token" }, /* of facebook's DINOv2 */
    { "dist_token", "reg_token" },      /* of DeiT, a token like a register */
};

static const struct library {
    const char *patches;
    const struct va_rename *rules;
    size_t count;
} libraries[] = {
    { "patch_embed.proj.weight", our_rules, VA_COUNT(our_rules) },
    { "embeddings.patch_embeddings.projection.weight", transformers_rules,
      VA_COUNT(transformers_rules) },
};

/* Whether a name is `end` behind a prefix of *length bytes. */
static bool ends_with(const char *name, const char *end, size_t *length)
{
    size_t n = strlen(name), m = strlen(end);

    *length = n - m;
    return n >= m && !strcmp(name + n - m, end) && (n == m || name[n - m - 1] == '.');
}

bool va_vit_names_patches(const struct va_tensors *set, const char *name, size_t *length)
{
    (void)set;
    for (size_t i = 0; i < VA_COUNT(libraries); i++)
        if (ends_with(name, libraries[i].patches, length))
            return true;
    return false;
}

/* ---- queries, keys and values --------------------------------------------------------------- */

/* PREFIXattn.qkv.PART from PREFIXattn.q.PART, given, and its neighbours, which lose their values and names. */
static int stack(struct va_tensors *set, const char *path, struct va_tensor *q, size_t prefix,
                 const char *part)
{
    struct va_tensor *t[3] = { q, NULL, NULL };
    size_t bytes = (size_t)q->count * va_dtype_size(q->dtype);
    char *name = va_format("%.*sqkv.%s", (int)prefix, q->name, part), *data = NULL;

    for (int i = 1; i < 3 && name; i++) {
        char *other = va_format("%.*s%c.%s", (int)prefix, q->name, "qkv"[i], part);

        t[i] = other ? va_tensors_find(set, other) : NULL;
        if (other && (!t[i] || t[i]->dtype != q->dtype || t[i]->rank != q->rank || !q->rank ||
                      memcmp(t[i]->shape, q->shape, (size_t)q->rank * sizeof(*q->shape)))) {
            va_error("%s: %s: %s, expected the type and shape of %s", path, other,
                     t[i] ? "found another type or shape" : "tensor is missing", q->name);
            t[i] = NULL;
        }
        va_free(other);
        if (!t[i])
            goto done;
    }
    if (name && !(data = va_new_unset(3 * q->count, (int64_t)va_dtype_size(q->dtype))))
        goto done;
    for (int i = 0; i < 3 && data; i++) {
        memcpy(data + (size_t)i * bytes, t[i]->data, bytes);
        va_free(t[i]->data);
        t[i]->data = NULL;
        *t[i]->name = '\0';
    }
done:
    if (!data) {
        va_free(name);
        return -1;
    }
    va_free(q->name);
    q->name = name;
    q->data = data;
    q->shape[0] *= 3;
    q->count *= 3;
    return 0;
}

static int stack_all(struct va_tensors *set, const char *path)
{
    static const char *const parts[] = { "weight", "bias" };

    for (int64_t i = 0; i < set->count; i++)
        for (size_t p = 0; p < VA_COUNT(parts); p++) {
            struct va_tensor *t = &set->items[i];
            size_t prefix;
            char end[16] = "q.";

            strcat(end, parts[p]);
            if (!strncmp(t->name, "blocks.", 7) && ends_with(t->name, end, &prefix) &&
                stack(set, path, t, prefix, parts[p]) < 0)
                return -1;
        }
    return 0;
}

/* ---- what a library takes for granted -------------------------------------------------------- */

/* Unless the file says otherwise. */
static int assume(struct va_tensors *set, const char *path, const char *key, const char *value)
{
    if (va_tensors_meta(set, key))
        return 0;
    va_info("%s: found names of transformers; assuming %s=%s (override with --set)", path, key,
            value);
    return va_tensors_set_meta(set, key, value);
}

/* Blocks in chunks, as DINOv2 is trained: blocks.CHUNK.NUMBER.x, where numbers count through. */
static void unchunk(struct va_tensors *set)
{
    for (int64_t i = 0; i < set->count; i++) {
        char *number = set->items[i].name + 7, *second;
        size_t first, digits;

        if (strncmp(set->items[i].name, "blocks.", 7) != 0)
            continue;
        first = strspn(number, "0123456789");
        second = number + first + (number[first] == '.');
        digits = strspn(second, "0123456789");
        if (first && digits && second > number + first && second[digits] == '.')
            memmove(number, second, strlen(second) + 1);
    }
}

int va_vit_names_apply(struct va_tensors *set, const char *path)
{
    const struct library *l = libraries;

    while (l + 1 < libraries + VA_COUNT(libraries) && !va_tensors_find(set, l->patches))
        l++;
    unchunk(set);
    if (va_rename_all(set, l->rules, l->count) < 0 || stack_all(set, path) < 0)
        return -1;
    if (l == libraries || va_tensors_find(set, "blocks.0.ls1.gamma"))
        return 0; /* as DINOv2, which has the usual epsilon */
    return assume(set, path, "eps", "1e-12");
}
