#include "model/va_vit_tape.h"

#include "base/va_mem.h"
#include "model/va_vit_priv.h"
#include "nn/va_dense.h"
#include "nn/va_layernorm.h"

#define NORM_EPS 1e-6

struct va_vit_tape {
    struct va_vit *vit;
    struct va_vit_tape_shape shape;
    struct va_arena arena;
    struct va_block_acts acts[VA_VIT_DEPTH_MAX];
    struct va_block_scratch scratch;
    void *embedded;            /* [M, D], M = B (1 + V) */
    void *normed, *norm_stats; /* [Q, D], [Q, 2]; Q = M, or B with cls_only */
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
    int64_t from = l->cls, end = first < vit->config.depth ? l->blocks[first].norm1 : l->norm;

    for (int64_t i = from; first > 0 && i < end; i++)
        items[i].frozen = true;
}

/* ---- room ------------------------------------------------------------------------------ */

static int64_t queries_of(const struct va_vit_tape *t, int64_t i)
{
    return t->shape.cls_only && i + 1 == t->vit->config.depth ? 1 : 1 + t->shape.V;
}

/* Blocks without a tape work in place on the embedded rows, and share what they need. */
static void plan_frozen(struct va_vit_tape *t)
{
    const struct va_vit_config *c = &t->vit->config;
    int64_t M = t->shape.B * (1 + t->shape.V),
            wide = 3 * c->width > c->mlp ? 3 * c->width : c->mlp;
    void *y = va_arena_take(&t->arena, M, c->width), *qkv = va_arena_take(&t->arena, M, wide);

    for (int64_t i = 0; i < t->shape.first; i++)
        t->acts[i] = (struct va_block_acts){ .norm1 = y,
                                             .qkv = qkv,
                                             .att = y,
                                             .sum = t->embedded,
                                             .norm2 = y,
                                             .pre = qkv,
                                             .hidden = qkv,
                                             .out = t->embedded };
}

static void plan(struct va_vit_tape *t)
{
    const struct va_vit_tape_shape *s = &t->shape;
    const struct va_vit_config *c = &t->vit->config;
    struct va_arena *a = &t->arena;
    int64_t T = 1 + s->V, M = s->B * T, Q = s->cls_only ? s->B : M;
    void *branch = s->drop_path ? va_arena_take(a, M, c->width) : NULL;

    t->embedded = va_arena_take(a, M, c->width);
    if (s->first > 0)
        plan_frozen(t);
    for (int64_t i = s->first; i < c->depth; i++) {
        va_block_plan(&t->vit->layers.blocks[i], s->B, T, queries_of(t, i), true, a,
                      &t->acts[i]);
        t->acts[i].branch = branch;
    }
    t->normed = va_arena_take(a, Q, c->width);
    t->norm_stats = va_arena_take(a, Q, 2);
    t->grad[0] = va_arena_take(a, M, c->width);
    t->grad[1] = va_arena_take(a, M, c->width);
    t->packed = va_arena_take(a, s->B * s->V, c->width);
    va_block_plan_backward(&t->vit->layers.blocks[0], s->B, T, T, a, &t->scratch);
}

struct va_vit_tape *va_vit_tape_new(struct va_vit *vit, const struct va_vit_tape_shape *shape)
{
    struct va_vit_tape *t = va_new(1, sizeof(*t));
    int64_t M;

