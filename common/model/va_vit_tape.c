#include "model/va_vit_tape.h"

#include "base/va_mem.h"
#include "model/va_vit_priv.h"
#include "nn/va_dense.h"
#include "nn/va_layernorm.h"

struct va_vit_tape {
    struct va_vit *vit;
    struct va_vit_tape_shape shape;
    struct va_arena arena;
    struct va_blocks_acts acts;
    int64_t prefix, T;         /* 1 + R, and with V: rows of a picture */
    void *embedded;            /* [M, D], M = B T */
    void *entered, *pre_stats; /* [M, D], [M, 2] normalised before the blocks; or `embedded` */
    void *mean;                /* [B, D] of the patches; NULL: not wanted */
    void *normed, *norm_stats; /* [Q, D], [Q, 2]; Q = M, or B with `pooled` */
    void *grad[2];             /* [M, D] */
    void *packed;              /* [B V, D] gradients of the patches' rows alone */
    int32_t *index;            /* [M] on the host */
    /* of the last forward: */
    int64_t B;
    const void *patches;
};

static struct va_param *at(const struct va_vit_tape *t, int64_t i)
{
    return &t->vit->params->items[i];
}

void va_vit_freeze(struct va_vit *vit, int64_t first)
{
    const struct va_vit_layers *l = &vit->layers;
    struct va_param *items = vit->params->items;
    int64_t from = l->cls,
            end = first < vit->config.depth ? l->blocks.at[first].norm1 : l->norm;

    for (int64_t i = from; first > 0 && i < end; i++)
        items[i].frozen = true;
}

/* ---- room ------------------------------------------------------------------------------ */

/* Rows of a picture that go on after the last block, and those that are normalised. */
static int64_t queries_of(const struct va_vit_tape *t)
{
    return t->shape.pooled ? va_vit_queries(&t->vit->config, t->T) : t->T;
}

static int64_t rows_of(const struct va_vit_tape *t)
{
    return t->shape.pooled ? 1 : t->T;
}

static void plan(struct va_vit_tape *t)
{
    const struct va_vit_tape_shape *s = &t->shape;
    const struct va_vit_config *c = &t->vit->config;
    struct va_arena *a = &t->arena;
    int64_t T = t->T, M = s->B * T, Q = s->B * rows_of(t);

    t->embedded = va_arena_take(a, M, c->width);
    t->entered = c->pre_norm ? va_arena_take(a, M, c->width) : t->embedded;
    t->pre_stats = c->pre_norm ? va_arena_take(a, M, 2) : NULL;
    va_blocks_plan(&t->vit->layers.blocks,
                   &(struct va_blocks_shape){
                       .B = s->B, .T = T, .queries = queries_of(t), .first = s->first },
                   a, &t->acts);
    t->mean = queries_of(t) != rows_of(t) ? va_arena_take(a, Q, c->width) : NULL;
    t->normed = va_arena_take(a, Q, c->width);
    t->norm_stats = va_arena_take(a, Q, 2);
    t->grad[0] = va_arena_take(a, M, c->width);
    t->grad[1] = va_arena_take(a, M, c->width);
    t->packed = va_arena_take(a, s->B * s->V, c->width);
}

struct va_vit_tape *va_vit_tape_new(struct va_vit *vit, const struct va_vit_tape_shape *shape)
{
    struct va_vit_tape *t = va_new(1, sizeof(*t));
    int64_t M;

    if (!t)
        return NULL;
    t->vit = vit;
    t->shape = *shape;
    t->prefix = va_vit_prefix(&vit->config);
    t->T = t->prefix + shape->V;
    va_arena_init(&t->arena, vit->be);
    va_arena_begin(&t->arena);
    if (va_mul(shape->B, t->T, &M) < 0)
        t->arena.too_large = true;
    else
        plan(t);
    if (va_arena_commit(&t->arena) < 0) {
        va_vit_tape_free(t);
        return NULL;
    }
    plan(t);
    t->index = va_new(M, sizeof(*t->index));
    if (!t->index) {
        va_vit_tape_free(t);
        return NULL;
    }
    return t;
}

void va_vit_tape_free(struct va_vit_tape *t)
{
    if (!t)
        return;
    va_arena_release(&t->arena);
    va_free(t->index);
    va_free(t);
}

/* ---- forward --------------------------------------------------------------------------- */

/* The tokens of parameter i to rows from `row` on of every picture. */
static void add_tokens(struct va_vit_tape *t, int64_t B, int64_t i, int64_t row)
{
    struct va_backend *be = t->vit->be;
    int64_t D = t->vit->config.width;
    void *rows = va_at(be, t->embedded, row * D);

    be->ops->add(be, &(struct va_add){ .B = B,
                                       .n = at(t, i)->count,
                                       .a = rows,
                                       .b = at(t, i)->value.data,
                                       .y = rows,
                                       .stepa = t->T * D,
                                       .stepy = t->T * D });
}

/* Rows: position, and a token or patch. */
static void embed(struct va_vit_tape *t, int64_t B, const void *patches, const int32_t *places)
{
    struct va_backend *be = t->vit->be;
    const struct va_vit_config *c = &t->vit->config;
    int64_t V = t->shape.V, T = t->T, D = c->width;
    void *rows = va_at(be, t->embedded, t->prefix * D);

    for (int64_t i = 0; i < B * T; i++) {
        int64_t row = i % T, p = row - t->prefix;

        t->index[i] = (int32_t)(p < 0 || !places ? row : t->prefix + places[i / T * V + p]);
    }
    be->ops->gather(be, &(struct va_gather){ .rows = B * T,
                                             .C = D,
                                             .x = at(t, t->vit->layers.pos)->value.data,
                                             .index = t->index,
                                             .y = t->embedded });
    add_tokens(t, B, t->vit->layers.cls, 0);
    if (t->vit->layers.registers >= 0)
        add_tokens(t, B, t->vit->layers.registers, 1);
    va_dense_forward(t->vit->params, t->vit->layers.patch,
                     &(struct va_linear){ .M = V,
                                          .x = patches,
                                          .residual = rows,
                                          .y = rows,
                                          .B = B,
                                          .stepx = V * va_vit_patch_size(c),
                                          .stepr = T * D,
                                          .stepy = T * D });
}

