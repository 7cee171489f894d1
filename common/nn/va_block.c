/*
 * GELU is not kept: the backward pass makes it again from what was in front of it, since a hidden
 * row is four times as wide as any other.
 */
#include "nn/va_block.h"

#include <math.h>

static struct va_param *at(const struct va_block *b, int64_t i)
{
    return &b->params->items[i];
}

static void *value(const struct va_block *b, int64_t i)
{
    return at(b, i)->value.data;
}

/* ---- parameters ------------------------------------------------------------------------ */

struct va_param va_block_xavier(int64_t N, int64_t K)
{
    return (struct va_param){ .init = VA_INIT_UNIFORM, .a = sqrt(6.0 / (double)(N + K)) };
}

static int64_t declare_linear(struct va_params *list, const char *prefix, const char *part,
                              int64_t N, int64_t K, va_block_law law)
{
    struct va_param weight = law(N, K), bias = { .rank = 1, .shape = { N } };
    int64_t index;

    weight.rank = 2;
    weight.shape[0] = N;
    weight.shape[1] = K;
    weight.decay = true;
    index = va_params_add(list, &weight, "%s.%s.weight", prefix, part);
    return index < 0 || va_params_add(list, &bias, "%s.%s.bias", prefix, part) < 0 ? -1 : index;
}

static int64_t declare_norm(struct va_params *list, const char *prefix, const char *part,
                            int64_t C)
{
    struct va_param weight = { .rank = 1, .shape = { C }, .init = VA_INIT_CONSTANT, .a = 1 };
    struct va_param bias = { .rank = 1, .shape = { C } };
    int64_t index = va_params_add(list, &weight, "%s.%s.weight", prefix, part);

    return index < 0 || va_params_add(list, &bias, "%s.%s.bias", prefix, part) < 0 ? -1 : index;
}

int va_block_declare(struct va_block *b, struct va_params *list, const char *prefix,
                     const struct va_block_sizes *s, va_block_law law)
{
    int64_t D = s->D;

    *b = (struct va_block){ .params = list, .s = *s };
    b->norm1 = declare_norm(list, prefix, "norm1", D);
    b->qkv = declare_linear(list, prefix, "attn.qkv", 3 * D, D, law);
    b->proj = declare_linear(list, prefix, "attn.proj", D, D, law);
    b->norm2 = declare_norm(list, prefix, "norm2", D);
    b->fc1 = declare_linear(list, prefix, "mlp.fc1", s->mlp, D, law);
    b->fc2 = declare_linear(list, prefix, "mlp.fc2", D, s->mlp, law);
    return b->norm1 < 0 || b->qkv < 0 || b->proj < 0 || b->norm2 < 0 || b->fc1 < 0 || b->fc2 < 0
               ? -1
               : 0;
}

/* ---- room ------------------------------------------------------------------------------ */

void va_block_plan(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                   bool training, struct va_arena *a, struct va_block_acts *acts)
{
    int64_t M = B * T, Q = B * queries, D = b->s.D;

    *acts = (struct va_block_acts){ .norm1 = va_arena_take(a, M, D) };
    acts->qkv = va_arena_take(a, M, 3 * D);
    acts->att = training ? va_arena_take(a, Q, D) : acts->norm1;
    acts->sum = va_arena_take(a, Q, D);
    acts->norm2 = training ? va_arena_take(a, Q, D) : acts->norm1;
    acts->pre = acts->hidden = va_arena_take(a, Q, b->s.mlp);
    acts->out = training ? va_arena_take(a, Q, D) : acts->sum;
    if (training) {
        acts->stats1 = va_arena_take(a, M, 2);
        acts->stats2 = va_arena_take(a, Q, 2);
        acts->lse = va_arena_take(a, B * b->s.heads, queries);
        acts->hidden = va_arena_take(a, Q, b->s.mlp);
    }
}

void va_block_plan_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                            struct va_arena *a, struct va_block_scratch *t)
{
    int64_t M = B * T, Q = B * queries;

    t->dnorm = va_arena_take(a, M, b->s.D);
    t->dqkv = va_arena_take(a, M, 3 * b->s.D);
    t->dhidden = va_arena_take(a, Q, b->s.mlp);
    t->dsum = va_arena_take(a, Q, b->s.D);
    t->dbranch = va_arena_take(a, Q, b->s.D);
}

/* ---- forward --------------------------------------------------------------------------- */

