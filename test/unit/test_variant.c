/*
 * Encoders of others: what is not plain is refused by name, prefixes go, a decoder stays when
 * asked for, sizes come from shapes, and all that is wrong is listed.
 */
#include "weights/va_variant.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_arch.h"
#include "model/va_mae.h"
#include "test/va_test.h"
#include <stdlib.h>

static void add(struct va_tensors *set, const char *name, int rank, const int64_t *shape)
{
    if (!va_tensors_add(set, name, VA_F32, rank, shape))
        abort();
}

/* All zero, as declared: 8x8 pictures of 4x4 patches, 64 wide, 3 blocks, a decoder 16 wide. */
static struct va_tensors *mae(void)
{
    struct va_mae_config c = { .width = 16, .depth = 2, .heads = 16 };
    struct va_tensors *set = va_tensors_new();
    struct va_params list;

    va_vit_config_default(&c.encoder);
    c.encoder.image = 8;
    c.encoder.patch = 4;
    c.encoder.width = 64;
    c.encoder.heads = 1;
    c.encoder.depth = 3;
    c.encoder.mlp = 128;
    va_params_init(&list, NULL);
    if (!set || va_mae_declare(&c, &list) < 0)
        abort();
    for (int64_t i = 0; i < list.count; i++)
        add(set, list.items[i].name, list.items[i].rank, list.items[i].shape);
    va_params_release(&list);
    return set;
}

static void remove_named(struct va_tensors *set, const char *name)
{
    struct va_tensor *t = va_tensors_find(set, name);

    if (!t)
        abort();
    va_free(t->name);
    va_free(t->data);
    *t = set->items[--set->count];
}

static void prefix_all(struct va_tensors *set, const char *prefix)
{
    for (int64_t i = 0; i < set->count; i++) {
        char *name = va_format("%s%s", prefix, set->items[i].name);

        if (!name)
            abort();
        va_free(set->items[i].name);
        set->items[i].name = name;
    }
}

static int import(struct va_tensors *set, bool decoder, enum va_model_kind *kind)
{
    bool authors;

    return va_keymap_apply(set, "x.pth", decoder, kind, &authors) < 0 ||
                   va_arch_complete(set, "x.pth", *kind, false) < 0
               ? -1
               : 0;
}

static void check_meta(const struct va_tensors *set, const char *key, const char *value)
{
    const char *found = va_tensors_meta(set, key);

    if (!found || strcmp(found, value)) {
        printf("# %s is %s, expected %s\n", key, found ? found : "missing", value);
        va_test_bad = true;
    }
}

/* Refused, with a line that begins so. */
static void refused(struct va_tensors *set, bool decoder, const char *begins)
{
    char line[4096] = "";
    enum va_model_kind kind;
    int result;

    va_error_catch_begin(line, sizeof(line));
    result = import(set, decoder, &kind);
    va_error_catch_end();
    if (result == 0 || strncmp(line, begins, strlen(begins))) {
        printf("# said \"%s\", expected \"%s\"\n", line, begins);
        va_test_bad = true;
    }
    va_tensors_free(set);
}

static void an_autoencoder_gives_its_encoder_or_all(void)
{
    struct va_tensors *set = mae();
    enum va_model_kind kind;
    int64_t all = set->count;

    VA_CHECK(import(set, true, &kind) == 0);
    VA_CHECK(kind == VA_MODEL_MAE);
    VA_CHECK_INT(set->count, all);
    VA_CHECK(!strcmp(set->items[all - 1].name, "decoder_pred.bias"));
    check_meta(set, "decoder_heads", "16");
    check_meta(set, "arch", "vit");
    VA_CHECK(import(set, false, &kind) == 0); /* what is whole can still be cut */
    VA_CHECK(kind == VA_MODEL_ENCODER);
    VA_CHECK_INT(set->count, 4 + 3 * 12 + 2);
    VA_CHECK(va_tensors_meta(set, "decoder_heads") == NULL);
    refused(set, true, "x.pth: found no tensor decoder_embed.weight");
    set = mae();
    VA_CHECK(va_tensors_set_meta(set, "decoder_heads", "3") == 0);
    refused(
        set, true,
        "x.pth: decoder width is 16, expected a multiple of 4 and of the number of heads, 3");
    set = mae();
    remove_named(set, "decoder_blocks.0.norm1.weight");
    refused(set, true,
            "x.pth: decoder_blocks.0.norm1.weight: tensor is missing, expected shape 16");
    set = mae();
    add(set, "mask_tokens", 1, (int64_t[]){ 3 });
    refused(set, true, "x.pth: mask_tokens: unknown tensor of shape 3, expected none");
}

