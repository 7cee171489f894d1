#include "model/va_head.h"

#include "base/va_mem.h"
#include "model/va_head_priv.h"
#include "nn/va_dense.h"

static const double NORM_EPS = 1e-5;

/* ---- life ------------------------------------------------------------------------------ */

struct va_head *va_head_new(struct va_backend *be, const struct va_head_config *c,
                            enum va_head_init init, bool decay_all)
{
    struct va_head *head;

    if (va_head_config_check(c, "model") < 0)
        return NULL;
    head = va_new(1, sizeof(*head));
    if (!head)
        return NULL;
    head->be = be;
    head->config = *c;
    va_head_config_resolve(&head->config);
    va_params_init(&head->params, be);
    va_arena_init(&head->arena, be);
    if (va_head_declare(&head->layers, &head->params, &head->config, init, decay_all) < 0 ||
        va_params_allocate(&head->params) < 0 || va_stack_allocate(&head->layers.stack) < 0) {
        va_head_free(head);
        return NULL;
    }
    return head;
}

void va_head_free(struct va_head *head)
{
    if (!head)
        return;
    va_stack_release(&head->layers.stack);
    va_arena_release(&head->arena);
    va_params_release(&head->params);
    va_free(head);
}

struct va_params *va_head_params(struct va_head *head)
{
    return &head->params;
}

const struct va_head_config *va_head_config(const struct va_head *head)
{
    return &head->config;
}

/* ---- room ------------------------------------------------------------------------------ */

static int64_t widest(const struct va_head_config *c)
{
    int64_t width = c->hidden > c->width ? c->hidden : c->width;

    for (int64_t b = 0; b < c->blocks; b++)
        if (c->channels[b] > width)
            width = c->channels[b];
    return width;
}

