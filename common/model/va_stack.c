#include "model/va_stack.h"

#include "base/va_libm.h"
#include "base/va_mem.h"
#include "nn/va_layernorm.h"
#include <math.h>
#include <stdio.h>

static const double NORM_EPS = 1e-5;

const char *const va_stack_names[] = { "none", "mamba", "lstm", "gru", "transformer", NULL };

static int64_t layers_of(const struct va_stack *s)
{
    return s->c.kind == VA_STACK_NONE ? 0 : s->c.layers;
}

/* ---- parameters ------------------------------------------------------------------------ */

static struct va_param uniform(int64_t N, int64_t K)
{
    (void)N;
    return (struct va_param){ .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)K) };
}

static int declare_layer(struct va_stack *s, struct va_params *list, int64_t l)
{
    const struct va_stack_config *c = &s->c;
    struct va_block_sizes block = {
        .D = c->D, .heads = c->heads, .mlp = c->mlp, .eps = NORM_EPS, .causal = true
    };
    char prefix[40];

    snprintf(prefix, sizeof(prefix), "%s.%d", va_stack_names[c->kind], (int)l);
    switch (c->kind) {
    case VA_STACK_NONE: return 0;
    case VA_STACK_MAMBA: return va_mamba_declare(&s->mamba[l], list, l, &c->mamba, c->init);
    case VA_STACK_LSTM:
        return va_recurrent_declare(&s->recurrent[l], list, prefix, VA_CELL_LSTM, c->D);
    case VA_STACK_GRU:
        return va_recurrent_declare(&s->recurrent[l], list, prefix, VA_CELL_GRU, c->D);
    case VA_STACK_TRANSFORMER:
        return va_block_declare(&s->block[l], list, prefix, &block, uniform);
    }
    return 0;
}

int va_stack_declare(struct va_stack *s, struct va_params *list,
                     const struct va_stack_config *c)
{
    s->params = list;
    s->c = *c;
    s->row = NULL;
    for (int64_t l = 0; l < layers_of(s); l++)
        if (declare_layer(s, list, l) < 0)
            return -1;
    if (c->kind != VA_STACK_TRANSFORMER)
        return 0;
    s->norm = va_layernorm_declare(list, c->D, "transformer.norm");
    return s->norm < 0 ? -1 : 0;
}

int va_stack_allocate(struct va_stack *s)
{
    if (s->c.kind != VA_STACK_TRANSFORMER)
        return 0;
    s->row = va_new(s->c.D, sizeof(*s->row));
    return s->row ? 0 : -1;
}

void va_stack_release(struct va_stack *s)
{
    va_free(s->row);
    s->row = NULL;
}

/* ---- room ------------------------------------------------------------------------------ */

static void plan_layer(const struct va_stack *s, int64_t l, int64_t B, int64_t T, bool training,
                       struct va_arena *a, struct va_stack_acts *acts)
{
    switch (s->c.kind) {
    case VA_STACK_NONE: break;
    case VA_STACK_MAMBA:
        va_mamba_plan(&s->mamba[l], B * T, training, a, &acts->mamba[l]);
        break;
    case VA_STACK_LSTM:
    case VA_STACK_GRU:
        va_recurrent_plan(&s->recurrent[l], B * T, a, &acts->recurrent[l]);
        break;
    case VA_STACK_TRANSFORMER:
        va_block_plan(&s->block[l], B, T, T, training, a, &acts->block[l]);
        break;
    }
}

/* Layer `l` uses the places of layer `of`. */
static void share_layer(const struct va_stack *s, int64_t l, int64_t of,
                        struct va_stack_acts *acts)
{
    if (s->c.kind == VA_STACK_MAMBA)
        acts->mamba[l] = acts->mamba[of];
    else if (s->c.kind == VA_STACK_TRANSFORMER)
        acts->block[l] = acts->block[of];
    else
        acts->recurrent[l] = acts->recurrent[of];
}

void va_stack_plan(const struct va_stack *s, int64_t B, int64_t T, bool training,
                   struct va_arena *a, struct va_stack_acts *acts)
{
    int64_t M = B * T;

