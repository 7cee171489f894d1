/*
 * All tokens of a batch are rows of one matrix. Rows move between the encoder's order (by noise,
 * visible ones only) and the decoder's (by place, all) through lists of indices, which a batch
 * brings.
 */
#include "model/va_mae.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_vit_priv.h"
#include "model/va_vit_tape.h"
#include "nn/va_blocks.h"
#include "nn/va_dense.h"
#include "nn/va_layernorm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NORM_EPS 1e-6

struct va_mae {
    struct va_backend *be;
    struct va_mae_config config;
    struct va_params params;
    struct va_vit *vit;
    int64_t mask_token, embed, pos, norm, pred; /* in params; a bias follows its weight */
    struct va_blocks blocks;

    int64_t V, room; /* visible patches; pictures */
    struct va_vit_tape *tape;
    struct va_arena arena;
    struct va_blocks_acts acts;
    void *x;                            /* [B, V, S] visible patches */
    void *embedded;                     /* [B (1 + V), E] */
    void *tokens;                       /* [B T, E] */
    void *normed, *stats;               /* [B T, E], [B T, 2] */
    void *out, *dout, *target, *weight; /* [B T, S], the last [B T] */
    void *grad[2];                      /* [B T, E] */
    void *packed;                       /* [B T, E] rows of one kind */
    void *dtokens;                      /* [B (1 + V), D] */
    /* Rows, int32_t: of embedded patches or -1 [B T]; among tokens: of hidden patches [B (P - V)], of CLS token and
     * visible patches [B (1 + V)]. */
    void *from, *hidden, *seen;
    int32_t *index; /* [B T] on the host */
    float *host;    /* [B T, S] on the host */
    int64_t B;      /* of the last batch */
};

static struct va_param *at(const struct va_mae *m, int64_t i)
{
    return &((struct va_mae *)(uintptr_t)m)->params.items[i];
}

static int64_t patches_of(const struct va_mae *m)
{
    return va_vit_patches(&m->config.encoder);
}

static int64_t pixels_of(const struct va_mae *m)
{
    return va_vit_patch_size(&m->config.encoder);
}

/* ---- parameters ------------------------------------------------------------------------ */

static int64_t declare_linear(struct va_params *list, const char *name, int64_t N, int64_t K)
{
    const struct va_param weight = va_block_xavier(N, K), zero = { .init = VA_INIT_ZERO };

    return va_dense_declare(list, N, K, &weight, &zero, "%s", name);
}

static int declare_decoder(struct va_mae *m, struct va_params *list)
{
    const struct va_mae_config *c = &m->config;
    int64_t E = c->width;
    struct va_param token = {
        .rank = 3, .shape = { 1, 1, E }, .init = VA_INIT_NORMAL, .a = 0.02
    };
    struct va_param pos = {
        .rank = 3, .shape = { 1, 1 + patches_of(m), E }, .init = VA_INIT_SINCOS, .frozen = true
    };
    struct va_block_sizes sizes = {
        .D = E, .heads = c->heads, .mlp = 4 * E, .eps = NORM_EPS, .act = VA_GELU
    };

    if ((m->mask_token = va_params_add(list, &token, "mask_token")) < 0 ||
        (m->embed = declare_linear(list, "decoder_embed", E, c->encoder.width)) < 0 ||
        (m->pos = va_params_add(list, &pos, "decoder_pos_embed")) < 0 ||
        va_blocks_declare(&m->blocks, list, "decoder_blocks", c->depth, &sizes,
                          va_block_xavier) < 0)
        return -1;
    m->norm = va_layernorm_declare(list, E, "decoder_norm");
    if (m->norm < 0)
        return -1;
    m->pred = declare_linear(list, "decoder_pred", pixels_of(m), E);
    return m->pred < 0 ? -1 : 0;
}

int va_mae_declare(const struct va_mae_config *c, struct va_params *list)
{
    struct va_mae *m = va_new(1, sizeof(*m)); /* only for the indices */
    struct va_vit_layers *layers = va_new(1, sizeof(*layers));
    int result = -1;

    if (m && layers) {
        m->config = *c;
        result = va_vit_declare(&c->encoder, VA_VIT_INIT_MAE, list, layers) < 0
                     ? -1
                     : declare_decoder(m, list);
    }
    va_free(layers);
    va_free(m);
    return result;
}

