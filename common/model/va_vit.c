/*
 * The encoder, forward only. All pictures of a batch are one long sequence of rows, so that
 * each product is one large one; only attention knows where a picture ends. Blocks work in place.
 *
 * In the last block only the CLS row goes on, where it is the feature: attention is asked for one
 * query a picture, and the MLP, two thirds of a block's work, then runs on B rows instead of B*T.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_meta.h"
#include "model/va_vit_priv.h"
#include "nn/va_dense.h"
#include "nn/va_layernorm.h"
#include <math.h>

/* ---- parameters ------------------------------------------------------------------------ */

/* The law that keeps variance. */
static struct va_param keep_variance(int64_t N, int64_t K)
{
    (void)N;
    return (struct va_param){ .init = VA_INIT_UNIFORM, .a = sqrt(3.0 / (double)K) };
}

static int64_t declare_patches(const struct va_vit_config *c, va_block_law law,
                               struct va_params *list)
{
    int64_t size = va_vit_patch_size(c);
    struct va_param weight = law(c->width, size), zero = { .init = VA_INIT_ZERO };

    weight.rank = 4;
    weight.shape[0] = c->width;
    weight.shape[1] = 3;
    weight.shape[2] = weight.shape[3] = c->patch;
    weight.decay = true;
    return va_dense_declare(list, c->width, size, &weight, c->pre_norm ? NULL : &zero,
                            "patch_embed.proj");
}

static int64_t declare_registers(const struct va_vit_config *c, struct va_params *list)
{
    const struct va_param tokens = {
        .rank = 3, .shape = { 1, c->registers, c->width }, .init = VA_INIT_NORMAL, .a = 0.02
    };

    return va_params_add(list, &tokens, "reg_token");
}

int va_vit_declare(const struct va_vit_config *c, enum va_vit_init init, struct va_params *list,
                   struct va_vit_layers *l)
{
    struct va_param cls = { .rank = 3, .shape = { 1, 1, c->width }, .init = VA_INIT_NORMAL };
    struct va_param pos = { .rank = 3,
                            .shape = { 1, va_vit_prefix(c) + va_vit_patches(c), c->width },
                            .init = VA_INIT_SINCOS,
                            .frozen = true };
    struct va_block_sizes sizes = { .D = c->width,
                                    .heads = c->heads,
                                    .mlp = c->mlp,
                                    .eps = c->eps,
                                    .act = c->act == VA_VIT_QUICK_GELU ? VA_QUICK_GELU
                                                                       : VA_GELU };
    va_block_law law = init == VA_VIT_INIT_MAE ? va_block_xavier : keep_variance;

    cls.a = init == VA_VIT_INIT_MAE ? 0.02 : 1;
    l->cls = va_params_add(list, &cls, "cls_token");
    l->registers = -1;
    if (l->cls < 0 || (c->registers && (l->registers = declare_registers(c, list)) < 0))
        return -1;
    l->pos = va_params_add(list, &pos, "pos_embed");
    l->patch = l->pos < 0 ? -1 : declare_patches(c, law, list);
    l->pre = -1;
    if (l->patch < 0 ||
        (c->pre_norm && (l->pre = va_layernorm_declare(list, c->width, "norm_pre")) < 0) ||
        va_blocks_declare(&l->blocks, list, "blocks", c->depth, &sizes, law) < 0)
        return -1;
    l->norm = va_layernorm_declare(list, c->width, c->pool == VA_VIT_MEAN ? "fc_norm" : "norm");
    return l->norm < 0 ? -1 : 0;
}

/* ---- an encoder ------------------------------------------------------------------------ */

static struct va_vit *begin(struct va_backend *be, const struct va_vit_config *c,
                            enum va_vit_init init, struct va_params *list)
{
    struct va_vit *vit = va_new(1, sizeof(*vit));

    if (!vit)
        return NULL;
    vit->be = be;
    vit->config = *c;
    va_params_init(&vit->own, be);
    va_arena_init(&vit->arena, be);
    vit->params = list ? list : &vit->own;
    if (va_vit_declare(c, init, vit->params, &vit->layers) < 0) {
        va_vit_free(vit);
        return NULL;
    }
    va_meta_pixel_table(vit->config.mean, vit->config.std, vit->pixel);
    return vit;
}

struct va_vit *va_vit_new(struct va_backend *be, const struct va_vit_config *c,
                          enum va_vit_init init)
{
    struct va_vit *vit = begin(be, c, init, NULL);

    if (vit && va_params_allocate(vit->params) < 0) {
        va_vit_free(vit);
        return NULL;
    }
    return vit;
}

struct va_vit *va_vit_new_in(struct va_params *list, const struct va_vit_config *c,
                             enum va_vit_init init)
{
    return begin(list->be, c, init, list);
}

void va_vit_free(struct va_vit *vit)
{
    if (!vit)
        return;
    va_arena_release(&vit->arena);
    va_params_release(&vit->own);
    va_free(vit);
}

int va_vit_draw(struct va_vit *vit, uint64_t seed)
{
    return va_params_draw(vit->params, seed);
}

struct va_params *va_vit_params(struct va_vit *vit)
{
    return vit->params;
}

const struct va_vit_config *va_vit_config(const struct va_vit *vit)
{
    return &vit->config;
}

static void plan(struct va_vit *vit, int64_t B)
{
    const struct va_vit_config *c = &vit->config;
    int64_t T = va_vit_prefix(c) + va_vit_patches(c);

    vit->x = va_arena_take(&vit->arena, B * T, c->width);
    vit->normed = c->pre_norm ? va_arena_take(&vit->arena, B * T, c->width) : NULL;
    va_blocks_plan(&vit->layers.blocks,
                   &(struct va_blocks_shape){
                       .B = B, .T = T, .queries = va_vit_queries(c, T), .first = c->depth },
                   &vit->arena, &vit->acts);
    vit->mean = c->pool == VA_VIT_MEAN ? va_arena_take(&vit->arena, B, c->width) : NULL;
}