    for (int64_t l = 0; l < layers_of(s); l++)
        if (training || l < 2)
            plan_layer(s, l, B, T, training, a, acts);
        else
            share_layer(s, l, l - 2, acts);
    if (s->c.kind != VA_STACK_TRANSFORMER)
        return;
    acts->positions = va_arena_take(a, T, s->c.D);
    acts->count = 0;
    acts->placed = va_arena_take(a, M, s->c.D);
    acts->out = va_arena_take(a, M, s->c.D);
    acts->stats = training ? va_arena_take(a, M, 2) : NULL;
}

void va_stack_plan_backward(const struct va_stack *s, int64_t B, int64_t T, struct va_arena *a,
                            struct va_stack_scratch *t)
{
    switch (s->c.kind) {
    case VA_STACK_NONE: break;
    case VA_STACK_MAMBA: va_mamba_plan_backward(&s->mamba[0], B * T, a, &t->mamba); break;
    case VA_STACK_LSTM:
    case VA_STACK_GRU:
        va_recurrent_plan_backward(&s->recurrent[0], B * T, a, &t->recurrent);
        break;
    case VA_STACK_TRANSFORMER:
        t->block = va_block_plan_backward(&s->block[0], B, T, T, a);
        break;
    }
}

/* ---- forward --------------------------------------------------------------------------- */

/* Rows of frames first .. first + T: sin, cos, sin, cos of the frame's number times 10000^(-2i/D) */
static void make_positions(const struct va_stack *s, int64_t first, int64_t T,
                           struct va_stack_acts *acts)
{
    struct va_backend *be = s->params->be;
    int64_t D = s->c.D;

    if (acts->first == first && acts->count >= T)
        return;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t k = 0; k < D; k++) {
            double w = va_exp(-(double)(k - k % 2) / (double)D * va_log(10000));
            double angle = (double)(first + t) * w;

            s->row[k] = (float)(k % 2 ? va_cos(angle) : va_sin(angle));
        }
        be->ops->put_f32(be, va_at(be, acts->positions, t * D), s->row, D);
    }
    acts->first = first;
    acts->count = T;
}

static const void *place(const struct va_stack *s, int64_t first, int64_t B, int64_t T,
                         const void *x, struct va_stack_acts *acts)
{
    struct va_backend *be = s->params->be;
    int64_t n = T * s->c.D;

    make_positions(s, first, T, acts);
    be->ops->add(be, &(struct va_add){ .B = B,
                                       .n = n,
                                       .a = x,
                                       .b = acts->positions,
                                       .y = acts->placed,
                                       .stepa = n,
                                       .stepy = n });
    return acts->placed;
}

static const void *last_norm(const struct va_stack *s, int64_t M, const void *x,
                             const struct va_stack_acts *acts)
{
    va_layernorm_forward(
        s->params, s->norm,
        &(struct va_norm){
            .M = M, .eps = NORM_EPS, .x = x, .y = acts->out, .stats = acts->stats });
    return acts->out;
}

static const void *forward_mamba(const struct va_stack *s, int64_t l, int64_t B, int64_t T,
                                 const void *x, struct va_stack_acts *acts,
                                 struct va_stack_state *state)
{
    struct va_mamba_state m = { 0, NULL };

    if (state) {
        acts->mamba[l].xz = va_history_append(&state->xz[l], s->params->be, T, &m.lead);
        m.h = state->h[l];
    }
    va_mamba_forward(&s->mamba[l], B, T, x, &acts->mamba[l], &m);
    return acts->mamba[l].out;
}

static const void *forward_block(const struct va_stack *s, int64_t l, int64_t B, int64_t T,
                                 const void *x, struct va_stack_acts *acts,
                                 struct va_stack_state *state)
{
    if (state) {
        acts->block[l].qkv = va_cache_append(&state->qkv[l], s->params->be, T);
        if (!acts->block[l].qkv)
            return x; /* the backend has failed, and said so */
    }
    acts->block[l].lead = state ? state->qkv[l].used - T : 0;
    va_block_forward(&s->block[l], B, T, T, x, &acts->block[l]);
    return acts->block[l].out;
}

