#include "model/va_stack.h"

#include "base/va_mem.h"
#include <stdio.h>
#include <string.h>

/* Struct number l of an array of a kind's structs. */
static void *at(void *array, int64_t l, size_t size)
{
    return (char *)array + (size_t)l * size;
}

static void *layer_of(const struct va_stack *s, int64_t l)
{
    return at(s->layers, l, s->kind->layer);
}

static void *acts_of(const struct va_stack *s, const struct va_stack_acts *acts, int64_t l)
{
    return at(acts->layers, l, s->kind->acts);
}

static void *state_of(const struct va_stack *s, const struct va_stack_acts *acts, int64_t l)
{
    return acts->state ? at(acts->state, l, s->kind->state) : NULL;
}

/* ---- life ------------------------------------------------------------------------------ */

int va_stack_declare(struct va_stack *s, struct va_params *list,
                     const struct va_temporal_config *c, enum va_temporal_init init)
{
    const char *name = va_temporal_kind_name(c->temporal);
    char prefix[64];

    *s = (struct va_stack){ .kind = va_temporal_kind(c->temporal) };
    s->count = s->kind ? c->layers : 0;
    if (!s->kind)
        return 0;
    s->layers = va_new(s->count, s->kind->layer);
    if (!s->layers)
        return -1;
    for (int64_t l = 0; l < s->count; l++) {
        snprintf(prefix, sizeof(prefix), "%s.%d", name, (int)l);
        if (s->kind->declare(layer_of(s, l), list, prefix, l, c, init) < 0)
            return -1;
    }
    return 0;
}

void va_stack_release(struct va_stack *s)
{
    va_free(s->layers);
    s->layers = NULL;
}

int va_stack_acts_init(struct va_stack_acts *acts, const struct va_stack *s, bool streaming)
{
    *acts = (struct va_stack_acts){ 0 };
    if (!s->kind)
        return 0;
    acts->layers = va_new(s->count, s->kind->acts);
    acts->scratch = va_new(1, s->kind->scratch);
    if (streaming)
        acts->state = va_new(s->count, s->kind->state);
    return acts->layers && acts->scratch && (acts->state || !streaming) ? 0 : -1;
}

void va_stack_acts_release(struct va_stack_acts *acts, const struct va_stack *s)
{
    for (int64_t l = 0; acts->state && s->kind->state_release && l < s->count; l++)
        s->kind->state_release(layer_of(s, l), state_of(s, acts, l));
    va_free(acts->layers);
    va_free(acts->state);
    va_free(acts->scratch);
    *acts = (struct va_stack_acts){ 0 };
}

/* ---- room ------------------------------------------------------------------------------ */

void va_stack_plan(const struct va_stack *s, int64_t B, int64_t T, bool training,
                   struct va_arena *a, struct va_stack_acts *acts)
{
    for (int64_t l = 0; l < s->count; l++) {
        if (training || l < 2)
            s->kind->plan(layer_of(s, l), B, T, training, a, acts_of(s, acts, l));
        else
            memcpy(acts_of(s, acts, l), acts_of(s, acts, l - 2), s->kind->acts);
        if (acts->state && s->kind->state_plan)
            s->kind->state_plan(layer_of(s, l), T, a, state_of(s, acts, l));
    }
}

void va_stack_plan_backward(const struct va_stack *s, int64_t B, int64_t T, struct va_arena *a,
                            struct va_stack_acts *acts)
{
    if (s->count && s->kind->plan_backward)
        s->kind->plan_backward(layer_of(s, 0), B, T, a, acts->scratch);
}

/* ---- passes ---------------------------------------------------------------------------- */

const void *va_stack_forward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                             struct va_stack_acts *acts)
{
    for (int64_t l = 0; l < s->count; l++)
        x = acts->out[l] = s->kind->forward(layer_of(s, l), B, T, x, acts_of(s, acts, l),
                                            state_of(s, acts, l));
    return x;
}

void va_stack_backward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                       const struct va_stack_acts *acts, void *grad[2])
{
    for (int64_t l = s->count - 1; l >= 0; l--) {
        void *dout = grad[0];

        s->kind->backward(layer_of(s, l), B, T, l ? acts->out[l - 1] : x, acts_of(s, acts, l),
                          dout, grad[1], acts->scratch);
        grad[0] = grad[1];
        grad[1] = dout;
    }
}

void va_stack_reset(const struct va_stack *s, struct va_stack_acts *acts)
{
    for (int64_t l = 0; l < s->count && s->kind->state_reset; l++)
        s->kind->state_reset(layer_of(s, l), state_of(s, acts, l));
}
