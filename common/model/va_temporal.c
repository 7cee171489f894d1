#include "model/va_temporal.h"

#include "base/va_mem.h"
#include "model/va_temporal_priv.h"
#include "nn/va_dense.h"

static const double NORM_EPS = 1e-5;

/* ---- life ------------------------------------------------------------------------------ */

struct va_temporal *va_temporal_new(struct va_backend *be, const struct va_temporal_config *c,
                                    enum va_temporal_init init, bool decay_all)
{
    struct va_temporal *model;

    if (va_temporal_config_check(c, "model") < 0)
        return NULL;
    model = va_new(1, sizeof(*model));
    if (!model)
        return NULL;
    model->be = be;
    model->config = *c;
    va_temporal_config_resolve(&model->config);
    va_params_init(&model->params, be);
    va_arena_init(&model->arena, be);
    if (va_temporal_declare(&model->layers, &model->params, &model->config, init, decay_all) <
            0 ||
        va_params_allocate(&model->params) < 0 ||
        va_stack_acts_init(&model->acts.stack, &model->layers.stack, false) < 0) {
        va_temporal_free(model);
        return NULL;
    }
    return model;
}

void va_temporal_free(struct va_temporal *model)
{
    if (!model)
        return;
    va_stack_acts_release(&model->acts.stack, &model->layers.stack);
    va_temporal_layers_release(&model->layers);
    va_arena_release(&model->arena);
    va_params_release(&model->params);
    va_free(model);
}

struct va_params *va_temporal_params(struct va_temporal *model)
{
    return &model->params;
}

const struct va_temporal_config *va_temporal_config(const struct va_temporal *model)
{
    return &model->config;
}

/* ---- room ------------------------------------------------------------------------------ */

int64_t va_temporal_entrance(const struct va_temporal *model)
{
    return model->layers.fusion.count ? model->layers.fusion.out : model->config.in_dim;
}

static int64_t widest(const struct va_temporal_config *c)
{
    int64_t width = c->hidden > c->width ? c->hidden : c->width;

    for (int64_t b = 0; b < c->blocks; b++)
        if (c->channels[b] > width)
            width = c->channels[b];
    return width;
}

static void plan_tcn(struct va_temporal *model, int64_t M, bool training)
{
    struct va_arena *a = &model->arena;
    void *shared[3] = { NULL };

    for (int i = 0; !training && model->config.blocks && i < 3; i++)
        shared[i] = va_arena_take(a, M, widest(&model->config));
    for (int64_t b = 0; b < model->config.blocks; b++) {
        struct va_tcn_acts *acts = &model->acts.tcn[b];
        int64_t C = model->config.channels[b];

        if (training) {
            acts->c1 = va_arena_take(a, M, C);
            acts->y1 = va_arena_take(a, M, C);
            acts->c2 = va_arena_take(a, M, C);
            acts->sum = va_arena_take(a, M, C);
            acts->out = va_arena_take(a, M, C);
        } else {
            acts->c1 = acts->y1 = shared[0];
            acts->c2 = acts->sum = acts->out = shared[1 + b % 2];
        }
    }
}

void va_temporal_plan_top(struct va_temporal *model, int64_t B, int64_t T, bool training,
                          struct va_arena *a, struct va_temporal_acts *acts)
{
    int64_t D = model->config.width, M = B * T;

    if (model->layers.embed >= 0)
        acts->embedded = va_arena_take(a, M, D);
    if (model->config.in_norm) {
        acts->normed = va_arena_take(a, M, D);
        acts->norm_stats = training ? va_arena_take(a, M, 2) : NULL;
    }
    va_stack_plan(&model->layers.stack, B, T, training, a, &acts->stack);
    acts->proj = va_arena_take(a, M, D);
    acts->fc1 = va_arena_take(a, M, model->config.hidden);
}

/* The third gradient is only used by the TCN, the scratch only by the stack: they overlap. */
static void plan_backward(struct va_temporal *model, int64_t B, int64_t T)
{
    struct va_arena *a = &model->arena;
    struct va_tcn_scratch *s = &model->tcn_scratch;
    int64_t width = widest(&model->config), M = B * T, mark;
    int64_t fused = va_fusion_widest(&model->layers.fusion);

    width = fused > width ? fused : width;
    s->grad[0] = va_arena_take(a, M, width);
    s->grad[1] = va_arena_take(a, M, width);
    mark = va_arena_mark(a);
    if (model->config.blocks)
        s->grad[2] = va_arena_take(a, M, width);
    va_arena_rewind(a, mark);
    va_stack_plan_backward(&model->layers.stack, B, T, a, &model->acts.stack);
}

static void plan(struct va_temporal *model, int64_t B, int64_t T, bool training)
{
    va_fusion_plan(&model->layers.fusion, B * T, training, &model->arena, &model->acts.fusion);
    plan_tcn(model, B * T, training);
    va_temporal_plan_top(model, B, T, training, &model->arena, &model->acts);
    if (training)
        plan_backward(model, B, T);
}

int va_temporal_reserve(struct va_temporal *model, int64_t B, int64_t T, bool training)
{
    int64_t M;

    va_arena_begin(&model->arena);
    if (va_mul(B, T, &M) < 0)
        model->arena.too_large = true;
    else
        plan(model, B, T, training);
    if (va_arena_commit(&model->arena) < 0)
        return -1;
    plan(model, B, T, training);
    return 0;
}

/* ---- forward --------------------------------------------------------------------------- */

/* Each TCN block has two masks, an embedding one. */
static struct va_mask dropout_of(const struct va_temporal *model, int64_t b)
{
    struct va_mask drop = model->drop;

    drop.stream = 2 * b;
    return drop;
}