static void a_prefix_is_dropped_with_what_stands_beside_it(void)
{
    static const char *const prefixes[] = { "module.", "encoder.", "module.model.vit.",
                                            "_orig_mod." };
    enum va_model_kind kind;

    for (size_t i = 0; i < VA_COUNT(prefixes); i++) {
        struct va_tensors *set = mae();

        prefix_all(set, prefixes[i]);
        add(set, "neck.weight", 2, (int64_t[]){ 2, 64 });
        if (i == 0) {
            refused(set, true,
                    "x.pth: neck.weight: unknown tensor of shape 2x64, expected none "
                    "of this name: va-weights import --drop NAME leaves");
            continue;
        }
        VA_CHECK(import(set, true, &kind) == 0 && kind == VA_MODEL_MAE);
        VA_CHECK(!strcmp(set->items[0].name, "cls_token"));
        va_tensors_free(set);
    }
    for (int i = 0; i < 2; i++) {
        struct va_tensors *set = mae();

        prefix_all(set, i ? "student." : "");
        add(set, "teacher.patch_embed.proj.weight", 4, (int64_t[]){ 64, 3, 4, 4 });
        refused(set, false,
                i ? "x.pth: found several encoders, choose one: --from student, --from teacher"
                  : "x.pth: found several encoders, choose one: --from teacher (or the one "
                    "without a prefix, when --drop 'PREFIX.*' leaves the others out)");
    }
}

/* Those of others; heads that va-finetune gave it stay (test/va-finetune.bats). */
static void classifiers_go(void)
{
    static const char *const names[] = { "head.weight",        "head.bias",
                                         "head.1.weight",      "pre_logits.fc.bias",
                                         "au_head.weight",     "classifier.bias",
                                         "projector.0.weight", "fc.weight",
                                         "heads.3.bias" };
    struct va_tensors *set = mae();
    enum va_model_kind kind;

    for (size_t i = 0; i < VA_COUNT(names); i++)
        add(set, names[i], 1, (int64_t[]){ 2 });
    VA_CHECK(import(set, false, &kind) == 0);
    VA_CHECK_INT(set->count, 4 + 3 * 12 + 2);
    va_tensors_free(set);
}

