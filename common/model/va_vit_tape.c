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
    void *keep;                /* [depth, 2, B] */
    /* Rows, int32_t: positions of the embedded ones [M], patches' rows [B V] among them. */
    void *places, *patch_rows;
    /* with `mean`: of each row of M the picture whose mean has it, or -1; its share of that */
    void *mean_rows, *share;
    int32_t *index; /* [M] on the host */
    bool placed;    /* places are not those of all patches */
    /* of the last batch: */
    int64_t B;
    bool keeps;
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
    bool mean = queries_of(t) != rows_of(t);

    t->embedded = va_arena_take(a, M, c->width);
    t->entered = c->pre_norm ? va_arena_take(a, M, c->width) : t->embedded;
    t->pre_stats = c->pre_norm ? va_arena_take(a, M, 2) : NULL;
    va_blocks_plan(&t->vit->layers.blocks,
                   &(struct va_blocks_shape){
                       .B = s->B, .T = T, .queries = queries_of(t), .first = s->first },
                   a, &t->acts);
    t->mean = mean ? va_arena_take(a, Q, c->width) : NULL;
    t->normed = va_arena_take(a, Q, c->width);
    t->norm_stats = va_arena_take(a, Q, 2);
    t->grad[0] = va_arena_take(a, M, c->width);
    t->grad[1] = va_arena_take(a, M, c->width);
    t->packed = va_arena_take(a, s->B * s->V, c->width);
    t->keep = va_arena_take(a, c->depth * 2, s->B);
    t->places = va_arena_take(a, M, 1);
    t->patch_rows = va_arena_take(a, s->B, s->V);
    t->mean_rows = mean ? va_arena_take(a, M, 1) : NULL;
    t->share = mean ? va_arena_take(a, 1, 1) : NULL;
}

static void put_index(struct va_vit_tape *t, void *to, int64_t n)
{
    struct va_backend *be = t->vit->be;

    be->ops->put_bytes(be, to, t->index, n * (int64_t)sizeof(*t->index));
}

/* Positions of the rows of B pictures: of the tokens, then of the patches in `places` or of all. */
static void put_places(struct va_vit_tape *t, int64_t B, const int32_t *places)
{
    for (int64_t i = 0; i < B * t->T; i++) {
        int64_t row = i % t->T, p = row - t->prefix;

        t->index[i] =
            (int32_t)(p < 0 || !places ? row : t->prefix + places[i / t->T * t->shape.V + p]);
    }
    put_index(t, t->places, B * t->T);
    t->placed = places != NULL;
}

static void put_mean(struct va_vit_tape *t)
{
    struct va_backend *be = t->vit->be;
    const double share = 1 / (double)t->shape.V;

    for (int64_t i = 0; i < t->shape.B * t->T; i++)
        t->index[i] = i % t->T < t->prefix ? -1 : (int32_t)(i / t->T);
    put_index(t, t->mean_rows, t->shape.B * t->T);
    be->ops->put_f64(be, t->share, &share, 1);
}

