/*
 * The layers of the temporal model over one sequence that comes in blocks; what each remembers is in
 * va_trunk.h and va_temporal_kind.h.
 */
#include "base/va_mem.h"
#include "model/va_temporal_priv.h"

struct va_temporal_stream {
    struct va_temporal *model;
    int64_t block;
    struct va_arena arena;
    struct va_trunk_state trunk[VA_STREAMS_MAX];
    struct va_temporal_acts acts;
};

static void plan(struct va_temporal_stream *s)
{
    const struct va_temporal_layers *l = &s->model->layers;

    va_fusion_plan(&l->fusion, s->block, false, &s->arena, &s->acts.fusion);
    for (int64_t k = 0; k < l->trunks; k++)
        va_trunk_state_plan(&l->trunk[k], s->block, &s->arena, &s->trunk[k]);
    va_temporal_plan_top(s->model, 1, s->block, false, &s->arena, &s->acts);
}

struct va_temporal_stream *va_temporal_stream_new(struct va_temporal *model, int64_t block)
{
    struct va_temporal_stream *s = va_new(1, sizeof(*s));

    if (!s)
        return NULL;
    s->model = model;
    s->block = block;
    va_arena_init(&s->arena, model->be);
    if (va_stack_acts_init(&s->acts.stack, &model->layers.stack, true) < 0)
        goto failed;
    va_arena_begin(&s->arena);
    plan(s);
    if (va_arena_commit(&s->arena) < 0)
        goto failed;
    plan(s);
    va_temporal_stream_reset(s);
    return s;
failed:
    va_temporal_stream_free(s);
    return NULL;
}

void va_temporal_stream_free(struct va_temporal_stream *s)
{
    if (!s)
        return;
    va_stack_acts_release(&s->acts.stack, &s->model->layers.stack);
    va_arena_release(&s->arena);
    va_free(s);
}

void va_temporal_stream_reset(struct va_temporal_stream *s)
{
    for (int64_t k = 0; k < s->model->layers.trunks; k++)
        va_trunk_state_reset(&s->model->layers.trunk[k], &s->trunk[k]);
    va_stack_reset(&s->model->layers.stack, &s->acts.stack);
}

void va_temporal_stream_forward(struct va_temporal_stream *s, int64_t T, const void *x,
                                void *pred)
{
    struct va_temporal *model = s->model;
    struct va_temporal_layers *l = &model->layers;
    const void *h[VA_STREAMS_MAX];

    va_fusion_forward(&l->fusion, T, x, &s->acts.fusion);
    for (int64_t k = 0; k < l->trunks; k++)
        h[k] = va_trunk_step(&l->trunk[k], T, va_temporal_trunk_input(model, k, x, &s->acts),
                             &s->trunk[k]);
    va_temporal_top_forward(model, 1, T, va_temporal_join(model, T, h, &s->acts), &s->acts,
                            pred);
}