struct va_mae *va_mae_new(struct va_backend *be, const struct va_mae_config *c)
{
    struct va_mae *m = va_new(1, sizeof(*m));

    if (!m)
        return NULL;
    m->be = be;
    m->config = *c;
    va_params_init(&m->params, be);
    va_arena_init(&m->arena, be);
    m->vit = va_vit_new_in(&m->params, &c->encoder, VA_VIT_INIT_MAE);
    if (!m->vit || declare_decoder(m, &m->params) < 0 || va_params_allocate(&m->params) < 0) {
        va_mae_free(m);
        return NULL;
    }
    for (int64_t i = 0; i < m->params.count; i++)
        m->params.items[i].decay = m->params.items[i].rank > 1;
    return m;
}

static void release_room(struct va_mae *m)
{
    va_vit_tape_free(m->tape);
    m->tape = NULL;
    va_free(m->index);
    va_free(m->host);
    m->index = NULL;
    m->host = NULL;
    m->room = 0;
}

void va_mae_free(struct va_mae *m)
{
    if (!m)
        return;
    release_room(m);
    va_arena_release(&m->arena);
    va_vit_free(m->vit);
    va_params_release(&m->params);
    va_free(m);
}

struct va_params *va_mae_params(struct va_mae *m)
{
    return &m->params;
}

int64_t va_mae_encoder_params(const struct va_mae *m)
{
    return m->mask_token;
}

const struct va_mae_config *va_mae_config(const struct va_mae *m)
{
    return &m->config;
}

const struct va_vit *va_mae_encoder(const struct va_mae *m)
{
    return m->vit;
}

/* ---- room ------------------------------------------------------------------------------ */

int64_t va_mae_visible(int64_t P, double ratio)
{
    return (int64_t)((double)P * (1 - ratio));
}

static void plan(struct va_mae *m, int64_t B)
{
    struct va_arena *a = &m->arena;
    int64_t T = 1 + patches_of(m), M = B * T, E = m->config.width, S = pixels_of(m);

    m->x = va_arena_take(a, B * m->V, S);
    m->embedded = va_arena_take(a, B * (1 + m->V), E);
    m->tokens = va_arena_take(a, M, E);
    va_blocks_plan(&m->blocks, &(struct va_blocks_shape){ .B = B, .T = T, .queries = T }, a,
                   &m->acts);
    m->normed = va_arena_take(a, M, E);
    m->stats = va_arena_take(a, M, 2);
    m->out = va_arena_take(a, M, S);
    m->dout = va_arena_take(a, M, S);
    m->target = va_arena_take(a, M, S);
    m->weight = va_arena_take(a, M, 1);
    m->grad[0] = va_arena_take(a, M, E);
    m->grad[1] = va_arena_take(a, M, E);
    m->packed = va_arena_take(a, M, E);
    m->dtokens = va_arena_take(a, B * (1 + m->V), m->config.encoder.width);
    m->from = va_arena_take(a, M, 1);
    m->hidden = va_arena_take(a, B, T - 1 - m->V);
    m->seen = va_arena_take(a, B, 1 + m->V);
}

int va_mae_reserve(struct va_mae *m, int64_t B, double ratio)
{
    int64_t P = patches_of(m), rows, numbers;

    release_room(m);
    m->V = va_mae_visible(P, ratio);
    if (m->V < 1 || m->V >= P)
        return va_error(
            "mask ratio %g hides %lld of %lld patches, expected at least one visible "
            "and one hidden patch",
            ratio, (long long)(P - m->V), (long long)P);
    if (va_mul(B, 1 + P, &rows) < 0 || va_mul(rows, pixels_of(m), &numbers) < 0)
        return va_error("a batch of %lld pictures is too large", (long long)B);
    m->tape = va_vit_tape_new(m->vit, &(struct va_vit_tape_shape){ .B = B, .V = m->V });
    if (!m->tape)
        return -1;
    va_arena_begin(&m->arena);
    plan(m, B);
    if (va_arena_commit(&m->arena) < 0)
        return -1;
    plan(m, B);
    m->index = va_new(rows, sizeof(*m->index));
    m->host = va_new(numbers, sizeof(*m->host));
    m->room = B;
    return m->index && m->host ? 0 : -1;
}

/* ---- pictures ---------------------------------------------------------------------------- */

struct noisy {
    float noise;
    int32_t patch;
};

