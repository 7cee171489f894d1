/*
 * Layers of an LSTM or a GRU, one on the other (nn/va_recurrent.h).
 */
#include "model/va_temporal_kind.h"

#include "nn/va_recurrent.h"

static int declare_lstm(void *layer, struct va_params *list, const char *prefix, int64_t l,
                        const struct va_temporal_config *c, enum va_temporal_init init)
{
    (void)l;
    (void)init;
    return va_recurrent_declare(layer, list, prefix, VA_CELL_LSTM, c->width);
}

static int declare_gru(void *layer, struct va_params *list, const char *prefix, int64_t l,
                       const struct va_temporal_config *c, enum va_temporal_init init)
{
    (void)l;
    (void)init;
    return va_recurrent_declare(layer, list, prefix, VA_CELL_GRU, c->width);
}

static void plan(const void *layer, int64_t B, int64_t T, bool training, struct va_arena *a,
                 void *acts)
{
    (void)training;
    va_recurrent_plan(layer, B * T, a, acts);
}

static void plan_backward(const void *layer, int64_t B, int64_t T, struct va_arena *a,
                          void *scratch)
{
    va_recurrent_plan_backward(layer, B * T, a, scratch);
}

struct state {
    void *h; /* [1, 2, D] */
};

static const void *forward(const void *layer, int64_t B, int64_t T, const void *x, void *acts,
                           void *state)
{
    struct va_recurrent_acts *places = acts;
    struct state *s = state;

    va_recurrent_forward(layer, B, T, x, places, s ? s->h : NULL);
    return places->out;
}

static void backward(const void *layer, int64_t B, int64_t T, const void *x, const void *acts,
                     const void *dout, void *dx, const void *scratch)
{
    va_recurrent_backward(layer, B, T, x, acts, dout, dx, scratch);
}

static void state_plan(const void *layer, int64_t most, struct va_arena *a, void *state)
{
    const struct va_recurrent_layer *l = layer;
    struct state *s = state;

    (void)most;
    s->h = va_arena_take(a, 2, l->H);
}

static void state_reset(const void *layer, void *state)
{
    const struct va_recurrent_layer *l = layer;
    struct state *s = state;

    l->params->be->ops->zero(l->params->be, s->h, 2 * l->H);
}

#define RECURRENT(how)                                                                      \
    {                                                                                       \
        .tensor = "weight_ih", .layer = sizeof(struct va_recurrent_layer),                  \
        .acts = sizeof(struct va_recurrent_acts),                                           \
        .scratch = sizeof(struct va_recurrent_scratch), .state = sizeof(struct state),      \
        .declare = (how), .plan = plan, .plan_backward = plan_backward, .forward = forward, \
        .backward = backward, .state_plan = state_plan, .state_reset = state_reset,         \
    }
const struct va_temporal_kind va_temporal_lstm = RECURRENT(declare_lstm);
const struct va_temporal_kind va_temporal_gru = RECURRENT(declare_gru);
