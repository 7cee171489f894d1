#include "model/va_cross.h"

#include "nn/va_dense.h"
#include "nn/va_layernorm.h"
#include <math.h>

static const double NORM_EPS = 1e-5;

int va_cross_declare(struct va_cross *x, struct va_params *list,
                     const struct va_temporal_config *c)
{
    const int64_t D = c->width, S = c->streams.count;
    const struct va_param law = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)D) };
    const struct va_param all = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)(S * D)) };

    *x = (struct va_cross){ .params = list, .D = D, .heads = c->heads };
    if (c->fusion != VA_FUSION_CROSS)
        return 0;
    x->count = S;
    for (int64_t k = 0; k < S; k++) {
        const char *name = c->streams.items[k].name;
        struct va_cross_part *p = &x->parts[k];

        p->norm = va_layernorm_declare(list, D, "streams.%s.cross.norm", name);
        p->qkv = va_dense_declare(list, 3 * D, D, &law, &law, "streams.%s.cross.qkv", name);
        p->mix = va_dense_declare(list, D, D, &law, &law, "streams.%s.cross.mix", name);
        if (p->norm < 0 || p->qkv < 0 || p->mix < 0)
            return -1;
    }
    x->proj = va_dense_declare(list, D, S * D, &all, &all, "cross.proj");
    return x->proj < 0 ? -1 : 0;
}

void va_cross_plan(const struct va_cross *x, int64_t M, bool training, struct va_arena *a,
                   struct va_cross_acts *acts)
{
    int64_t D = x->D, S = x->count;

    if (!S)
        return;
    for (int64_t k = 0; k < S; k++) {
        acts->normed[k] = training || !k ? va_arena_take(a, M, D) : acts->normed[0];
        acts->stats[k] = training ? va_arena_take(a, M, 2) : NULL;
    }
    acts->qkv = va_arena_take(a, M, (S + 1) * 3 * D);
    acts->a = va_arena_take(a, M, S * D);
    acts->lse = training ? va_arena_take(a, M, S * x->heads) : NULL;
    acts->out = va_arena_take(a, M, D);
}

void va_cross_plan_backward(const struct va_cross *x, int64_t M, struct va_arena *a,
                            struct va_cross_scratch *s)
{
    int64_t D = x->D, S = x->count;

    if (!S)
        return;
    s->da = va_arena_take(a, M, S * D);
    s->dqkv = va_arena_take(a, M, (S + 1) * 3 * D);
    s->dnormed = va_arena_take(a, M, D);
    for (int64_t k = 0; k < S; k++)
        s->dh[k] = va_arena_take(a, M, D);
}

/* ---- forward ------------------------------------------------------------------------------- */

/* Queries, keys and values of all streams, and one more key and value of zeros. */
static void ask(const struct va_cross *x, int64_t M, const void *const *h,
                const struct va_cross_acts *acts)
{
    struct va_backend *be = x->params->be;
    int64_t row = (x->count + 1) * 3 * x->D;

    be->ops->zero(be, acts->qkv, M * row);
    for (int64_t k = 0; k < x->count; k++) {
        va_layernorm_forward(x->params, x->parts[k].norm,
                             &(struct va_norm){ .M = M,
                                                .eps = NORM_EPS,
                                                .x = h[k],
                                                .y = acts->normed[k],
                                                .stats = acts->stats[k] });
        va_dense_forward(x->params, x->parts[k].qkv,
                         &(struct va_linear){ .M = M,
                                              .x = acts->normed[k],
                                              .y = va_at(be, acts->qkv, k * 3 * x->D),
                                              .ldy = row });
    }
}

const void *va_cross_forward(const struct va_cross *x, int64_t M, const void *const *h,
                             const struct va_cross_acts *acts)
{
    struct va_backend *be = x->params->be;
    int64_t D = x->D, S = x->count;

    ask(x, M, h, acts);
    be->ops->attention(be, &(struct va_attention){ .B = M,
                                                   .Tq = S,
                                                   .Tk = S + 1,
                                                   .H = x->heads,
                                                   .D = D / x->heads,
                                                   .q = acts->qkv,
                                                   .k = va_at(be, acts->qkv, D),
                                                   .v = va_at(be, acts->qkv, 2 * D),
                                                   .ldq = 3 * D,
                                                   .ldk = 3 * D,
                                                   .stepq = (S + 1) * 3 * D,
                                                   .stepk = (S + 1) * 3 * D,
                                                   .y = acts->a,
                                                   .lse = acts->lse });
    va_dense_forward(x->params, x->proj,
                     &(struct va_linear){ .M = M, .x = acts->a, .y = acts->out });
    for (int64_t k = 0; k < S; k++)
        va_dense_forward(
            x->params, x->parts[k].mix,
            &(struct va_linear){ .M = M, .x = h[k], .residual = acts->out, .y = acts->out });
    return acts->out;
}

/* ---- backward ------------------------------------------------------------------------------ */

void va_cross_backward(const struct va_cross *x, int64_t M, const void *const *h,
                       const struct va_cross_acts *acts, const void *dout,
                       const struct va_cross_scratch *s)
{
    struct va_backend *be = x->params->be;
    int64_t D = x->D, S = x->count, row = (S + 1) * 3 * D;

    va_dense_backward(
        x->params, x->proj,
        &(struct va_linear_grad){ .M = M, .dy = dout, .x = acts->a, .dx = s->da });
    be->ops->attention_grad(be, &(struct va_attention_grad){ .B = M,
                                                             .Tq = S,
                                                             .Tk = S + 1,
                                                             .H = x->heads,
                                                             .D = D / x->heads,
                                                             .q = acts->qkv,
                                                             .k = va_at(be, acts->qkv, D),
                                                             .v = va_at(be, acts->qkv, 2 * D),
                                                             .y = acts->a,
                                                             .lse = acts->lse,
                                                             .dy = s->da,
                                                             .ldq = 3 * D,
                                                             .ldk = 3 * D,
                                                             .stepq = row,
                                                             .stepk = row,
                                                             .dq = s->dqkv,
                                                             .dk = va_at(be, s->dqkv, D),
                                                             .dv = va_at(be, s->dqkv, 2 * D) });
    for (int64_t k = 0; k < S; k++) {
        const struct va_cross_part *p = &x->parts[k];

        va_dense_backward(x->params, p->qkv,
                          &(struct va_linear_grad){ .M = M,
                                                    .dy = va_at(be, s->dqkv, k * 3 * D),
                                                    .lddy = row,
                                                    .x = acts->normed[k],
                                                    .dx = s->dnormed });
        va_layernorm_backward(
            x->params, p->norm,
            &(struct va_norm_grad){
                .M = M, .dy = s->dnormed, .x = h[k], .stats = acts->stats[k], .dx = s->dh[k] });
        va_dense_backward(x->params, p->mix,
                          &(struct va_linear_grad){
                              .M = M, .dy = dout, .x = h[k], .dx = s->dh[k], .add_dx = true });
    }
}