static int by_noise(const void *a, const void *b)
{
    const struct noisy *x = a, *y = b;

    return x->noise < y->noise ? -1 : x->noise > y->noise ? 1 : x->patch - y->patch;
}

int va_mae_mask(int64_t P, int64_t V, const float *noise, int32_t *visible, int32_t *rank)
{
    struct noisy *order = va_new(P, sizeof(*order));

    if (!order)
        return -1;
    for (int64_t p = 0; p < P; p++)
        order[p] = (struct noisy){ noise[p], (int32_t)p };
    qsort(order, (size_t)P, sizeof(*order), by_noise);
    for (int64_t i = 0; i < P; i++) {
        rank[order[i].patch] = (int32_t)i;
        if (i < V)
            visible[i] = order[i].patch;
    }
    va_free(order);
    return 0;
}

/* Zero mean and unit deviation, by the unbiased variance. */
static void normalise(float *x, int64_t n)
{
    double mean = 0, square = 0;

    for (int64_t i = 0; i < n; i++)
        mean += (double)x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        square += ((double)x[i] - mean) * ((double)x[i] - mean);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(((double)x[i] - mean) / sqrt(square / (double)(n - 1) + 1e-6));
}

void va_mae_target(const struct va_vit_config *c, const float *patches, bool norm_pix,
                   float *target)
{
    int64_t area = c->patch * c->patch, S = 3 * area;

    for (int64_t p = 0; p < va_vit_patches(c); p++) {
        for (int64_t i = 0; i < area; i++)
            for (int64_t k = 0; k < 3; k++)
                target[p * S + 3 * i + k] = patches[p * S + k * area + i];
        if (norm_pix)
            normalise(target + p * S, S);
    }
}

/* ---- forward --------------------------------------------------------------------------- */

static void put_index(struct va_mae *m, void *to, int64_t n)
{
    m->be->ops->put_bytes(m->be, to, m->index, n * (int64_t)sizeof(*m->index));
}

/* Which row goes where, from the encoder to the decoder and back. */
static void put_rows(struct va_mae *m, const struct va_mae_batch *b)
{
    int64_t P = patches_of(m), T = 1 + P, V = m->V, n = 0;

    for (int64_t i = 0; i < b->B * T; i++) {
        int64_t rank = i % T ? b->rank[i / T * P + i % T - 1] : -1;

        m->index[i] = rank < V ? (int32_t)(i / T * (1 + V) + 1 + rank) : -1;
    }
    put_index(m, m->from, b->B * T);
    for (int64_t i = 0; i < b->B * P; i++)
        if (b->rank[i] >= V)
            m->index[n++] = (int32_t)(i / P * T + 1 + i % P);
    put_index(m, m->hidden, n);
    for (int64_t i = 0; i < b->B * (1 + V); i++) {
        int64_t k = i % (1 + V), at = i / (1 + V);

        m->index[i] = (int32_t)(at * T + (k ? 1 + b->visible[at * V + k - 1] : 0));
    }
    put_index(m, m->seen, b->B * (1 + V));
}

void va_mae_put(struct va_mae *m, const struct va_mae_batch *b)
{
    const struct va_ops *ops = m->be->ops;
    int64_t P = patches_of(m), T = 1 + P, S = pixels_of(m);

    m->B = b->B;
    ops->put_f32(m->be, m->x, b->patches, b->B * m->V * S);
    for (int64_t i = 0; i < b->B; i++) {
        memset(m->host + i * T * S, 0,
               (size_t)S * sizeof(float)); /* the CLS row's, of no weight */
        memcpy(m->host + (i * T + 1) * S, b->target + i * P * S,
               (size_t)(P * S) * sizeof(float));
    }
    ops->put_f32(m->be, m->target, m->host, b->B * T * S);
    for (int64_t i = 0; i < b->B * T; i++)
        m->host[i] = i % T && b->rank[i / T * P + i % T - 1] >= m->V ? 1 : 0;
    ops->put_f32(m->be, m->weight, m->host, b->B * T);
    put_rows(m, b);
    va_vit_tape_put(m->tape, b->B, b->visible, NULL);
}

/* Row i of y [rows, E] is row index[i] of x, or `fill` where that is -1. */
static void gather(struct va_mae *m, int64_t rows, const void *index, const void *x,
                   const void *fill, void *y)
{
    m->be->ops->gather(
        m->be,
        &(struct va_gather){
            .rows = rows, .C = m->config.width, .x = x, .index = index, .fill = fill, .y = y });
}

