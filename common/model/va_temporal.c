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

void va_temporal_plan_top(struct va_temporal *model, int64_t B, int64_t T, bool training,
                          struct va_arena *a, struct va_temporal_acts *acts)
{
    int64_t D = model->config.width, M = B * T;

    va_cross_plan(&model->layers.cross, M, training, a, &acts->cross);
    if (model->config.in_norm) {
        acts->normed = va_arena_take(a, M, D);
        acts->norm_stats = training ? va_arena_take(a, M, 2) : NULL;
    }
    va_stack_plan(&model->layers.stack, B, T, training, a, &acts->stack);
    acts->proj = va_arena_take(a, M, D);
    acts->fc1 = va_arena_take(a, M, model->config.hidden);
}

/* The most numbers of a frame in a gradient. */
static int64_t widest(const struct va_temporal *model)
{
    int64_t width = va_fusion_widest(&model->layers.fusion);

    if (model->config.hidden > width)
        width = model->config.hidden;
    for (int64_t k = 0; k < model->layers.trunks; k++)
        if (va_trunk_widest(&model->layers.trunk[k]) > width)
            width = va_trunk_widest(&model->layers.trunk[k]);
    return width;
}

/* The third gradient is only used by the trunks, and cross_scratch until they are done; the scratch of the stack
 * before that: they overlap. */
static void plan_backward(struct va_temporal *model, int64_t B, int64_t T)
{
    struct va_arena *a = &model->arena;
    struct va_tcn_scratch *s = &model->tcn_scratch;
    int64_t width = widest(model), M = B * T, mark;

    s->grad[0] = va_arena_take(a, M, width);
    s->grad[1] = va_arena_take(a, M, width);
    mark = va_arena_mark(a);
    if (model->config.blocks)
        s->grad[2] = va_arena_take(a, M, width);
    va_cross_plan_backward(&model->layers.cross, M, a, &model->cross_scratch);
    va_arena_rewind(a, mark);
    va_stack_plan_backward(&model->layers.stack, B, T, a, &model->acts.stack);
}

static void plan(struct va_temporal *model, int64_t B, int64_t T, bool training)
{
    va_fusion_plan(&model->layers.fusion, B * T, training, &model->arena, &model->acts.fusion);
    for (int64_t k = 0; k < model->layers.trunks; k++)
        va_trunk_plan(&model->layers.trunk[k], B * T, training, &model->arena,
                      &model->acts.trunk[k]);
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

const void *va_temporal_trunk_input(const struct va_temporal *model, int64_t k, const void *x,
                                    const struct va_temporal_acts *acts)
{
    const struct va_fusion *f = &model->layers.fusion;

    return f->apart ? acts->fusion.apart[k] : f->count ? acts->fusion.out : x;
}

const void *va_temporal_join(const struct va_temporal *model, int64_t M, const void *const *h,
                             const struct va_temporal_acts *acts)
{
    return model->layers.cross.count
               ? va_cross_forward(&model->layers.cross, M, h, &acts->cross)
               : h[0];
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
    const void *h[VA_STREAMS_MAX];

    model->drop = (struct va_mask){ .p = dropout, .step = step, .first = first * T };
    va_fusion_forward(&model->layers.fusion, B * T, x, &model->acts.fusion);
    for (int64_t k = 0; k < model->layers.trunks; k++)
        h[k] = va_trunk_forward(&model->layers.trunk[k], B, T,
                                va_temporal_trunk_input(model, k, x, &model->acts),
                                &model->acts.trunk[k], &model->drop);
    model->bottom = va_temporal_join(model, B * T, h, &model->acts);
    va_temporal_top_forward(model, B, T, model->bottom, &model->acts, pred);
}

/* ---- backward -------------------------------------------------------------------------- */

/* The gradient at hand is always in grad[0]. */
static void turn(struct va_tcn_scratch *s)
{
    void *t = s->grad[0];

    s->grad[0] = s->grad[1];
    s->grad[1] = t;
}

/* From dpred to the gradient of model->bottom, in s->grad[0]. */
static void top_backward(struct va_temporal *model, int64_t B, int64_t T, const void *dpred,
                         struct va_tcn_scratch *s)
{
    const struct va_temporal_layers *l = &model->layers;
    const struct va_temporal_acts *acts = &model->acts;
    const struct va_params *list = &model->params;
    const void *bottom = model->bottom;
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

/* From the gradient of what attention across streams gave, in s->grad[0]. */
static void streams_backward(struct va_temporal *model, int64_t B, int64_t T,
                             struct va_tcn_scratch *s)
{
    const struct va_temporal_layers *l = &model->layers;
    struct va_temporal_acts *acts = &model->acts;
    const void *h[VA_STREAMS_MAX];

    for (int64_t k = 0; k < l->trunks; k++)
        h[k] = va_trunk_out(&l->trunk[k], &acts->trunk[k]);
    va_cross_backward(&l->cross, B * T, h, &acts->cross, s->grad[0], &model->cross_scratch);
    for (int64_t k = 0; k < l->trunks; k++) {
        model->be->ops->copy(model->be, s->grad[0], model->cross_scratch.dh[k],
                             B * T * model->config.width);
        va_trunk_backward(&model->layers.trunk[k], B, T, acts->fusion.apart[k], &acts->trunk[k],
                          &model->drop, true, s);
        va_fusion_part_backward(&l->fusion, k, B * T, &acts->fusion, s->grad[0], l->trunk[k].in,
                                s->grad[1]);
    }
}

void va_temporal_backward(struct va_temporal *model, int64_t B, int64_t T, const void *x,
                          const void *dpred)
{
    struct va_tcn_scratch s = model->tcn_scratch;
    struct va_temporal_layers *l = &model->layers;

    top_backward(model, B, T, dpred, &s);
    if (l->cross.count) {
        streams_backward(model, B, T, &s);
        return;
    }
    va_trunk_backward(&l->trunk[0], B, T, va_temporal_trunk_input(model, 0, x, &model->acts),
                      &model->acts.trunk[0], &model->drop, l->fusion.count, &s);
    va_fusion_backward(&l->fusion, B * T, &model->acts.fusion, s.grad[0], s.grad[1]);
}
