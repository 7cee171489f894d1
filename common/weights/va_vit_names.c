#include "weights/va_vit_names.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_rename.h"
#include <stdio.h>
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

static const struct va_rename clip_rules[] = {
    { "embeddings.class_embedding", "cls_token" },
    { "embeddings.position_embedding.weight", "pos_embed" },
    { "embeddings.patch_embedding.*", "patch_embed.proj.*" },
    { "embeddings.position_ids", "" },
    { "pre_layrnorm.*", "norm_pre.*" }, /* so they wrote it */
    { "post_layernorm.*", "norm.*" },
    { "encoder.layers.#.self_attn.q_proj.*", "blocks.#.attn.q.*" },
    { "encoder.layers.#.self_attn.k_proj.*", "blocks.#.attn.k.*" },
    { "encoder.layers.#.self_attn.v_proj.*", "blocks.#.attn.v.*" },
    { "encoder.layers.#.self_attn.out_proj.*", "blocks.#.attn.proj.*" },
    { "encoder.layers.#.layer_norm1.*", "blocks.#.norm1.*" },
    { "encoder.layers.#.layer_norm2.*", "blocks.#.norm2.*" },
    { "encoder.layers.#.*", "blocks.#.*" },
};

/* OpenAI's CLIP, open_clip, FaRL. */
static const struct va_rename openai_rules[] = {
    { "class_embedding", "cls_token" },
    { "positional_embedding", "pos_embed" },
    { "conv1.*", "patch_embed.proj.*" },
    { "ln_pre.*", "norm_pre.*" },
    { "ln_post.*", "norm.*" },
    { "proj", "" }, /* to the space that texts are in, too */
    { "transformer.resblocks.#.ln_1.*", "blocks.#.norm1.*" },
    { "transformer.resblocks.#.ln_2.*", "blocks.#.norm2.*" },
    { "transformer.resblocks.#.ls_1.*", "blocks.#.ls1.*" },
    { "transformer.resblocks.#.ls_2.*", "blocks.#.ls2.*" },
    { "transformer.resblocks.#.attn.in_proj_weight", "blocks.#.attn.qkv.weight" },
    { "transformer.resblocks.#.attn.in_proj_bias", "blocks.#.attn.qkv.bias" },
    { "transformer.resblocks.#.attn.out_proj.*", "blocks.#.attn.proj.*" },
    { "transformer.resblocks.#.mlp.c_fc.*", "blocks.#.mlp.fc1.*" },
    { "transformer.resblocks.#.mlp.c_proj.*", "blocks.#.mlp.fc2.*" },
};

static const struct va_rename our_rules[] = {
    { "register_tokens", "reg_token" }, /* of facebook's DINOv2 */
    { "dist_token", "reg_token" },      /* of DeiT, a token like a register */
};

/* The weight of patches, by which a library is known, with another that stands beside it where that name is a
 * common one; and its other names. */
static const struct library {
    const char *patches, *beside;
    const struct va_rename *rules;
    size_t count;
} libraries[] = {
    { "patch_embed.proj.weight", NULL, our_rules, VA_COUNT(our_rules) },
    { "embeddings.patch_embeddings.projection.weight", NULL, transformers_rules,
      VA_COUNT(transformers_rules) },
    { "embeddings.patch_embedding.weight", NULL, clip_rules, VA_COUNT(clip_rules) },
    { "conv1.weight", "transformer.resblocks.0.attn.in_proj_weight", openai_rules,
      VA_COUNT(openai_rules) },
};

/* Whether a name is `end` behind a prefix of *length bytes. */
static bool ends_with(const char *name, const char *end, size_t *length)
{
    size_t n = strlen(name), m = strlen(end);

    *length = n - m;
    return n >= m && !strcmp(name + n - m, end) && (n == m || name[n - m - 1] == '.');
}

/* Whether the set has `other` behind the first `length` bytes of `name`. */
static bool is_beside(const struct va_tensors *set, const char *name, size_t length,
                      const char *other)
{
    for (int64_t i = 0; i < set->count; i++)
        if (!strncmp(set->items[i].name, name, length) &&
            !strcmp(set->items[i].name + length, other))
            return true;
    return false;
}

bool va_vit_names_patches(const struct va_tensors *set, const char *name, size_t *length)
{
    for (size_t i = 0; i < VA_COUNT(libraries); i++)
        if (ends_with(name, libraries[i].patches, length) &&
            (!libraries[i].beside || is_beside(set, name, *length, libraries[i].beside)))
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
    for (int i = 0; i < 3; i++)
        if (va_tensors_take(set, t[i]) < 0)
            goto done;
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

struct assumed {
    const char *key, *value;
};
static const struct assumed transformers_assumed[] = { { "eps", "1e-12" }, { NULL, NULL } };
static const struct assumed clip_assumed[] = { { "eps", "1e-5" },
                                               { "act", "quickgelu" },
                                               { "mean", "0.48145466,0.4578275,0.40821073" },
                                               { "std", "0.26862954,0.26130258,0.27577711" },
                                               { NULL, NULL } };
/* timm has both activations under the same names. */
static const struct assumed timm_clip_assumed[] = { { "eps", "1e-5" },
                                                    { "act", "gelu" },
                                                    { NULL, NULL } };

/* What `what` means, unless the file says otherwise; it is said. */
static int assume(struct va_tensors *set, const char *path, const char *what,
                  const struct assumed *list)
{
    char text[256] = "";

    for (; list->key; list++) {
        size_t n = strlen(text);

        if (va_tensors_meta(set, list->key))
            continue;
        snprintf(text + n, sizeof(text) - n, " %s=%s", list->key, list->value);
        if (va_tensors_set_meta(set, list->key, list->value) < 0)
            return -1;
    }
    if (*text)
        va_info("%s: found %s; assuming%s (override with --set)", path, what, text);
    return 0;
}

static int assume_usual(struct va_tensors *set, const char *path, const struct library *l)
{
    if (va_tensors_meta(set, "arch"))
        return 0; /* ours says what is not usual */
    if (l->rules == clip_rules || l->rules == openai_rules)
        return assume(set, path, "names of CLIP", clip_assumed);
    if (va_tensors_find(set, "norm_pre.weight"))
        return assume(set, path, "a norm before the blocks, as in CLIP", timm_clip_assumed);
    if (l->rules == transformers_rules && !va_tensors_find(set, "blocks.0.ls1.gamma"))
        return assume(set, path, "names of transformers", transformers_assumed);
    return 0; /* the others, DINOv2 of transformers among them, have the usual epsilon */
}

/* Tokens and positions are [1, number, D]. */
static void add_dimensions(struct va_tensors *set)
{
    struct va_tensor *cls = va_tensors_find(set, "cls_token");
    struct va_tensor *pos = va_tensors_find(set, "pos_embed");

    if (cls && cls->rank == 1) {
        cls->rank = 3;
        cls->shape[2] = cls->shape[0];
        cls->shape[0] = cls->shape[1] = 1;
    }
    if (pos && pos->rank == 2) {
        pos->rank = 3;
        pos->shape[2] = pos->shape[1];
        pos->shape[1] = pos->shape[0];
        pos->shape[0] = 1;
    }
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
    add_dimensions(set);
    return assume_usual(set, path, l);
}