static void what_computes_otherwise_is_refused_by_name(void)
{
    static const char *const more[][2] = {
        { "blocks.1.attn.q_norm.weight", "normalised queries and keys" },
        { "blocks.1.attn.k_norm.weight", "normalised queries and keys" },
        { "blocks.1.attn.norm.weight", "a norm within attention" },
        { "blocks.1.mlp.norm.weight", "a norm within the MLP" },
        { "blocks.0.attn.q_bias", "no bias of keys (BEiT)" },
        { "blocks.0.attn.relative_position_bias_table", "relative positions" },
        { "blocks.0.attn.q_proj.weight", "queries, keys and values apart" },
        { "blocks.0.mlp.w12.weight", "a gated MLP (SwiGLU)" },
        { "blocks.0.mlp.fc1_g.weight", "a gated MLP (SwiGLU)" },
        { "blocks.0.attns.0.qkv.weight", "parallel attention" },
        { "storage_tokens", "register tokens" },
        { "pre_norm.weight", "a norm before the blocks (pre_norm)" },
        { "rope.periods", "rotary positions" },
        { "rope_embed.periods", "rotary positions" },
        { "attn_pool.latent", "pooling by attention" },
        { "patch_embed.backbone.stem.conv.weight",
          "a convolutional network before the patches" },
    };
    static const char *const less[][2] = {
        { "cls_token", "no CLS token" },
        { "pos_embed", "no table of positions" },
        { "patch_embed.proj.bias", "patches without a bias, and no norm before the blocks" },
    };
    struct va_tensors *set;
    char begins[256];

    for (size_t i = 0; i < VA_COUNT(more); i++) {
        set = mae();
        add(set, more[i][0], 1, (int64_t[]){ 64 });
        snprintf(begins, sizeof(begins),
                 "x.pth: %s: found %s, expected a plain vision transformer", more[i][0],
                 more[i][1]);
        refused(set, false, begins);
    }
    for (size_t i = 0; i < VA_COUNT(less); i++) {
        set = mae();
        remove_named(set, less[i][0]);
        snprintf(begins, sizeof(begins),
                 "x.pth: %s: found %s, expected a plain vision transformer", less[i][0],
                 less[i][1]);
        refused(set, false, begins);
    }
    set = mae();
    for (int i = 0; i < 3; i++) {
        snprintf(begins, sizeof(begins), "blocks.%d.attn.qkv.bias", i);
        remove_named(set, begins);
    }
    refused(set, false,
            "x.pth: blocks.0.attn.qkv.weight: found no bias of queries, keys and values");
    set = mae();
    remove_named(set, "norm.weight");
    remove_named(set, "norm.bias");
    add(set, "fc_norm.weight", 1, (int64_t[]){ 64 });
    add(set, "fc_norm.bias", 1, (int64_t[]){ 64 });
    VA_CHECK(va_tensors_set_meta(set, "pool", "cls") == 0);
    refused(set, false, "x.pth: pool is cls, expected mean as its last norm is fc_norm.weight");
}

/* Its last norm is another one, whose name is enough. */
static void the_mean_of_patches(void)
{
    struct va_tensors *set = mae();
    enum va_model_kind kind;

    remove_named(set, "norm.weight");
    remove_named(set, "norm.bias");
    add(set, "fc_norm.weight", 1, (int64_t[]){ 64 });
    add(set, "fc_norm.bias", 1, (int64_t[]){ 64 });
    VA_CHECK(import(set, false, &kind) == 0);
    check_meta(set, "pool", "mean");
    va_tensors_free(set);
    set = mae();
    VA_CHECK(import(set, false, &kind) == 0);
    VA_CHECK(va_tensors_meta(set, "pool") == NULL); /* as before there was another one */
    VA_CHECK(va_tensors_set_meta(set, "pool", "max") == 0);
    refused(set, false, "x.pth: pool is max, expected cls or mean");
    set = mae();
    remove_named(set, "norm.weight");
    remove_named(set, "norm.bias");
    add(set, "fc_norm.weight", 1, (int64_t[]){ 64 });
    add(set, "fc_norm.bias", 1, (int64_t[]){ 64 });
    refused(set, true, "x.pth: found an encoder whose feature is the mean of its patches");
}

static void shapes_that_tell_another_kind(void)
{
    struct va_tensors *set = mae();

    va_tensors_find(set, "blocks.0.mlp.fc1.weight")->shape[0] = 256;
    refused(set, false, "x.pth: blocks.0.mlp.fc1.weight: found a gated MLP (SwiGLU)");
    set = mae();
    va_tensors_find(set, "patch_embed.proj.weight")->shape[1] = 1;
    refused(set, false,
            "x.pth: patch_embed.proj.weight: found pictures without three channels");
}