static void plan_tcn(struct va_head *head, int64_t M, bool training)
{
    struct va_arena *a = &head->arena;
    void *shared[3] = { NULL };

    for (int i = 0; !training && head->config.blocks && i < 3; i++)
        shared[i] = va_arena_take(a, M, widest(&head->config));
    for (int64_t b = 0; b < head->config.blocks; b++) {
        struct va_tcn_acts *acts = &head->acts.tcn[b];
        int64_t C = head->config.channels[b];

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

void va_head_plan_top(struct va_head *head, int64_t B, int64_t T, bool training,
                      struct va_arena *a, struct va_head_acts *acts)
{
    int64_t D = head->config.width, M = B * T;

    if (head->layers.embed >= 0)
        acts->embedded = va_arena_take(a, M, D);
    if (head->config.in_norm) {
        acts->normed = va_arena_take(a, M, D);
        acts->norm_stats = training ? va_arena_take(a, M, 2) : NULL;
    }
    va_stack_plan(&head->layers.stack, B, T, training, a, &acts->stack);
    acts->proj = va_arena_take(a, M, D);
    acts->fc1 = va_arena_take(a, M, head->config.hidden);
}

/* The third gradient is only used by the TCN, the scratch only by the stack: they overlap. */
static void plan_backward(struct va_head *head, int64_t B, int64_t T)
{
    struct va_arena *a = &head->arena;
    struct va_tcn_scratch *s = &head->tcn_scratch;
    int64_t width = widest(&head->config), M = B * T, mark;

    s->grad[0] = va_arena_take(a, M, width);
    s->grad[1] = va_arena_take(a, M, width);
    mark = va_arena_mark(a);
    if (head->config.blocks)
        s->grad[2] = va_arena_take(a, M, width);
    va_arena_rewind(a, mark);
    va_stack_plan_backward(&head->layers.stack, B, T, a, &head->stack_scratch);
}

static void plan(struct va_head *head, int64_t B, int64_t T, bool training)
{
    plan_tcn(head, B * T, training);
    va_head_plan_top(head, B, T, training, &head->arena, &head->acts);
    if (training)
        plan_backward(head, B, T);
}

int va_head_reserve(struct va_head *head, int64_t B, int64_t T, bool training)
{
    int64_t M;

    va_arena_begin(&head->arena);
    if (va_mul(B, T, &M) < 0)
        head->arena.too_large = true;
    else
        plan(head, B, T, training);
    if (va_arena_commit(&head->arena) < 0)
        return -1;
    plan(head, B, T, training);
    return 0;
}

/* ---- forward --------------------------------------------------------------------------- */

/* Each TCN block has two masks, an embedding one; a step has room for 64 (see va_rand.h). */
static struct va_mask dropout_of(const struct va_head *head, int64_t b)
{
    struct va_mask drop = head->drop;

    drop.step = drop.step * 64 + 2 * (uint64_t)b;
    return drop;
}

/* The mask of the embedding on x [M, D] in place; also its gradient. */
static void drop_embedded(struct va_head *head, int64_t M, void *x)
{
    struct va_mask mask = dropout_of(head, 0);

    mask.first *= head->config.width;
    if (mask.p > 0)
        head->be->ops->dropout(
            head->be, &(struct va_dropout){
                          .count = M * head->config.width, .mask = mask, .x = x, .y = x });
}

void va_head_embed(struct va_head *head, int64_t M, const void *x,
                   const struct va_head_acts *acts)
{
    va_dense_forward(&head->params, head->layers.embed,
                     &(struct va_linear){ .M = M, .x = x, .y = acts->embedded });
    drop_embedded(head, M, acts->embedded);
}

void va_head_top_forward(struct va_head *head, int64_t B, int64_t T, const void *x,
                         struct va_head_acts *acts, struct va_stack_state *state, void *pred)
{
    const struct va_head_layers *l = &head->layers;
    const struct va_params *list = &head->params;
    int64_t M = B * T;

    if (head->config.in_norm) {
        head->be->ops->norm(head->be, &(struct va_norm){ .M = M,
                                                         .C = head->config.width,
                                                         .eps = NORM_EPS,
                                                         .x = x,
                                                         .y = acts->normed,
                                                         .stats = acts->norm_stats });
        x = acts->normed;
    }
    head->top = va_stack_forward(&l->stack, B, T, x, &acts->stack, state);
    va_dense_forward(list, l->proj,
                     &(struct va_linear){ .M = M, .x = head->top, .y = acts->proj });
    va_dense_forward(
        list, l->fc1,
        &(struct va_linear){ .M = M, .x = acts->proj, .act = VA_RELU, .y = acts->fc1 });
    va_dense_forward(list, l->fc2, &(struct va_linear){ .M = M, .x = acts->fc1, .y = pred });
}

void va_head_forward(struct va_head *head, int64_t B, int64_t T, const void *x, void *pred,
                     double dropout, uint64_t seed, uint64_t step, int64_t first)
{
    head->drop =
        (struct va_mask){ .p = dropout, .seed = seed, .step = step, .first = first * T };
    for (int64_t b = 0; b < head->config.blocks; b++) {
        struct va_mask drop = dropout_of(head, b);

        va_tcn_forward(&head->layers.tcn[b], B, T, 0, x, &head->acts.tcn[b], &drop);
        x = head->acts.tcn[b].out;
    }
    if (head->layers.embed >= 0) {
        va_head_embed(head, B * T, x, &head->acts);
        x = head->acts.embedded;
    }
    va_head_top_forward(head, B, T, x, &head->acts, NULL, pred);
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
static const void *bottom_of(const struct va_head *head)
{
    return head->layers.embed >= 0 ? head->acts.embedded
                                   : head->acts.tcn[head->config.blocks - 1].out;
}

/* From dpred to the gradient of the TCN's output, in s->grad[0]. */
static void top_backward(struct va_head *head, int64_t B, int64_t T, const void *dpred,
                         struct va_tcn_scratch *s)
{
    const struct va_head_layers *l = &head->layers;
    const struct va_head_acts *acts = &head->acts;
    const struct va_params *list = &head->params;
    const void *bottom = bottom_of(head);
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
    va_dense_backward(
        list, l->proj,
        &(struct va_linear_grad){ .M = M, .dy = s->grad[1], .x = head->top, .dx = s->grad[0] });
    va_stack_backward(&l->stack, B, T, head->config.in_norm ? acts->normed : bottom,
                      &acts->stack, s->grad, &head->stack_scratch);
    if (head->config.in_norm) {
        head->be->ops->norm_grad(head->be, &(struct va_norm_grad){ .M = M,
                                                                   .C = head->config.width,
                                                                   .dy = s->grad[0],
                                                                   .x = bottom,
                                                                   .stats = acts->norm_stats,
                                                                   .dx = s->grad[1] });
        turn(s);
    }
}

void va_head_backward(struct va_head *head, int64_t B, int64_t T, const void *x,
                      const void *dpred)
{
    struct va_tcn_scratch s = head->tcn_scratch;

    top_backward(head, B, T, dpred, &s);
    if (head->layers.embed >= 0) {
        drop_embedded(head, B * T, s.grad[0]);
        va_dense_backward(&head->params, head->layers.embed,
                          &(struct va_linear_grad){ .M = B * T, .dy = s.grad[0], .x = x });
    }
    for (int64_t b = head->config.blocks - 1; b >= 0; b--) {
        struct va_mask drop = dropout_of(head, b);

        va_tcn_backward(&head->layers.tcn[b], B, T, b ? head->acts.tcn[b - 1].out : x,
                        &head->acts.tcn[b], &drop, b > 0, &s);
        turn(&s);
    }
}