/* Tables that hold for any batch. */
static void put_tables(struct va_vit_tape *t)
{
    int64_t B = t->shape.B, V = t->shape.V;

    for (int64_t i = 0; i < B * V; i++)
        t->index[i] = (int32_t)(i / V * t->T + t->prefix + i % V);
    put_index(t, t->patch_rows, B * V);
    put_places(t, B, NULL);
    if (t->mean)
        put_mean(t);
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
    put_tables(t);
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

void va_vit_tape_put(struct va_vit_tape *t, int64_t B, const int32_t *places,
                     const double *keep)
{
    struct va_backend *be = t->vit->be;

    t->B = B;
    if (places || t->placed)
        put_places(t, places ? B : t->shape.B, places);
    t->keeps = keep != NULL;
    if (keep)
        be->ops->put_f64(be, t->keep, keep, t->vit->config.depth * 2 * B);
}

/* The tokens of parameter i to rows from `row` on of every picture. */
static void add_tokens(struct va_vit_tape *t, int64_t i, int64_t row)
{
    struct va_backend *be = t->vit->be;
    int64_t D = t->vit->config.width;
    void *rows = va_at(be, t->embedded, row * D);

    be->ops->add(be, &(struct va_add){ .B = t->B,
                                       .n = at(t, i)->count,
                                       .a = rows,
                                       .b = at(t, i)->value.data,
                                       .y = rows,
                                       .stepa = t->T * D,
                                       .stepy = t->T * D });
}

/* Rows: position, and a token or patch. */
static void embed(struct va_vit_tape *t, const void *patches)
{
    struct va_backend *be = t->vit->be;
    const struct va_vit_config *c = &t->vit->config;
    int64_t B = t->B, V = t->shape.V, T = t->T, D = c->width;
    void *rows = va_at(be, t->embedded, t->prefix * D);

    be->ops->gather(be, &(struct va_gather){ .rows = B * T,
                                             .C = D,
                                             .x = at(t, t->vit->layers.pos)->value.data,
                                             .index = t->places,
                                             .y = t->embedded });
    add_tokens(t, t->vit->layers.cls, 0);
    if (t->vit->layers.registers >= 0)
        add_tokens(t, t->vit->layers.registers, 1);
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

const void *va_vit_tape_forward(struct va_vit_tape *t, const void *patches)
{
    int64_t B = t->B;
    const void *x;

    t->patches = patches;
    embed(t, patches);
    if (t->pre_stats)
        va_layernorm_forward(t->vit->params, t->vit->layers.pre,
                             &(struct va_norm){ .M = B * t->T,
                                                .eps = t->vit->config.eps,
                                                .x = t->embedded,
                                                .y = t->entered,
                                                .stats = t->pre_stats });
    x = va_blocks_forward(&t->vit->layers.blocks, B, queries_of(t), t->entered,
                          t->keeps ? t->keep : NULL, &t->acts);
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

static void pick(struct va_vit_tape *t, int64_t n, const void *rows, const void *x, void *y)
{
    t->vit->be->ops->gather(
        t->vit->be, &(struct va_gather){
                        .rows = n, .C = t->vit->config.width, .x = x, .index = rows, .y = y });
}

/* From the gradient of the embedded rows to that of parameter i, whose tokens are rows from `row` on of every
 * picture: the sum over pictures. */
static void tokens_backward(struct va_vit_tape *t, const void *dx, int64_t i, int64_t row)
{
    struct va_backend *be = t->vit->be;
    int64_t D = t->vit->config.width;

    be->ops->linear_grad(be, &(struct va_linear_grad){ .M = t->B,
                                                       .N = at(t, i)->count,
                                                       .K = 1,
                                                       .dy = va_at(be, dx, row * D),
                                                       .lddy = t->T * D,
                                                       .dbias = at(t, i)->grad });
}

/* From the gradient of the embedded rows. */
static void embed_backward(struct va_vit_tape *t, const void *dx)
{
    const struct va_vit_layers *l = &t->vit->layers;
    int64_t V = t->shape.V;

    tokens_backward(t, dx, l->cls, 0);
    if (l->registers >= 0)
        tokens_backward(t, dx, l->registers, 1);
    pick(t, t->B * V, t->patch_rows, dx, t->packed);
    va_dense_backward(
        t->vit->params, l->patch,
        &(struct va_linear_grad){ .M = t->B * V, .dy = t->packed, .x = t->patches });
}

/* dx [B, T, D] from the gradient of the mean, dmean [B, D], which is overwritten. */
static void mean_backward(struct va_vit_tape *t, void *dmean, void *dx)
{
    struct va_backend *be = t->vit->be;
    int64_t D = t->vit->config.width;

    be->ops->add_scaled(be, &(struct va_add_scaled){
                                .B = 1, .n = t->B * D, .s = t->share, .f = dmean, .y = dmean });
    pick(t, t->B * t->T, t->mean_rows, dmean, dx);
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