static void names_of_another_library(void)
{
    struct va_tensors *set = va_tensors_new();

    if (!set)
        abort();
    add(set, "vit.embeddings.cls_token", 3, (int64_t[]){ 1, 1, 64 });
    add(set, "vit.embeddings.patch_embeddings.projection.weight", 4,
        (int64_t[]){ 64, 3, 4, 4 });
    refused(set, false, "x.pth: pos_embed: found no table of positions");
    set = va_tensors_new();
    add(set, "embeddings.patch_embeddings.projection.weight", 4, (int64_t[]){ 64, 3, 4, 4 });
    add(set, "encoder.layer.0.attention.attention.query.weight", 2, (int64_t[]){ 64, 64 });
    add(set, "encoder.layer.0.attention.attention.key.weight", 2, (int64_t[]){ 64, 63 });
    refused(set, false,
            "x.pth: blocks.0.attn.k.weight: found another type or shape, expected the type and "
            "shape of blocks.0.attn.q.weight");
}

/* The scale of a layer of 64 goes into it; in chunks, too. */
/* Scales of 1 behind both parts of the three blocks, but for the one called `except`. */
static void add_scales(struct va_tensors *set, const char *except, bool gammas)
{
    static const char *const parts[2][2] = { { "ls1.gamma", "ls2.gamma" },
                                             { "gamma_1", "gamma_2" } };

    for (int i = 0; i < 6; i++) {
        char name[64];

        snprintf(name, sizeof(name), "blocks.%d.%s", i / 2, parts[gammas][i % 2]);
        if (!strcmp(name, except))
            continue;
        add(set, name, 1, (int64_t[]){ 64 });
        for (int k = 0; k < 64; k++)
            ((float *)va_tensors_find(set, name)->data)[k] = 1;
    }
}

static void scales_of_layers(void)
{
    static const char *const names[][3] = {
        { "blocks.1.ls1.gamma", "blocks.1.attn.proj", "blocks.1.ls1.gamma" },
        { "blocks.0.2.ls2.gamma", "blocks.2.mlp.fc2", "blocks.2.ls2.gamma" },
        { "blocks.2.gamma_1", "blocks.2.attn.proj", "blocks.2.gamma_1" },
    };

    for (size_t i = 0; i < VA_COUNT(names); i++) {
        struct va_tensors *set = mae();
        struct va_tensor *weight, *bias;
        enum va_model_kind kind;
        char name[64];

        add_scales(set, names[i][2], i == 2);
        add(set, names[i][0], 1, (int64_t[]){ 64 });
        snprintf(name, sizeof(name), "%s.weight", names[i][1]);
        weight = va_tensors_find(set, name);
        snprintf(name, sizeof(name), "%s.bias", names[i][1]);
        bias = va_tensors_find(set, name);
        for (int64_t k = 0; k < weight->count; k++)
            ((float *)weight->data)[k] = 1;
        ((float *)bias->data)[7] = 2;
        ((float *)va_tensors_find(set, names[i][0])->data)[7] = .5f;
        VA_CHECK(import(set, false, &kind) == 0);
        VA_CHECK_INT(set->count, 4 + 3 * 12 + 2);
        bias = va_tensors_find(set, name);
        snprintf(name, sizeof(name), "%s.weight", names[i][1]);
        weight = va_tensors_find(set, name);
        VA_CHECK(((float *)bias->data)[7] == 1 && ((float *)bias->data)[6] == 0);
        for (int64_t k = 0, K = weight->shape[1]; k < weight->count; k++)
            VA_CHECK(((float *)weight->data)[k] == (k / K == 7 ? .5f : 0));
        va_tensors_free(set);
        set = mae();
        add_scales(set, "blocks.1.ls1.gamma", false);
        add(set, "blocks.1.ls1.gamma", 1, (int64_t[]){ 63 });
        refused(set, false,
                "x.pth: blocks.1.ls1.gamma: found 63 numbers, expected one a row of "
                "blocks.1.attn.proj.weight");
        set = mae();
        add_scales(set, "blocks.2.ls2.gamma", false);
        refused(
            set, false,
            "x.pth: found no tensor blocks.2.ls2.gamma, expected a LayerScale behind both parts of "
            "each block");
        set = mae();
        add_scales(set, "", false);
        add(set, "blocks.3.ls1.gamma", 1, (int64_t[]){ 64 });
        refused(set, false,
                "x.pth: blocks.3.ls1.gamma: found 64 numbers, expected one a row of "
                "blocks.3.attn.proj.weight, which is missing");
    }
}

