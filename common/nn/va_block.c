/*
 * GELU is not kept: the backward pass makes it again from what was in front of it, since a hidden
 * row is four times as wide as any other.
 */
#include "nn/va_block.h"

#include "nn/va_dense.h"
#include "nn/va_layernorm.h"

#include <math.h>

/* ---- parameters ------------------------------------------------------------------------ */

struct va_param va_block_xavier(int64_t N, int64_t K)
{
    return (struct va_param){ .init = VA_INIT_UNIFORM, .a = sqrt(6.0 / (double)(N + K)) };
}

static int64_t declare_linear(struct va_params *list, const char *prefix, const char *part,
                              int64_t N, int64_t K, va_block_law law)
{
    struct va_param weight = law(N, K), zero = { .init = VA_INIT_ZERO };

    weight.decay = true;
    return va_dense_declare(list, N, K, &weight, &zero, "%s.%s", prefix, part);
}

int va_block_declare(struct va_block *b, struct va_params *list, const char *prefix,
                     const struct va_block_sizes *s, va_block_law law)
{
    int64_t D = s->D;

    *b = (struct va_block){ .params = list, .s = *s };
    b->norm1 = va_layernorm_declare(list, D, "%s.norm1", prefix);
    b->qkv = declare_linear(list, prefix, "attn.qkv", 3 * D, D, law);
    b->proj = declare_linear(list, prefix, "attn.proj", D, D, law);
    b->norm2 = va_layernorm_declare(list, D, "%s.norm2", prefix);
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
        va_dense_forward(
            b->params, w,
            &(struct va_linear){ .M = B * queries, .x = x, .residual = residual, .y = y });
        return;
    }
    va_dense_forward(b->params, w,
                     &(struct va_linear){ .M = B * queries, .x = x, .y = acts->branch });
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
    const struct va_params *list = b->params;
    int64_t M = B * T, Q = B * queries;
    double eps = b->s.eps;
    const void *residual = x;

    va_layernorm_forward(
        list, b->norm1,
        &(struct va_norm){
            .M = M, .eps = eps, .x = x, .y = acts->norm1, .stats = acts->stats1 });
    va_dense_forward(list, b->qkv,
                     &(struct va_linear){ .M = M, .x = acts->norm1, .y = acts->qkv });
    attend(b, B, T, queries, lead, acts);
    if (queries < T) {
        first_rows(b, B, T, queries, x, acts->sum);
        residual = acts->sum;
    }
    add_branch(b, B, queries, acts->att, b->proj, residual, acts, 0, acts->sum);
    va_layernorm_forward(
        list, b->norm2,
        &(struct va_norm){
            .M = Q, .eps = eps, .x = acts->sum, .y = acts->norm2, .stats = acts->stats2 });
    va_dense_forward(list, b->fc1,
                     &(struct va_linear){ .M = Q,
                                          .x = acts->norm2,
                                          .act = VA_GELU,
                                          .pre = acts->pre == acts->hidden ? NULL : acts->pre,
                                          .y = acts->hidden });
    add_branch(b, B, queries, acts->hidden, b->fc2, acts->sum, acts, 1, acts->out);
}

/* ---- backward -------------------------------------------------------------------------- */

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
    const struct va_params *list = b->params;
    int64_t M = B * T, Q = B * queries, D = b->s.D;
    bool all = queries == T;

    va_dense_backward(
        list, b->fc2,
        &(struct va_linear_grad){ .M = Q,
                                  .dy = branch_grad(b, B, queries, acts, 1, dout, t),
                                  .x = acts->hidden,
                                  .dx = t->dhidden,
                                  .act = VA_GELU,
                                  .pre = acts->pre,
                                  .out = acts->hidden });
    va_dense_backward(
        list, b->fc1,
        &(struct va_linear_grad){ .M = Q, .dy = t->dhidden, .x = acts->norm2, .dx = t->dnorm });
    va_layernorm_backward(list, b->norm2,
                          &(struct va_norm_grad){ .M = Q,
                                                  .dy = t->dnorm,
                                                  .x = acts->sum,
                                                  .stats = acts->stats2,
                                                  .add = dout,
                                                  .dx = t->dsum });
    va_dense_backward(
        list, b->proj,
        &(struct va_linear_grad){ .M = Q,
                                  .dy = branch_grad(b, B, queries, acts, 0, t->dsum, t),
                                  .x = acts->att,
                                  .dx = t->dnorm });
    attend_grad(b, B, T, queries, acts, t->dnorm, t->dqkv);
    va_dense_backward(
        list, b->qkv,
        &(struct va_linear_grad){ .M = M, .dy = t->dqkv, .x = acts->norm1, .dx = t->dnorm });
    va_layernorm_backward(list, b->norm1,
                          &(struct va_norm_grad){ .M = M,
                                                  .dy = t->dnorm,
                                                  .x = x,
                                                  .stats = acts->stats1,
                                                  .add = all && dx ? t->dsum : NULL,
                                                  .dx = dx });
    if (dx && !all)
        list->be->ops->add(list->be, &(struct va_add){ .B = B,
                                                       .n = queries * D,
                                                       .a = dx,
                                                       .b = t->dsum,
                                                       .y = dx,
                                                       .stepa = T * D,
                                                       .stepb = queries * D,
                                                       .stepy = T * D });
}