/* Visible rows to their places, mask tokens to the others, and positions. */
static void fill_in(struct va_mae *m)
{
    int64_t T = 1 + patches_of(m), n = T * m->config.width;

    gather(m, m->B * T, m->from, m->embedded, at(m, m->mask_token)->value.data, m->tokens);
    m->be->ops->add(m->be, &(struct va_add){ .B = m->B,
                                             .n = n,
                                             .a = m->tokens,
                                             .b = at(m, m->pos)->value.data,
                                             .y = m->tokens,
                                             .stepa = n,
                                             .stepy = n });
}

static int64_t hidden_of(const struct va_mae *m) /* patches of the batch */
{
    return m->B * (patches_of(m) - m->V);
}

/* The mean squared error of the hidden patches, times `scale`, and its gradient. */
static void squares(struct va_mae *m, double scale, void *step)
{
    m->be->ops->squares(
        m->be, &(struct va_squares){ .rows = m->B * (1 + patches_of(m)),
                                     .C = pixels_of(m),
                                     .scale = scale / (double)(hidden_of(m) * pixels_of(m)),
                                     .pred = m->out,
                                     .target = m->target,
                                     .weight = m->weight,
                                     .dpred = m->dout,
                                     .step = step });
}

void va_mae_forward(struct va_mae *m, double scale, void *step)
{
    int64_t T = 1 + patches_of(m), M = m->B * T;
    const void *x = va_vit_tape_forward(m->tape, m->x);

    va_dense_forward(&m->params, m->embed,
                     &(struct va_linear){ .M = m->B * (1 + m->V), .x = x, .y = m->embedded });
    fill_in(m);
    x = va_blocks_forward(&m->blocks, m->B, T, m->tokens, NULL, &m->acts);
    va_layernorm_forward(
        &m->params, m->norm,
        &(struct va_norm){
            .M = M, .eps = NORM_EPS, .x = x, .y = m->normed, .stats = m->stats });
    va_dense_forward(&m->params, m->pred,
                     &(struct va_linear){ .M = M, .x = m->normed, .y = m->out });
    squares(m, scale, step);
}

void va_mae_pred(struct va_mae *m, float *pred)
{
    int64_t P = patches_of(m), S = pixels_of(m);

    for (int64_t b = 0; b < m->B; b++)
        m->be->ops->get_f32(m->be, pred + b * P * S,
                            va_at(m->be, m->out, (b * (1 + P) + 1) * S), P * S);
}

/* ---- backward -------------------------------------------------------------------------- */

/* The mask token stands in all hidden places: its gradient is the sum of their rows. */
static void token_grad(struct va_mae *m, const void *dx)
{
    int64_t n = hidden_of(m), E = m->config.width;

    gather(m, n, m->hidden, dx, NULL, m->packed);
    m->be->ops->linear_grad(m->be,
                            &(struct va_linear_grad){ .M = n,
                                                      .N = E,
                                                      .K = 1,
                                                      .dy = m->packed,
                                                      .lddy = E,
                                                      .dbias = at(m, m->mask_token)->grad });
}

void va_mae_backward(struct va_mae *m)
{
    int64_t B = m->B, M = B * (1 + patches_of(m));
    const void *dx;

    va_dense_backward(
        &m->params, m->pred,
        &(struct va_linear_grad){ .M = M, .dy = m->dout, .x = m->normed, .dx = m->grad[1] });
    va_layernorm_backward(&m->params, m->norm,
                          &(struct va_norm_grad){ .M = M,
                                                  .dy = m->grad[1],
                                                  .x = m->acts.result,
                                                  .stats = m->stats,
                                                  .dx = m->grad[0] });
    dx = va_blocks_backward(&m->blocks, B, m->tokens, &m->acts, m->grad, true);
    token_grad(m, dx);
    gather(m, B * (1 + m->V), m->seen, dx, NULL, m->packed);
    va_dense_backward(&m->params, m->embed,
                      &(struct va_linear_grad){ .M = B * (1 + m->V),
                                                .dy = m->packed,
                                                .x = va_vit_tape_out(m->tape),
                                                .dx = m->dtokens });
    va_vit_tape_backward(m->tape, m->dtokens);
}