/* Positions of 2x2 patches, and of none, one or all of the tokens before them. */
static void tokens_without_a_position(void)
{
    static const char *const names[] = { "reg_token", "register_tokens", "dist_token" };
    enum va_model_kind kind;

    for (int64_t before = 0; before < 3; before++)
        for (int64_t more = 0; more < 3; more++) {
            struct va_tensors *set = mae();
            struct va_tensor *pos = va_tensors_find(set, "pos_embed");
            int64_t rows = 4 + (before == 2 ? 1 + more : before), shape[] = { 1, rows, 64 };
            float *x;

            *pos->name = '?';
            add(set, "pos_embed", 3, shape);
            remove_named(set, "?os_embed");
            x = va_tensors_find(set, "pos_embed")->data;
            for (int64_t i = 0; i < rows * 64; i++)
                x[i] = (float)(i / 64 + 1);
            if (more)
                add(set, names[more], 3, (int64_t[]){ 1, more, 64 });
            VA_CHECK(import(set, false, &kind) == 0);
            pos = va_tensors_find(set, "pos_embed");
            VA_CHECK_INT(pos->shape[1], 5 + more);
            check_meta(set, "image_size", "8");
            x = pos->data;
            for (int64_t i = 0; i < 5 + more; i++) /* what was there stays, in its order */
                VA_CHECK(x[i * 64 + 63] == (float)(i > more       ? rows - 4 + i - more
                                                   : i < rows - 4 ? i + 1
                                                                  : 0));
            va_tensors_free(set);
        }
}

static void epsilon(void)
{
    static const char *const bad[][2] = {
        { "0", "x.pth: eps is 0, expected 1e-12 to 0.1" },
        { "nan", "x.pth: eps is nan, expected 1e-12 to 0.1" },
        { "-1e-6", "x.pth: eps is -1e-06, expected 1e-12 to 0.1" },
        { "inf", "x.pth: eps is inf, expected 1e-12 to 0.1" },
        { "1e-6x", "x.pth: eps is 1e-6x, expected a number" },
    };
    struct va_tensors *set = mae();
    enum va_model_kind kind;

    VA_CHECK(va_tensors_set_meta(set, "eps", "1e-12") == 0 && import(set, false, &kind) == 0);
    check_meta(set, "eps", "1e-12");
    va_tensors_free(set);
    for (size_t i = 0; i < VA_COUNT(bad); i++) {
        set = mae();
        VA_CHECK(va_tensors_set_meta(set, "eps", bad[i][0]) == 0);
        refused(set, false, bad[i][1]);
    }
}