/* The mask of the embedding on x [M, D] in place; also its gradient. */
static void drop_embedded(struct va_temporal *model, int64_t M, void *x)
{
    struct va_mask mask = dropout_of(model, 0);

    mask.first *= model->config.width;
    if (mask.p > 0)
        model->be->ops->dropout(
            model->be, &(struct va_dropout){
                           .count = M * model->config.width, .mask = mask, .x = x, .y = x });
}

void va_temporal_embed(struct va_temporal *model, int64_t M, const void *x,
                       const struct va_temporal_acts *acts)
{
    va_dense_forward(&model->params, model->layers.embed,
                     &(struct va_linear){ .M = M, .x = x, .y = acts->embedded });
    drop_embedded(model, M, acts->embedded);
}

void va_temporal_top_forward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                             struct va_temporal_acts *acts, void *pred)
{
    const struct va_temporal_layers *l = &model->layers;
    const struct va_params *list = &model->params;
    int64_t M = B * T;

    if (model->config.in_norm) {
        model->be->ops->norm(model->be, &(struct va_norm){ .M = M,
                                                           .C = model->config.width,
                                                           .eps = NORM_EPS,
                                                           .x = x,
                                                           .y = acts->normed,
                                                           .stats = acts->norm_stats });
        x = acts->normed;
    }
    model->top = va_stack_forward(&l->stack, B, T, x, &acts->stack);
    va_dense_forward(list, l->proj,
                     &(struct va_linear){ .M = M, .x = model->top, .y = acts->proj });
    va_dense_forward(
        list, l->fc1,
        &(struct va_linear){ .M = M, .x = acts->proj, .act = VA_RELU, .y = acts->fc1 });
    va_dense_forward(list, l->fc2, &(struct va_linear){ .M = M, .x = acts->fc1, .y = pred });
}

void va_temporal_forward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                         void *pred, double dropout, const void *step, int64_t first)
{
    model->drop = (struct va_mask){ .p = dropout, .step = step, .first = first * T };
    x = va_fusion_forward(&model->layers.fusion, B * T, x, &model->acts.fusion);
    for (int64_t b = 0; b < model->config.blocks; b++) {
        struct va_mask drop = dropout_of(model, b);

        va_tcn_forward(&model->layers.tcn[b], B, T, 0, x, &model->acts.tcn[b], &drop);
        x = model->acts.tcn[b].out;
    }
    if (model->layers.embed >= 0) {
        va_temporal_embed(model, B * T, x, &model->acts);
        x = model->acts.embedded;
    }
    va_temporal_top_forward(model, B, T, x, &model->acts, pred);
}

/* ---- backward -------------------------------------------------------------------------- */

/* The gradient at hand is always in grad[0]. */
static void turn(struct va_tcn_scratch *s)
{
    void *t = s->grad[0];

    s->grad[0] = s->grad[1];
    s->grad[1] = t;
}

/* What lies below the stack and its norm, [M, D]. */
static const void *bottom_of(const struct va_temporal *model)
{
    return model->layers.embed >= 0 ? model->acts.embedded
                                    : model->acts.tcn[model->config.blocks - 1].out;
}

/* From dpred to the gradient of the TCN's output, in s->grad[0]. */
static void top_backward(struct va_temporal *model, int64_t B, int64_t T, const void *dpred,
                         struct va_tcn_scratch *s)
{
    const struct va_temporal_layers *l = &model->layers;
    const struct va_temporal_acts *acts = &model->acts;
    const struct va_params *list = &model->params;
    const void *bottom = bottom_of(model);
    int64_t M = B * T;

    va_dense_backward(list, l->fc2,
                      &(struct va_linear_grad){ .M = M,
                                                .dy = dpred,
                                                .x = acts->fc1,
                                                .dx = s->grad[0],
                                                .act = VA_RELU,
                                                .pre = acts->fc1,
                                                .out = acts->fc1 });
    va_dense_backward(list, l->fc1,
                      &(struct va_linear_grad){
                          .M = M, .dy = s->grad[0], .x = acts->proj, .dx = s->grad[1] });
    va_dense_backward(list, l->proj,
                      &(struct va_linear_grad){
                          .M = M, .dy = s->grad[1], .x = model->top, .dx = s->grad[0] });
    va_stack_backward(&l->stack, B, T, model->config.in_norm ? acts->normed : bottom,
                      &acts->stack, s->grad);
    if (model->config.in_norm) {
        model->be->ops->norm_grad(model->be, &(struct va_norm_grad){ .M = M,
                                                                     .C = model->config.width,
                                                                     .dy = s->grad[0],
                                                                     .x = bottom,
                                                                     .stats = acts->norm_stats,
                                                                     .dx = s->grad[1] });
        turn(s);
    }
}

void va_temporal_backward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                          const void *dpred)
{
    struct va_tcn_scratch s = model->tcn_scratch;
    bool fused = model->layers.fusion.count;

    x = fused ? model->acts.fusion.out : x;
    top_backward(model, B, T, dpred, &s);
    if (model->layers.embed >= 0) {
        drop_embedded(model, B * T, s.grad[0]);
        va_dense_backward(
            &model->params, model->layers.embed,
            &(struct va_linear_grad){
                .M = B * T, .dy = s.grad[0], .x = x, .dx = fused ? s.grad[1] : NULL });
        turn(&s);
    }
    for (int64_t b = model->config.blocks - 1; b >= 0; b--) {
        struct va_mask drop = dropout_of(model, b);

        va_tcn_backward(&model->layers.tcn[b], B, T, b ? model->acts.tcn[b - 1].out : x,
                        &model->acts.tcn[b], &drop, b > 0 || fused, &s);
        turn(&s);
    }
    va_fusion_backward(&model->layers.fusion, B * T, &model->acts.fusion, s.grad[0], s.grad[1]);
}