int va_vit_reserve(struct va_vit *vit, int64_t B)
{
    int64_t rows;

    if (B <= vit->B)
        return 0;
    vit->B = 0;
    if (va_mul(B, va_vit_prefix(&vit->config) + va_vit_patches(&vit->config), &rows) < 0)
        return va_error("a batch of %lld pictures is too large", (long long)B);
    va_arena_begin(&vit->arena);
    plan(vit, B);
    if (va_arena_commit(&vit->arena) < 0)
        return -1;
    plan(vit, B);
    vit->B = B;
    return 0;
}

void va_vit_cut(const struct va_vit *vit, const uint8_t *picture, float *rows)
{
    int64_t p = vit->config.patch, S = vit->config.image, grid = S / p;

    for (int64_t i = 0; i < grid * grid; i++)
        for (int64_t c = 0; c < 3; c++)
            for (int64_t y = 0; y < p; y++) {
                const uint8_t *from = picture + 3 * ((i / grid * p + y) * S + i % grid * p) + c;

                for (int64_t x = 0; x < p; x++)
                    *rows++ = vit->pixel[c][from[3 * x]];
            }
}

const float *va_vit_pixel_table(const struct va_vit *vit)
{
    return vit->pixel[0];
}

static void cut(const void *vit, const uint8_t *picture, float *rows)
{
    va_vit_cut(vit, picture, rows);
}

struct va_intake va_vit_intake(const struct va_vit *vit)
{
    const struct va_vit_config *c = &vit->config;

    return (struct va_intake){ c->image, va_vit_patches(c) * va_vit_patch_size(c), cut, vit };
}

/* ---- forward --------------------------------------------------------------------------- */

static struct va_param *at(const struct va_vit *vit, int64_t i)
{
    return &vit->params->items[i];
}

static void norm(struct va_vit *vit, int64_t layer, int64_t M, const void *x, void *y)
{
    va_layernorm_forward(vit->params, layer,
                         &(struct va_norm){ .M = M, .eps = vit->config.eps, .x = x, .y = y });
}

/* The tokens of parameter i, which are rows from `row` on of every picture, with their positions. */
static void embed_tokens(struct va_vit *vit, int64_t B, int64_t i, int64_t row)
{
    struct va_backend *be = vit->be;
    int64_t D = vit->config.width,
            T = va_vit_prefix(&vit->config) + va_vit_patches(&vit->config);
    const struct va_param *tokens = at(vit, i);

    be->ops->add(
        be, &(struct va_add){ .B = B,
                              .n = tokens->count,
                              .a = tokens->value.data,
                              .b = va_at(be, at(vit, vit->layers.pos)->value.data, row * D),
                              .y = va_at(be, vit->x, row * D),
                              .stepy = T * D });
}

/* The CLS token and registers, then the patches, each with its position. The result [B*T, D] is the residual stream
 * before the first block. */
static void *embed(struct va_vit *vit, int64_t B, const void *patches)
{
    struct va_backend *be = vit->be;
    int64_t D = vit->config.width, P = va_vit_patches(&vit->config);
    int64_t first = va_vit_prefix(&vit->config);
    const void *pos = at(vit, vit->layers.pos)->value.data;

    embed_tokens(vit, B, vit->layers.cls, 0);
    if (vit->layers.registers >= 0)
        embed_tokens(vit, B, vit->layers.registers, 1);
    va_dense_forward(vit->params, vit->layers.patch,
                     &(struct va_linear){ .M = P,
                                          .x = patches,
                                          .residual = va_at(be, pos, first * D),
                                          .y = va_at(be, vit->x, first * D),
                                          .B = B,
                                          .stepx = P * va_vit_patch_size(&vit->config),
                                          .stepy = (first + P) * D });
    if (!vit->normed)
        return vit->x;
    norm(vit, vit->layers.pre, B * (first + P), vit->x, vit->normed);
    return vit->normed;
}

void va_vit_tokens(struct va_vit *vit, int64_t B, const void *patches, void *tokens)
{
    int64_t T = va_vit_prefix(&vit->config) + va_vit_patches(&vit->config);

    void *x = embed(vit, B, patches);

    norm(vit, vit->layers.norm, B * T,
         va_blocks_forward(&vit->layers.blocks, B, T, x, NULL, &vit->acts), tokens);
}

/* A picture of T rows and one column, seen from the first patch on. */
void va_vit_mean(const struct va_vit *vit, int64_t B, int64_t T, const void *x, void *y)
{
    struct va_backend *be = vit->be;
    int64_t D = vit->config.width, first = va_vit_prefix(&vit->config);

    be->ops->pool2d(
        be, &(struct va_pool2d){
                .at = { .B = B, .H = T, .W = 1, .Ho = 1, .Wo = 1, .K = T - first, .stride = 1 },
                .pool = VA_POOL_MEAN,
                .C = D,
                .x = va_at(be, x, first * D),
                .y = y });
}

void va_vit_forward(struct va_vit *vit, int64_t B, const void *patches, void *cls)
{
    int64_t T = va_vit_prefix(&vit->config) + va_vit_patches(&vit->config);
    const void *x = va_blocks_forward(&vit->layers.blocks, B, va_vit_queries(&vit->config, T),
                                      embed(vit, B, patches), NULL, &vit->acts);

    if (vit->mean)
        va_vit_mean(vit, B, T, x, vit->mean);
    norm(vit, vit->layers.norm, B, vit->mean ? vit->mean : x, cls);
}