static void norm(const struct va_block *b, int64_t M, const void *x, int64_t w, void *y,
                 void *stats)
{
    struct va_backend *be = b->params->be;

    be->ops->norm(be, &(struct va_norm){ .M = M,
                                         .C = b->s.D,
                                         .eps = b->s.eps,
                                         .x = x,
                                         .gamma = value(b, w),
                                         .beta = value(b, w + 1),
                                         .y = y,
                                         .stats = stats });
}

/* y [M, N] = act(x [M, K] W^T + bias) + residual */
static void linear(const struct va_block *b, int64_t M, const void *x, int64_t w,
                   enum va_unary act, const void *residual, void *y)
{
    struct va_backend *be = b->params->be;
    struct va_param *p = at(b, w);

    be->ops->linear(be, &(struct va_linear){ .M = M,
                                             .N = p->shape[0],
                                             .K = p->shape[1],
                                             .x = x,
                                             .ldx = p->shape[1],
                                             .w = &p->value,
                                             .bias = value(b, w + 1),
                                             .act = act,
                                             .residual = residual,
                                             .y = y,
                                             .ldy = p->shape[0] });
}

/* The first `queries` rows of each sequence of x [B, T, D] into y [B, queries, D]. */
static void first_rows(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                       const void *x, void *y)
{
    struct va_backend *be = b->params->be;
    int64_t D = b->s.D;

    be->ops->add(
        be,
        &(struct va_add){
            .B = B, .n = queries * D, .a = x, .y = y, .stepa = T * D, .stepy = queries * D });
}

/* y = residual + keep linear(x), of branch 0 or 1 */
static void add_branch(const struct va_block *b, int64_t B, int64_t queries, const void *x,
                       int64_t w, const void *residual, const struct va_block_acts *acts,
                       int which, void *y)
{
    struct va_backend *be = b->params->be;

    if (!acts->keep) {
        linear(b, B * queries, x, w, VA_IDENTITY, residual, y);
        return;
    }
    linear(b, B * queries, x, w, VA_IDENTITY, NULL, acts->branch);
    be->ops->add_scaled(be, &(struct va_add_scaled){ .B = B,
                                                     .n = queries * b->s.D,
                                                     .s = acts->keep + which * B,
                                                     .f = acts->branch,
                                                     .x = residual,
                                                     .y = y });
}

static void attend(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                   int64_t lead, const struct va_block_acts *acts)
{
    struct va_backend *be = b->params->be;
    int64_t D = b->s.D, row = 3 * D;
    const void *first = va_at(be, acts->qkv, -lead * row);

    be->ops->attention(be, &(struct va_attention){ .B = B,
                                                   .Tq = queries,
                                                   .Tk = lead + T,
                                                   .H = b->s.heads,
                                                   .D = D / b->s.heads,
                                                   .causal = b->s.causal,
                                                   .q = acts->qkv,
                                                   .k = va_at(be, first, D),
                                                   .v = va_at(be, first, 2 * D),
                                                   .ldq = row,
                                                   .ldk = row,
                                                   .stepq = T * row,
                                                   .stepk = T * row,
                                                   .y = acts->att,
                                                   .lse = acts->lse });
}

void va_block_forward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                      int64_t lead, const void *x, const struct va_block_acts *acts)
{
    struct va_backend *be = b->params->be;
    int64_t M = B * T, Q = B * queries;
    const void *residual = x;

    norm(b, M, x, b->norm1, acts->norm1, acts->stats1);
    linear(b, M, acts->norm1, b->qkv, VA_IDENTITY, NULL, acts->qkv);
    attend(b, B, T, queries, lead, acts);
    if (queries < T) {
        first_rows(b, B, T, queries, x, acts->sum);
        residual = acts->sum;
    }
    add_branch(b, B, queries, acts->att, b->proj, residual, acts, 0, acts->sum);
    norm(b, Q, acts->sum, b->norm2, acts->norm2, acts->stats2);
    if (acts->pre == acts->hidden) {
        linear(b, Q, acts->norm2, b->fc1, VA_GELU, NULL, acts->hidden);
    } else {
        linear(b, Q, acts->norm2, b->fc1, VA_IDENTITY, NULL, acts->pre);
        be->ops->unary(be, VA_GELU, Q * b->s.mlp, acts->pre, acts->hidden);
    }
    add_branch(b, B, queries, acts->hidden, b->fc2, acts->sum, acts, 1, acts->out);
}

/* ---- backward -------------------------------------------------------------------------- */

