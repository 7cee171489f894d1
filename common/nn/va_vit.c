/*
 * The encoder, forward only. All pictures of a batch are one long sequence of rows, so that
 * each product is one large one; only attention knows where a picture ends.
 *
 * In the last block only the CLS row goes on: attention is asked for one query a picture, and
 * the MLP, two thirds of a block's work, then runs on B rows instead of B*T.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "nn/va_vit_priv.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NORM_EPS 1e-6

/* ---- parameters ------------------------------------------------------------------------ */

/* A weight [N, K] and bias [N] of part `part` of block i; `law` is the weight's. */
static int declare_linear(struct va_params *list, int64_t N, int64_t K, struct va_param law,
                          int64_t i, const char *part)
{
    law.rank = 2;
    law.shape[0] = N;
    law.shape[1] = K;
    law.decay = true;
    if (va_params_add(list, &law, "blocks.%lld.%s.weight", (long long)i, part) < 0)
        return -1;
    law = (struct va_param){ .rank = 1, .shape = { N }, .init = VA_INIT_ZERO };
    return va_params_add(list, &law, "blocks.%lld.%s.bias", (long long)i, part) < 0 ? -1 : 0;
}

static int declare_norm(struct va_params *list, int64_t C, const char *name)
{
    struct va_param law = { .rank = 1, .shape = { C }, .init = VA_INIT_CONSTANT, .a = 1 };

    if (va_params_add(list, &law, "%s.weight", name) < 0)
        return -1;
    law.init = VA_INIT_ZERO;
    return va_params_add(list, &law, "%s.bias", name) < 0 ? -1 : 0;
}

/* Xavier's uniform law, or the one that keeps variance. */
static struct va_param weight_law(enum va_vit_init init, int64_t N, int64_t K)
{
    double a = init == VA_VIT_INIT_MAE ? sqrt(6.0 / (double)(N + K)) : sqrt(3.0 / (double)K);

    return (struct va_param){ .init = VA_INIT_UNIFORM, .a = a };
}

static int declare_block(const struct va_vit_config *c, enum va_vit_init init,
                         struct va_params *list, int64_t i)
{
    int64_t D = c->width, M = c->mlp;
    char norm1[40], norm2[40];

    snprintf(norm1, sizeof(norm1), "blocks.%lld.norm1", (long long)i);
    snprintf(norm2, sizeof(norm2), "blocks.%lld.norm2", (long long)i);
    if (declare_norm(list, D, norm1) < 0 ||
        declare_linear(list, 3 * D, D, weight_law(init, 3 * D, D), i, "attn.qkv") < 0 ||
        declare_linear(list, D, D, weight_law(init, D, D), i, "attn.proj") < 0 ||
        declare_norm(list, D, norm2) < 0 ||
        declare_linear(list, M, D, weight_law(init, M, D), i, "mlp.fc1") < 0)
        return -1;
    return declare_linear(list, D, M, weight_law(init, D, M), i, "mlp.fc2");
}

static int declare_patches(const struct va_vit_config *c, enum va_vit_init init,
                           struct va_params *list)
{
    struct va_param law = weight_law(init, c->width, va_vit_patch_size(c));

    law.rank = 4;
    law.shape[0] = c->width;
    law.shape[1] = 3;
    law.shape[2] = law.shape[3] = c->patch;
    law.decay = true;
    if (va_params_add(list, &law, "patch_embed.proj.weight") < 0)
        return -1;
    law = (struct va_param){ .rank = 1, .shape = { c->width }, .init = VA_INIT_ZERO };
    return va_params_add(list, &law, "patch_embed.proj.bias") < 0 ? -1 : 0;
}

int va_vit_declare(const struct va_vit_config *c, enum va_vit_init init, struct va_params *list)
{
    struct va_param cls = { .rank = 3, .shape = { 1, 1, c->width }, .init = VA_INIT_NORMAL };
    struct va_param pos = { .rank = 3,
                            .shape = { 1, 1 + va_vit_patches(c), c->width },
                            .init = VA_INIT_SINCOS,
                            .frozen = true };

    cls.a = init == VA_VIT_INIT_MAE ? 0.02 : 1;
    if (va_params_add(list, &cls, "cls_token") < 0 ||
        va_params_add(list, &pos, "pos_embed") < 0 || declare_patches(c, init, list) < 0)
        return -1;
    for (int64_t i = 0; i < c->depth; i++)
        if (declare_block(c, init, list, i) < 0)
            return -1;
    return declare_norm(list, c->width, "norm");
}

/* ---- an encoder ------------------------------------------------------------------------ */

/* Entries come in the order in which they were declared. */
static struct va_param *next(struct va_params *list, int64_t *at)
{
    return &list->items[(*at)++];
}

