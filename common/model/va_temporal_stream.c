/*
 * The layers of the temporal model over one sequence that comes in blocks; what each remembers is in
 * va_history.h and va_temporal_kind.h.
 */
#include "base/va_mem.h"
#include "model/va_temporal_priv.h"
#include "nn/va_history.h"

struct va_temporal_stream {
    struct va_temporal *model;
    int64_t block;
    struct va_arena arena;
    struct va_history in[VA_TEMPORAL_BLOCKS_MAX],
        mid[VA_TEMPORAL_BLOCKS_MAX]; /* of conv1, conv2 */
    struct va_temporal_acts acts;
    void *c1, *c2, *out; /* [block, the widest C]; out of the last TCN block */
};

static void plan_tcn(struct va_temporal_stream *s)
{
    const struct va_temporal_config *c = &s->model->config;
    struct va_arena *a = &s->arena;
    int64_t width = va_temporal_entrance(s->model), most = 0;

    for (int64_t b = 0; b < c->blocks; b++) {
        int64_t reach = va_tcn_reach(&s->model->layers.tcn[b]);

        va_history_plan(&s->in[b], a, reach, s->block, width);
        width = c->channels[b];
        va_history_plan(&s->mid[b], a, reach, s->block, width);
        if (width > most)
            most = width;
    }
    s->c1 = va_arena_take(a, s->block, most);
    s->c2 = va_arena_take(a, s->block, most);
    s->out = va_arena_take(a, s->block, width);
}

static void plan(struct va_temporal_stream *s)
{
    va_fusion_plan(&s->model->layers.fusion, s->block, false, &s->arena, &s->acts.fusion);
    if (s->model->config.blocks)
        plan_tcn(s);
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
    for (int64_t b = 0; b < s->model->config.blocks; b++) {
        va_history_reset(&s->in[b]);
        va_history_reset(&s->mid[b]);
    }
    va_stack_reset(&s->model->layers.stack, &s->acts.stack);
}

/* The TCN's output of T new rows x, which lie in the first history. */
static const void *forward_tcn(struct va_temporal_stream *s, int64_t T, const void *x)
{
    static const struct va_mask none;
    struct va_backend *be = s->model->be;
    const struct va_temporal_config *c = &s->model->config;
    int64_t lead, same;
    void *in = va_history_append(&s->in[0], be, T, &lead);

    be->ops->copy(be, in, x, T * va_temporal_entrance(s->model));
    for (int64_t b = 0; b < c->blocks; b++) {
        struct va_tcn_acts acts = { .c1 = s->c1, .c2 = s->c2, .sum = s->c2, .out = s->out };
        int64_t here = lead;

        acts.y1 = va_history_append(&s->mid[b], be, T, &same);
        if (b + 1 < c->blocks)
            acts.out = va_history_append(&s->in[b + 1], be, T, &lead);
        va_tcn_forward(&s->model->layers.tcn[b], 1, T, here, in, &acts, &none);
        in = acts.out;
    }
    return in;
}

void va_temporal_stream_forward(struct va_temporal_stream *s, int64_t T, const void *x,
                                void *pred)
{
    struct va_temporal *model = s->model;

    x = va_fusion_forward(&model->layers.fusion, T, x, &s->acts.fusion);
    if (model->config.blocks) {
        x = forward_tcn(s, T, x);
    } else {
        model->drop = (struct va_mask){ 0 };
        va_temporal_embed(model, T, x, &s->acts);
        x = s->acts.embedded;
    }
    va_temporal_top_forward(model, 1, T, x, &s->acts, pred);
}