/* dx [M, K] (or NULL) = dy W; gradients of the weight and its bias from x */
static void linear_grad(const struct va_block *b, int64_t M, const void *dy, const void *x,
                        int64_t w, void *dx)
{
    struct va_backend *be = b->params->be;
    struct va_param *p = at(b, w);

    be->ops->linear_grad(be, &(struct va_linear_grad){ .M = M,
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
                                                       .dbias = at(b, w + 1)->grad });
}

static void norm_grad(const struct va_block *b, int64_t M, const void *dy, const void *x,
                      const void *stats, int64_t w, void *dx)
{
    struct va_backend *be = b->params->be;

    be->ops->norm_grad(be, &(struct va_norm_grad){ .M = M,
                                                   .C = b->s.D,
                                                   .dy = dy,
                                                   .x = x,
                                                   .gamma = value(b, w),
                                                   .stats = stats,
                                                   .dx = dx,
                                                   .dgamma = at(b, w)->grad,
                                                   .dbeta = at(b, w + 1)->grad });
}

/* From datt [Q, D] to dqkv [M, 3D]. */
static void attend_grad(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                        const struct va_block_acts *acts, const void *datt, void *dqkv)
{
    struct va_backend *be = b->params->be;
    int64_t D = b->s.D, row = 3 * D;

    if (queries < T) /* rows that asked nothing */
        be->ops->zero(be, dqkv, B * T * row);
    be->ops->attention_grad(be, &(struct va_attention_grad){ .B = B,
                                                             .Tq = queries,
                                                             .Tk = T,
                                                             .H = b->s.heads,
                                                             .D = D / b->s.heads,
                                                             .causal = b->s.causal,
                                                             .q = acts->qkv,
                                                             .k = va_at(be, acts->qkv, D),
                                                             .v = va_at(be, acts->qkv, 2 * D),
                                                             .y = acts->att,
                                                             .lse = acts->lse,
                                                             .dy = datt,
                                                             .ldq = row,
                                                             .ldk = row,
                                                             .stepq = T * row,
                                                             .stepk = T * row,
                                                             .dq = dqkv,
                                                             .dk = va_at(be, dqkv, D),
                                                             .dv = va_at(be, dqkv, 2 * D) });
}

/* The gradient of branch 0 or 1 from that of its sum: times keep. */
static const void *branch_grad(const struct va_block *b, int64_t B, int64_t queries,
                               const struct va_block_acts *acts, int which, const void *dy,
                               const struct va_block_scratch *t)
{
    struct va_backend *be = b->params->be;

    if (!acts->keep)
        return dy;
    be->ops->add_scaled(be, &(struct va_add_scaled){ .B = B,
                                                     .n = queries * b->s.D,
                                                     .s = acts->keep + which * B,
                                                     .f = dy,
                                                     .y = t->dbranch });
    return t->dbranch;
}

void va_block_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                       const void *x, const struct va_block_acts *acts, const void *dout,
                       void *dx, const struct va_block_scratch *t)
{
    struct va_backend *be = b->params->be;
    int64_t M = B * T, Q = B * queries, D = b->s.D;

    linear_grad(b, Q, branch_grad(b, B, queries, acts, 1, dout, t), acts->hidden, b->fc2,
                t->dhidden);
    be->ops->unary_grad(be, VA_GELU, Q * b->s.mlp, acts->pre, acts->hidden, t->dhidden,
                        t->dhidden);
    linear_grad(b, Q, t->dhidden, acts->norm2, b->fc1, t->dnorm);
    norm_grad(b, Q, t->dnorm, acts->sum, acts->stats2, b->norm2, t->dsum);
    be->ops->add(be,
                 &(struct va_add){ .B = 1, .n = Q * D, .a = t->dsum, .b = dout, .y = t->dsum });
    linear_grad(b, Q, branch_grad(b, B, queries, acts, 0, t->dsum, t), acts->att, b->proj,
                t->dnorm);
    attend_grad(b, B, T, queries, acts, t->dnorm, t->dqkv);
    linear_grad(b, M, t->dqkv, acts->norm1, b->qkv, t->dnorm);
    if (!dx) {
        norm_grad(b, M, t->dnorm, x, acts->stats1, b->norm1, NULL);
        return;
    }
    norm_grad(b, M, t->dnorm, x, acts->stats1, b->norm1, dx);
    be->ops->add(be, &(struct va_add){ .B = B,
                                       .n = queries * D,
                                       .a = dx,
                                       .b = t->dsum,
                                       .y = dx,
                                       .stepa = T * D,
                                       .stepb = queries * D,
                                       .stepy = T * D });
}