const void *va_stack_forward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                             struct va_stack_acts *acts, struct va_stack_state *state)
{
    if (s->c.kind == VA_STACK_TRANSFORMER)
        x = place(s, state ? state->frame : 0, B, T, x, acts);
    for (int64_t l = 0; l < layers_of(s); l++)
        if (s->c.kind == VA_STACK_MAMBA) {
            x = forward_mamba(s, l, B, T, x, acts, state);
        } else if (s->c.kind == VA_STACK_TRANSFORMER) {
            x = forward_block(s, l, B, T, x, acts, state);
        } else {
            va_recurrent_forward(&s->recurrent[l], B, T, x, &acts->recurrent[l],
                                 state ? state->h[l] : NULL);
            x = acts->recurrent[l].out;
        }
    if (state)
        state->frame += T;
    return s->c.kind == VA_STACK_TRANSFORMER ? last_norm(s, B * T, x, acts) : x;
}

/* ---- backward -------------------------------------------------------------------------- */

static void turn(void *grad[2])
{
    void *t = grad[0];

    grad[0] = grad[1];
    grad[1] = t;
}

/* What layer l reads. */
static const void *input_of(const struct va_stack *s, int64_t l, const void *x,
                            const struct va_stack_acts *acts)
{
    if (l == 0)
        return s->c.kind == VA_STACK_TRANSFORMER ? acts->placed : x;
    return s->c.kind == VA_STACK_MAMBA         ? acts->mamba[l - 1].out
           : s->c.kind == VA_STACK_TRANSFORMER ? acts->block[l - 1].out
                                               : acts->recurrent[l - 1].out;
}

static void norm_backward(const struct va_stack *s, int64_t M, const struct va_stack_acts *acts,
                          void *grad[2])
{
    va_layernorm_backward(s->params, s->norm,
                          &(struct va_norm_grad){ .M = M,
                                                  .dy = grad[0],
                                                  .x = acts->block[s->c.layers - 1].out,
                                                  .stats = acts->stats,
                                                  .dx = grad[1] });
    turn(grad);
}

void va_stack_backward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                       const struct va_stack_acts *acts, void *grad[2],
                       const struct va_stack_scratch *t)
{
    if (s->c.kind == VA_STACK_TRANSFORMER)
        norm_backward(s, B * T, acts, grad);
    for (int64_t l = layers_of(s) - 1; l >= 0; l--) {
        const void *in = input_of(s, l, x, acts);

        if (s->c.kind == VA_STACK_MAMBA)
            va_mamba_backward(&s->mamba[l], B, T, in, &acts->mamba[l], grad[0], grad[1],
                              &t->mamba);
        else if (s->c.kind == VA_STACK_TRANSFORMER)
            va_block_backward(&s->block[l], B, T, T, in, &acts->block[l], grad[0], grad[1],
                              t->block);
        else
            va_recurrent_backward(&s->recurrent[l], B, T, in, &acts->recurrent[l], grad[0],
                                  grad[1], &t->recurrent);
        turn(grad);
    }
}

/* ---- state ------------------------------------------------------------------------------- */

/* Numbers of the recurrent state of a layer. */
static int64_t state_size(const struct va_stack *s)
{
    return s->c.kind == VA_STACK_MAMBA ? s->c.mamba.E * s->c.mamba.N : 2 * s->c.D;
}

void va_stack_state_plan(const struct va_stack *s, int64_t block, struct va_arena *a,
                         struct va_stack_state *state)
{
    for (int64_t l = 0; l < layers_of(s); l++) {
        if (s->c.kind == VA_STACK_TRANSFORMER) {
            state->qkv[l].width = 3 * s->c.D;
            continue;
        }
        if (s->c.kind == VA_STACK_MAMBA)
            va_history_plan(&state->xz[l], a, s->c.mamba.taps - 1, block, 2 * s->c.mamba.E);
        state->h[l] = va_arena_take(a, 1, state_size(s));
    }
}

void va_stack_state_reset(const struct va_stack *s, struct va_stack_state *state)
{
    struct va_backend *be = s->params->be;

    state->frame = 0;
    for (int64_t l = 0; l < layers_of(s); l++) {
        va_history_reset(&state->xz[l]);
        state->qkv[l].used = 0;
        if (state->h[l])
            be->ops->zero(be, state->h[l], state_size(s));
    }
}

void va_stack_state_release(const struct va_stack *s, struct va_stack_state *state)
{
    for (int64_t l = 0; l < layers_of(s); l++)
        va_cache_release(&state->qkv[l], s->params->be);
}