/* Every fault with its shapes, not the first only; a block in the middle is missed. */
static void all_faults_are_listed(void)
{
    static const char *const parts[] = { "norm1", "attn.qkv", "attn.proj",
                                         "norm2", "mlp.fc1",  "mlp.fc2" };
    struct va_tensors *set = mae();
    char name[64];

    for (size_t i = 0; i < VA_COUNT(parts); i++)
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof(name), "blocks.1.%s.%s", parts[i], k ? "bias" : "weight");
            remove_named(set, name);
        }
    va_tensors_find(set, "norm.bias")->shape[0] = 65;
    add(set, "blocks.2.extra", 2, (int64_t[]){ 3, 5 });
    refused(set, false,
            "x.pth: blocks.1.norm1.weight: tensor is missing, expected shape 64; "
            "blocks.1.norm1.bias: tensor is missing, expected shape 64; "
            "blocks.1.attn.qkv.weight: tensor is missing, expected shape 192x64; "
            "blocks.1.attn.qkv.bias: tensor is missing, expected shape 192; "
            "blocks.1.attn.proj.weight: tensor is missing, expected shape 64x64; "
            "blocks.1.attn.proj.bias: tensor is missing, expected shape 64; "
            "blocks.1.norm2.weight: tensor is missing, expected shape 64; "
            "blocks.1.norm2.bias: tensor is missing, expected shape 64; "
            "blocks.1.mlp.fc1.weight: tensor is missing, expected shape 128x64; "
            "blocks.1.mlp.fc1.bias: tensor is missing, expected shape 128; "
            "blocks.1.mlp.fc2.weight: tensor is missing, expected shape 64x128; "
            "blocks.1.mlp.fc2.bias: tensor is missing, expected shape 64; "
            "norm.bias: shape 65, expected 64; "
            "blocks.2.extra: unknown tensor of shape 3x5, expected none of this name");
    set = mae();
    add(set, "blocks.99999999999999999999.x", 1, (int64_t[]){ 1 });
    refused(set, false, "x.pth: depth is 257, expected 1 to 256");
    set = mae();
    add(set, "blocks.40.x", 1, (int64_t[]){ 1 }); /* 38 blocks are missing: there is an end */
    refused(set, false, "x.pth: blocks.3.norm1.weight: tensor is missing, expected shape 64; ");
}

/* Widths alone tell the heads of the known families. */
static void heads_of_the_families(void)
{
    static const int64_t width_heads[][2] = { { 192, 3 },   { 384, 6 },   { 768, 12 },
                                              { 1024, 16 }, { 1152, 16 }, { 1280, 16 },
                                              { 1408, 16 }, { 1664, 16 }, { 2048, 32 } };

    for (size_t i = 0; i < VA_COUNT(width_heads); i++) {
        struct va_tensors *set = mae();
        struct va_vit_config c;

        va_tensors_find(set, "patch_embed.proj.weight")->shape[0] = width_heads[i][0];
        VA_CHECK(va_vit_config_load(&c, set, "x") == 0);
        VA_CHECK_INT(c.heads, width_heads[i][1]);
        va_tensors_free(set);
    }
}

static void another_size_of_pictures(void)
{
    struct va_tensors *set = mae();
    enum va_model_kind kind;
    char line[512] = "";

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_arch_resize(set, "x.pth", VA_MODEL_MAE, 18) < 0);
    VA_CHECK(!strcmp(line, "x.pth: image_size 18 is not a multiple of patch_size 4"));
    va_error_catch_end();
    VA_CHECK(va_arch_resize(set, "x.pth", VA_MODEL_MAE, 20) == 0);
    VA_CHECK(import(set, true, &kind) == 0);
    check_meta(set, "image_size", "20");
    VA_CHECK_INT(va_tensors_find(set, "pos_embed")->shape[1], 26);
    VA_CHECK_INT(va_tensors_find(set, "decoder_pos_embed")->shape[1], 26);
    va_tensors_free(set);
}

int main(void)
{
    va_set_verbosity(VA_QUIET); /* what is left out is said */
    VA_TEST(an_autoencoder_gives_its_encoder_or_all);
    VA_TEST(a_prefix_is_dropped_with_what_stands_beside_it);
    VA_TEST(classifiers_go);
    VA_TEST(what_computes_otherwise_is_refused_by_name);
    VA_TEST(the_mean_of_patches);
    VA_TEST(shapes_that_tell_another_kind);
    VA_TEST(names_of_another_library);
    VA_TEST(scales_of_layers);
    VA_TEST(tokens_without_a_position);
    VA_TEST(epsilon);
    VA_TEST(all_faults_are_listed);
    VA_TEST(heads_of_the_families);
    VA_TEST(another_size_of_pictures);
    return va_test_finish();
}