    if (!t)
        return NULL;
    t->vit = vit;
    t->shape = *shape;
    va_arena_init(&t->arena, vit->be);
    va_arena_begin(&t->arena);
    if (va_mul(shape->B, 1 + shape->V, &M) < 0)
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

/* Rows: position, and CLS token or patch. */
static void embed(struct va_vit_tape *t, int64_t B, const void *patches, const int32_t *places)
{
    struct va_backend *be = t->vit->be;
    const struct va_vit_config *c = &t->vit->config;
    int64_t V = t->shape.V, T = 1 + V, D = c->width;
    void *rows = va_at(be, t->embedded, D);

    for (int64_t i = 0; i < B * T; i++) {
        int64_t p = i % T - 1;

        t->index[i] = p < 0 ? 0 : (int32_t)(1 + (places ? places[i / T * V + p] : p));
    }
    be->ops->gather(be, &(struct va_gather){ .rows = B * T,
                                             .C = D,
                                             .x = at(t, t->vit->layers.pos)->value.data,
                                             .index = t->index,
                                             .y = t->embedded });
    be->ops->add(be, &(struct va_add){ .B = B,
                                       .n = D,
                                       .a = t->embedded,
                                       .b = at(t, t->vit->layers.cls)->value.data,
                                       .y = t->embedded,
                                       .stepa = T * D,
                                       .stepy = T * D });
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

/* What block i reads. */
static const void *input_of(const struct va_vit_tape *t, int64_t i)
{
    return i == 0 ? t->embedded : t->acts[i - 1].out;
}

const void *va_vit_tape_forward(struct va_vit_tape *t, int64_t B, const void *patches,
                                const int32_t *places, const double *keep)
{
    const struct va_vit_config *c = &t->vit->config;
    int64_t T = 1 + t->shape.V;

    t->B = B;
    t->patches = patches;
    embed(t, B, patches, places);
    for (int64_t i = 0; i < c->depth; i++) {
        t->acts[i].keep = keep && i >= t->shape.first ? keep + i * 2 * B : NULL;
        va_block_forward(&t->vit->layers.blocks[i], B, T, queries_of(t, i), 0, input_of(t, i),
                         &t->acts[i]);
    }
    va_layernorm_forward(t->vit->params, t->vit->layers.norm,
                         &(struct va_norm){ .M = t->shape.cls_only ? B : B * T,
                                            .eps = NORM_EPS,
                                            .x = t->acts[c->depth - 1].out,
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

/* From the gradient of the embedded rows. */
static void embed_backward(struct va_vit_tape *t, const void *dx)
{
    int64_t V = t->shape.V, T = 1 + V;
    struct va_backend *be = t->vit->be;
    int64_t D = t->vit->config.width;

    for (int64_t i = 0; i < t->B; i++)
        t->index[i] = (int32_t)(i * T);
    pick(t, t->B, dx, t->packed);
    be->ops->linear_grad(be,
                         &(struct va_linear_grad){ .M = t->B, /* the sum of its rows */
                                                   .N = D,
                                                   .K = 1,
                                                   .dy = t->packed,
                                                   .lddy = D,
                                                   .dbias = at(t, t->vit->layers.cls)->grad });
    for (int64_t i = 0; i < t->B * V; i++)
        t->index[i] = (int32_t)(i / V * T + 1 + i % V);
    pick(t, t->B * V, dx, t->packed);
    va_dense_backward(
        t->vit->params, t->vit->layers.patch,
        &(struct va_linear_grad){ .M = t->B * V, .dy = t->packed, .x = t->patches });
}

void va_vit_tape_backward(struct va_vit_tape *t, void *dout)
{
    const struct va_vit_config *c = &t->vit->config;
    int64_t T = 1 + t->shape.V, from = 0;

    va_layernorm_backward(t->vit->params, t->vit->layers.norm,
                          &(struct va_norm_grad){ .M = t->shape.cls_only ? t->B : t->B * T,
                                                  .dy = dout,
                                                  .x = t->acts[c->depth - 1].out,
                                                  .stats = t->norm_stats,
                                                  .dx = t->grad[0] });
    for (int64_t i = c->depth - 1; i >= t->shape.first; i--) {
        bool lowest = i == t->shape.first && i > 0;

        va_block_backward(&t->vit->layers.blocks[i], t->B, T, queries_of(t, i), input_of(t, i),
                          &t->acts[i], t->grad[from], lowest ? NULL : t->grad[1 - from],
                          &t->scratch);
        from = 1 - from;
    }
    if (t->shape.first == 0)
        embed_backward(t, t->grad[from]);
}
