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

/* ---- operation --------------------------------------------------------------------------- */

static struct va_affine norm_of(const struct va_params *list, int64_t i)
{
    const struct va_param *p = &list->items[i];

    return (struct va_affine){ p[0].value.data, p[1].value.data, p[0].grad, p[1].grad };
}

static struct va_layer layer_of(const struct va_params *list, int64_t i)
{
    struct va_param *p = &list->items[i];

    return (struct va_layer){ &p[0].value, p[1].value.data, p[0].grad, p[1].grad };
}

static struct va_transformer_weights weights_of(const struct va_block *b)
{
    const struct va_params *list = b->params;

    return (struct va_transformer_weights){ .norm1 = norm_of(list, b->norm1),
                                            .norm2 = norm_of(list, b->norm2),
                                            .qkv = layer_of(list, b->qkv),
                                            .proj = layer_of(list, b->proj),
                                            .fc1 = layer_of(list, b->fc1),
                                            .fc2 = layer_of(list, b->fc2) };
}

static struct va_transformer_shape shape_of(const struct va_block *b, int64_t B, int64_t T,
                                            int64_t queries, bool training)
{
    return (struct va_transformer_shape){ .B = B,
                                          .T = T,
                                          .queries = queries,
                                          .D = b->s.D,
                                          .heads = b->s.heads,
                                          .mlp = b->s.mlp,
                                          .eps = b->s.eps,
                                          .act = b->s.act,
                                          .causal = b->s.causal,
                                          .training = training };
}

struct va_transformer_room va_block_room(const struct va_block *b, int64_t B, int64_t T,
                                         int64_t queries, bool training)
{
    struct va_backend *be = b->params->be;
    const struct va_transformer_shape s = shape_of(b, B, T, queries, training);

    return be->ops->transformer_room(be, &s);
}

void va_block_plan(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                   bool training, struct va_arena *a, struct va_block_acts *acts)
{
    struct va_transformer_room room = va_block_room(b, B, T, queries, training);

    *acts = (struct va_block_acts){ .out = va_arena_take(a, B * queries, b->s.D) };
    if (training)
        acts->tape = va_arena_take(a, 1, room.tape);
    else
        acts->work = va_arena_take(a, 1, room.work);
}

void *va_block_plan_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                             struct va_arena *a)
{
    return va_arena_take(a, 1, va_block_room(b, B, T, queries, true).work);
}

void va_block_forward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                      const void *x, const struct va_block_acts *acts)
{
    struct va_backend *be = b->params->be;

    be->ops->transformer(
        be, &(struct va_transformer){ .s = shape_of(b, B, T, queries, acts->tape != NULL),
                                      .w = weights_of(b),
                                      .x = x,
                                      .tape = acts->tape,
                                      .work = acts->work,
                                      .out = acts->out,
                                      .keep = acts->keep,
                                      .qkv = acts->qkv,
                                      .lead = acts->lead });
}

void va_block_backward(const struct va_block *b, int64_t B, int64_t T, int64_t queries,
                       const void *x, const struct va_block_acts *acts, const void *dout,
                       void *dx, void *work)
{
    struct va_backend *be = b->params->be;

    be->ops->transformer_grad(
        be, &(struct va_transformer_grad){ .s = shape_of(b, B, T, queries, true),
                                           .w = weights_of(b),
                                           .x = x,
                                           .tape = acts->tape,
                                           .out = acts->out,
                                           .work = work,
                                           .keep = acts->keep,
                                           .dout = dout,
                                           .dx = dx });
}