static struct va_vit_linear next_linear(struct va_params *list, int64_t *at)
{
    struct va_param *weight = next(list, at);

    return (struct va_vit_linear){ weight, next(list, at) };
}

static struct va_vit_norm next_norm(struct va_params *list, int64_t *at)
{
    struct va_param *weight = next(list, at);

    return (struct va_vit_norm){ weight, next(list, at) };
}

static void bind(struct va_vit *vit)
{
    struct va_params *list = &vit->params;
    int64_t at = 0;

    vit->cls = next(list, &at);
    vit->pos = next(list, &at);
    vit->patch = next_linear(list, &at);
    for (int64_t i = 0; i < vit->config.depth; i++) {
        struct va_vit_block *b = &vit->blocks[i];

        b->norm1 = next_norm(list, &at);
        b->qkv = next_linear(list, &at);
        b->proj = next_linear(list, &at);
        b->norm2 = next_norm(list, &at);
        b->fc1 = next_linear(list, &at);
        b->fc2 = next_linear(list, &at);
    }
    vit->norm = next_norm(list, &at);
}

/* In float32, as those who trained the encoders normalised their pictures. */
static void prepare_pixels(struct va_vit *vit)
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            vit->pixel[c][v] = ((float)v / 255.0f - (float)vit->config.mean[c]) /
                               (float)vit->config.std[c];
}

struct va_vit *va_vit_new(struct va_backend *be, const struct va_vit_config *c,
                          enum va_vit_init init)
{
    struct va_vit *vit = va_new(1, sizeof(*vit));

    if (!vit)
        return NULL;
    vit->be = be;
    vit->config = *c;
    vit->init = init;
    va_params_init(&vit->params, be);
    vit->blocks = va_new(c->depth, sizeof(*vit->blocks));
    if (!vit->blocks || va_vit_declare(c, init, &vit->params) < 0 ||
        va_params_allocate(&vit->params) < 0) {
        va_vit_free(vit);
        return NULL;
    }
    bind(vit);
    prepare_pixels(vit);
    return vit;
}

static void release_room(struct va_vit *vit)
{
    void *buffers[] = { vit->x, vit->y, vit->wide, vit->row };

    for (size_t i = 0; i < VA_COUNT(buffers); i++)
        vit->be->ops->free(vit->be, buffers[i]);
    vit->x = vit->y = vit->wide = vit->row = NULL;
    vit->B = 0;
}

void va_vit_free(struct va_vit *vit)
{
    if (!vit)
        return;
    release_room(vit);
    va_params_release(&vit->params);
    va_free(vit->blocks);
    va_free(vit);
}

int va_vit_draw(struct va_vit *vit, uint64_t seed)
{
    if (va_params_draw(&vit->params, seed) < 0)
        return -1;
    return vit->init == VA_VIT_INIT_FEATURES ? va_vit_wire_features(vit) : 0;
}

struct va_params *va_vit_params(struct va_vit *vit)
{
    return &vit->params;
}

const struct va_vit_config *va_vit_config(const struct va_vit *vit)
{
    return &vit->config;
}

