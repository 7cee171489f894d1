#include "nn/va_head.h"

#include "base/va_mem.h"
#include "nn/va_head_priv.h"

static const double NORM_EPS = 1e-5;

/* ---- life ------------------------------------------------------------------------------ */

static int allocate(struct va_head *head)
{
    if (va_params_allocate(&head->params) < 0)
        return -1;
    for (int64_t b = 0; b < head->config.blocks; b++)
        if (va_tcn_allocate(&head->layers.tcn[b]) < 0)
            return -1;
    for (int64_t l = 0; l < head->config.layers; l++)
        if (va_mamba_allocate(&head->layers.mamba[l]) < 0)
            return -1;
    return 0;
}

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
    head->config.dt_rank = va_head_rank(c);
    va_params_init(&head->params, be);
    va_arena_init(&head->arena, be);
    if (va_head_declare(&head->layers, &head->params, &head->config, init, decay_all) < 0 ||
        allocate(head) < 0) {
        va_head_free(head);
        return NULL;
    }
    return head;
}

void va_head_free(struct va_head *head)
{
    if (!head)
        return;
    for (int64_t b = 0; b < head->config.blocks; b++)
        va_tcn_release(&head->layers.tcn[b]);
    for (int64_t l = 0; l < head->config.layers; l++)
        va_mamba_release(&head->layers.mamba[l]);
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

void va_head_changed(struct va_head *head)
{
    for (int64_t i = 0; i < head->params.count; i++)
        va_weight_changed(&head->params.items[i].value);
    for (int64_t b = 0; b < head->config.blocks; b++)
        va_tcn_changed(&head->layers.tcn[b]);
    for (int64_t l = 0; l < head->config.layers; l++)
        va_mamba_changed(&head->layers.mamba[l]);
}

/* ---- room ------------------------------------------------------------------------------ */

static int64_t widest(const struct va_head_config *c)
{
    int64_t width = c->hidden;

    for (int64_t b = 0; b < c->blocks; b++)
        if (c->channels[b] > width)
            width = c->channels[b];
    return width;
}

static void plan_tcn(struct va_head *head, int64_t M, bool training)
{
    struct va_arena *a = &head->arena;
    void *shared[3] = { NULL };

    for (int i = 0; !training && i < 3; i++)
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

void va_head_plan_top(struct va_head *head, int64_t M, bool training, struct va_arena *a,
                      struct va_head_acts *acts)
{
    int64_t D = va_head_dim(&head->config);

    if (head->config.in_norm) {
        acts->normed = va_arena_take(a, M, D);
        acts->norm_stats = training ? va_arena_take(a, M, 2) : NULL;
    }
    for (int64_t l = 0; l < head->config.layers; l++)
        if (training || l < 2)
            va_mamba_plan(&head->layers.mamba[l], M, training, a, &acts->mamba[l]);
        else
            acts->mamba[l] = acts->mamba[l - 2];
    acts->proj = va_arena_take(a, M, D);
    acts->fc1 = va_arena_take(a, M, head->config.hidden);
}

/* The third gradient and dW are only used by the TCN, the scratch only by Mamba: they overlap. */
static void plan_backward(struct va_head *head, int64_t M)
{
    struct va_arena *a = &head->arena;
    struct va_tcn_scratch *s = &head->tcn_scratch;
    int64_t width = widest(&head->config), dw = 0, mark;

    for (int64_t b = 0; b < head->config.blocks; b++)
        for (int i = 0; i < 2; i++) {
            const struct va_tcn_conv *c = &head->layers.tcn[b].conv[i];

            if (c->Cout * c->Cin * c->K > dw)
                dw = c->Cout * c->Cin * c->K;
        }
    s->grad[0] = va_arena_take(a, M, width);
    s->grad[1] = va_arena_take(a, M, width);
    mark = va_arena_mark(a);
    s->grad[2] = va_arena_take(a, M, width);
    s->dw = va_arena_take(a, 1, dw);
    va_arena_rewind(a, mark);
    va_mamba_plan_backward(&head->layers.mamba[0], M, a, &head->mamba_scratch);
}

static void plan(struct va_head *head, int64_t M, bool training)
{
    plan_tcn(head, M, training);
    va_head_plan_top(head, M, training, &head->arena, &head->acts);
    if (training)
        plan_backward(head, M);
}

int va_head_reserve(struct va_head *head, int64_t B, int64_t T, bool training)
{
    int64_t M;

    va_arena_begin(&head->arena);
    if (va_mul(B, T, &M) < 0)
        head->arena.too_large = true;
    else
        plan(head, M, training);
    if (va_arena_commit(&head->arena) < 0)
        return -1;
    plan(head, M, training);
    return 0;
}

/* ---- forward --------------------------------------------------------------------------- */

/* y [M, N] = act(x W^T + b) */
static void linear(struct va_head *head, int64_t M, const void *x, int64_t w, int64_t b,
                   enum va_unary act, void *y)
{
    struct va_param *p = &head->params.items[w];

    head->be->ops->linear(head->be,
                          &(struct va_linear){ .M = M,
                                               .N = p->shape[0],
                                               .K = p->shape[1],
                                               .x = x,
                                               .ldx = p->shape[1],
                                               .w = &p->value,
                                               .bias = head->params.items[b].value.data,
                                               .act = act,
                                               .y = y,
                                               .ldy = p->shape[0] });
}

void va_head_top_forward(struct va_head *head, int64_t B, int64_t T, const void *x,
                         const struct va_head_acts *acts, const struct va_mamba_state *states,
                         void *pred)
{
    const struct va_head_layers *l = &head->layers;
    int64_t M = B * T;

    if (head->config.in_norm) {
        head->be->ops->norm(head->be, &(struct va_norm){ .M = M,
                                                         .C = va_head_dim(&head->config),
                                                         .eps = NORM_EPS,
                                                         .x = x,
                                                         .y = acts->normed,
                                                         .stats = acts->norm_stats });
        x = acts->normed;
    }
    for (int64_t i = 0; i < head->config.layers; i++) {
        va_mamba_forward(&head->layers.mamba[i], B, T, x, &acts->mamba[i], &states[i]);
        x = acts->mamba[i].out;
    }
    linear(head, M, x, l->proj_w, l->proj_b, VA_IDENTITY, acts->proj);
    linear(head, M, acts->proj, l->fc1_w, l->fc1_b, VA_RELU, acts->fc1);
    linear(head, M, acts->fc1, l->fc2_w, l->fc2_b, VA_IDENTITY, pred);
}

/* Each block has two masks; a step has room for 64 (see va_rand.h). */
static struct va_tcn_dropout dropout_of(const struct va_head *head, int64_t b)
{
    struct va_tcn_dropout drop = head->drop;

    drop.step = drop.step * 64 + 2 * (uint64_t)b;
    return drop;
}

void va_head_forward(struct va_head *head, int64_t B, int64_t T, const void *x, void *pred,
                     double dropout, uint64_t seed, uint64_t step, int64_t first)
{
    static const struct va_mamba_state fresh[VA_HEAD_LAYERS_MAX];

    head->drop =
        (struct va_tcn_dropout){ .p = dropout, .seed = seed, .step = step, .first = first * T };
    for (int64_t b = 0; b < head->config.blocks; b++) {
        struct va_tcn_dropout drop = dropout_of(head, b);

        va_tcn_forward(&head->layers.tcn[b], B, T, 0, x, &head->acts.tcn[b], &drop);
        x = head->acts.tcn[b].out;
    }
    va_head_top_forward(head, B, T, x, &head->acts, fresh, pred);
}

/* ---- backward -------------------------------------------------------------------------- */

/* dx [M, K] = dy W; gradients of W and b from x */
static void linear_grad(struct va_head *head, int64_t M, const void *dy, const void *x,
                        int64_t w, int64_t b, void *dx)
{
    struct va_param *p = &head->params.items[w];

    head->be->ops->linear_grad(head->be,
                               &(struct va_linear_grad){ .M = M,
                                                         .N = p->shape[0],
                                                         .K = p->shape[1],
                                                         .dy = dy,
                                                         .lddy = p->shape[0],
                                                         .x = x,
                                                         .ldx = p->shape[1],
                                                         .w = &p->value,
                                                         .dx = dx,
                                                         .lddx = p->shape[1],
                                                         .dw = p->grad,
                                                         .dbias = head->params.items[b].grad });
}

/* The gradient at hand is always in grad[0]. */
static void turn(struct va_tcn_scratch *s)
{
    void *t = s->grad[0];

    s->grad[0] = s->grad[1];
    s->grad[1] = t;
}

/* From dpred to the gradient of the TCN's output, in s->grad[0]. */
static void top_backward(struct va_head *head, int64_t B, int64_t T, const void *dpred,
                         struct va_tcn_scratch *s)
{
    const struct va_head_layers *l = &head->layers;
    const struct va_head_acts *acts = &head->acts;
    const struct va_ops *ops = head->be->ops;
    const void *bottom = acts->tcn[head->config.blocks - 1].out; /* [M, D] */
    const void *first = head->config.in_norm ? acts->normed : bottom;
    int64_t M = B * T, n = head->config.layers;

    linear_grad(head, M, dpred, acts->fc1, l->fc2_w, l->fc2_b, s->grad[0]);
    ops->unary_grad(head->be, VA_RELU, M * head->config.hidden, acts->fc1, acts->fc1,
                    s->grad[0], s->grad[0]);
    linear_grad(head, M, s->grad[0], acts->proj, l->fc1_w, l->fc1_b, s->grad[1]);
    linear_grad(head, M, s->grad[1], acts->mamba[n - 1].out, l->proj_w, l->proj_b, s->grad[0]);
    for (int64_t i = n - 1; i >= 0; i--) {
        va_mamba_backward(&head->layers.mamba[i], B, T, i ? acts->mamba[i - 1].out : first,
                          &acts->mamba[i], s->grad[0], s->grad[1], &head->mamba_scratch);
        turn(s);
    }
    if (head->config.in_norm) {
        ops->norm_grad(head->be, &(struct va_norm_grad){ .M = M,
                                                         .C = va_head_dim(&head->config),
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
    for (int64_t b = head->config.blocks - 1; b >= 0; b--) {
        struct va_tcn_dropout drop = dropout_of(head, b);

        va_tcn_backward(&head->layers.tcn[b], B, T, b ? head->acts.tcn[b - 1].out : x,
                        &head->acts.tcn[b], &drop, b > 0, &s);
        turn(&s);
    }
}