const void *va_vit_tape_forward(struct va_vit_tape *t, int64_t B, const void *patches,
                                const int32_t *places, const double *keep)
{
    const void *x;

    t->B = B;
    t->patches = patches;
    embed(t, B, patches, places);
    if (t->pre_stats)
        va_layernorm_forward(t->vit->params, t->vit->layers.pre,
                             &(struct va_norm){ .M = B * t->T,
                                                .eps = t->vit->config.eps,
                                                .x = t->embedded,
                                                .y = t->entered,
                                                .stats = t->pre_stats });
    x = va_blocks_forward(&t->vit->layers.blocks, B, queries_of(t), t->entered, keep, &t->acts);
    if (t->mean)
        va_vit_mean(t->vit, B, t->T, x, t->mean);
    va_layernorm_forward(t->vit->params, t->vit->layers.norm,
                         &(struct va_norm){ .M = B * rows_of(t),
                                            .eps = t->vit->config.eps,
                                            .x = t->mean ? t->mean : x,
                                            .y = t->normed,
                                            .stats = t->norm_stats });
    return t->normed;
}

const void *va_vit_tape_out(const struct va_vit_tape *t)
{
    return t->normed;
}

/* ---- backward -------------------------------------------------------------------------- */

static void pick(struct va_vit_tape *t, int64_t n, const void *x, void *y)
{
    t->vit->be->ops->gather(
        t->vit->be,
        &(struct va_gather){
            .rows = n, .C = t->vit->config.width, .x = x, .index = t->index, .y = y });
}

/* From the gradient of the embedded rows to that of token k of parameter i, which is row `row` of every
 * picture. */
static void token_backward(struct va_vit_tape *t, const void *dx, int64_t i, int64_t k,
                           int64_t row)
{
    struct va_backend *be = t->vit->be;
    int64_t D = t->vit->config.width;

    for (int64_t b = 0; b < t->B; b++)
        t->index[b] = (int32_t)(b * t->T + row);
    pick(t, t->B, dx, t->packed);
    be->ops->linear_grad(be,
                         &(struct va_linear_grad){ .M = t->B, /* the sum of its rows */
                                                   .N = D,
                                                   .K = 1,
                                                   .dy = t->packed,
                                                   .lddy = D,
                                                   .dbias = va_at(be, at(t, i)->grad, k * D) });
}

/* From the gradient of the embedded rows. */
static void embed_backward(struct va_vit_tape *t, const void *dx)
{
    const struct va_vit_layers *l = &t->vit->layers;
    int64_t V = t->shape.V;

    token_backward(t, dx, l->cls, 0, 0);
    for (int64_t k = 0; k < t->prefix - 1; k++)
        token_backward(t, dx, l->registers, k, 1 + k);
    for (int64_t i = 0; i < t->B * V; i++)
        t->index[i] = (int32_t)(i / V * t->T + t->prefix + i % V);
    pick(t, t->B * V, dx, t->packed);
    va_dense_backward(
        t->vit->params, t->vit->layers.patch,
        &(struct va_linear_grad){ .M = t->B * V, .dy = t->packed, .x = t->patches });
}

/* dx [B, T, D] from the gradient of the mean, dmean [B, D], which is overwritten. */
static void mean_backward(struct va_vit_tape *t, void *dmean, void *dx)
{
    struct va_backend *be = t->vit->be;
    int64_t T = t->T, D = t->vit->config.width;
    const double share = 1 / (double)t->shape.V;

    be->ops->add_scaled(be, &(struct va_add_scaled){
                                .B = 1, .n = t->B * D, .s = &share, .f = dmean, .y = dmean });
    for (int64_t i = 0; i < t->B * T; i++)
        t->index[i] = i % T < t->prefix ? -1 : (int32_t)(i / T);
    pick(t, t->B * T, dmean, dx);
}

void va_vit_tape_backward(struct va_vit_tape *t, void *dout)
{
    bool all = t->shape.first == 0;
    void *dx;

    va_layernorm_backward(t->vit->params, t->vit->layers.norm,
                          &(struct va_norm_grad){ .M = t->B * rows_of(t),
                                                  .dy = dout,
                                                  .x = t->mean ? t->mean : t->acts.result,
                                                  .stats = t->norm_stats,
                                                  .dx = t->mean ? t->packed : t->grad[0] });
    if (t->mean)
        mean_backward(t, t->packed, t->grad[0]);
    dx = va_blocks_backward(&t->vit->layers.blocks, t->B, t->entered, &t->acts, t->grad, all);
    if (all && t->pre_stats) {
        void *other = t->grad[dx == t->grad[0]];

        va_layernorm_backward(t->vit->params, t->vit->layers.pre,
                              &(struct va_norm_grad){ .M = t->B * t->T,
                                                      .dy = dx,
                                                      .x = t->embedded,
                                                      .stats = t->pre_stats,
                                                      .dx = other });
        dx = other;
    }
    if (all)
        embed_backward(t, dx);
}