int va_vit_reserve(struct va_vit *vit, int64_t B)
{
    const struct va_vit_config *c = &vit->config;
    const struct va_ops *ops = vit->be->ops;
    int64_t widest = 3 * c->width > c->mlp ? 3 * c->width : c->mlp, rows, stream, wide;

    if (B <= vit->B)
        return 0;
    release_room(vit);
    if (va_mul(B, 1 + va_vit_patches(c), &rows) < 0 || va_mul(rows, c->width, &stream) < 0 ||
        va_mul(rows, widest, &wide) < 0)
        return va_error("a batch of %lld pictures is too large", (long long)B);
    vit->x = ops->alloc(vit->be, stream);
    vit->y = ops->alloc(vit->be, stream);
    vit->wide = ops->alloc(vit->be, wide);
    vit->row = ops->alloc(vit->be, 2 * B * c->width);
    if (!vit->x || !vit->y || !vit->wide || !vit->row) {
        release_room(vit);
        return -1;
    }
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

/* ---- forward --------------------------------------------------------------------------- */

static void norm(struct va_vit *vit, const struct va_vit_norm *n, int64_t M, const void *x,
                 void *y)
{
    vit->be->ops->norm(vit->be, &(struct va_norm){ .M = M,
                                                   .C = vit->config.width,
                                                   .eps = NORM_EPS,
                                                   .x = x,
                                                   .gamma = n->weight->value.data,
                                                   .beta = n->bias->value.data,
                                                   .y = y });
}

/* y [M, N] = act(x [M, K] W^T + b) + residual, with rows of y and residual ldy apart. */
static void linear(struct va_vit *vit, const struct va_vit_linear *l, int64_t M, const void *x,
                   enum va_unary act, const void *residual, void *y, int64_t ldy)
{
    int64_t N = l->weight->shape[0], K = l->weight->count / N;

    vit->be->ops->linear(vit->be, &(struct va_linear){ .M = M,
                                                       .N = N,
                                                       .K = K,
                                                       .x = x,
                                                       .ldx = K,
                                                       .w = &l->weight->value,
                                                       .bias = l->bias->value.data,
                                                       .act = act,
                                                       .residual = residual,
                                                       .y = y,
                                                       .ldy = ldy });
}

/* x [B*T, D]: the CLS token, then the patches, each with its position. */
static void embed(struct va_vit *vit, int64_t B, const void *patches)
{
    struct va_backend *be = vit->be;
    const struct va_vit_config *c = &vit->config;
    int64_t D = c->width, P = va_vit_patches(c), size = va_vit_patch_size(c);
    const void *pos = vit->pos->value.data;

    for (int64_t b = 0; b < B; b++) {
        int64_t first = b * (1 + P) * D;

        be->ops->add(be, D, vit->cls->value.data, pos, va_at(be, vit->x, first));
        linear(vit, &vit->patch, P, va_at(be, patches, b * P * size), VA_IDENTITY,
               va_at(be, pos, D), va_at(be, vit->x, first + D), D);
    }
}

/* Attention of a block on x, of the first `queries` rows of each picture, into y. */
static void attend(struct va_vit *vit, const struct va_vit_block *k, int64_t B, int64_t queries)
{
    const struct va_vit_config *c = &vit->config;
    int64_t T = 1 + va_vit_patches(c), D = c->width;

    norm(vit, &k->norm1, B * T, vit->x, vit->y);
    linear(vit, &k->qkv, B * T, vit->y, VA_IDENTITY, NULL, vit->wide, 3 * D);
    vit->be->ops->attention(vit->be,
                            &(struct va_attention){ .B = B,
                                                    .Tq = queries,
                                                    .Tk = T,
                                                    .H = c->heads,
                                                    .D = D / c->heads,
                                                    .q = vit->wide,
                                                    .k = va_at(vit->be, vit->wide, D),
                                                    .v = va_at(vit->be, vit->wide, 2 * D),
                                                    .ldq = 3 * D,
                                                    .ldk = 3 * D,
                                                    .stepq = T * 3 * D,
                                                    .stepk = T * 3 * D,
                                                    .y = vit->y });
}

/* The MLP of a block on x [M, D]; y [M, D] is scratch. */
static void mlp(struct va_vit *vit, const struct va_vit_block *k, int64_t M, void *x, void *y)
{
    int64_t D = vit->config.width;

    norm(vit, &k->norm2, M, x, y);
    linear(vit, &k->fc1, M, y, VA_GELU, NULL, vit->wide, vit->config.mlp);
    linear(vit, &k->fc2, M, vit->wide, VA_IDENTITY, x, x, D);
}

static void whole_blocks(struct va_vit *vit, int64_t B, int64_t count)
{
    int64_t rows = B * (1 + va_vit_patches(&vit->config)), D = vit->config.width;

    for (int64_t i = 0; i < count; i++) {
        attend(vit, &vit->blocks[i], B, rows / B);
        linear(vit, &vit->blocks[i].proj, rows, vit->y, VA_IDENTITY, vit->x, vit->x, D);
        mlp(vit, &vit->blocks[i], rows, vit->x, vit->y);
    }
}

void va_vit_tokens(struct va_vit *vit, int64_t B, const void *patches, void *tokens)
{
    embed(vit, B, patches);
    whole_blocks(vit, B, vit->config.depth);
    norm(vit, &vit->norm, B * (1 + va_vit_patches(&vit->config)), vit->x, tokens);
}

void va_vit_forward(struct va_vit *vit, int64_t B, const void *patches, void *cls)
{
    struct va_backend *be = vit->be;
    int64_t D = vit->config.width, T = 1 + va_vit_patches(&vit->config);
    const struct va_vit_block *last = &vit->blocks[vit->config.depth - 1];
    void *row = vit->row, *scratch = va_at(be, vit->row, B * D);

    embed(vit, B, patches);
    whole_blocks(vit, B, vit->config.depth - 1);
    attend(vit, last, B, 1);
    linear(vit, &last->proj, B, vit->y, VA_IDENTITY, vit->x, vit->x, T * D); /* CLS rows of x */
    for (int64_t b = 0; b < B; b++)
        be->ops->copy(be, va_at(be, row, b * D), va_at(be, vit->x, b * T * D), D);
    mlp(vit, last, B, row, scratch);
    norm(vit, &vit->norm, B, row, cls);
}
