/*
 * A convolution that looks back R frames gets a buffer for 2R + block rows: new rows are appended,
 * and when it is full its last R rows move to the front, which they cannot overlap. So most
 * blocks copy nothing, and the rows before a new one are its history.
 */
#include "base/va_mem.h"
#include "nn/va_head_priv.h"

struct history {
    void *rows; /* [room, width] */
    int64_t width, reach, room, used;
};

struct va_head_stream {
    struct va_head *head;
    int64_t block;
    struct va_arena arena;
    struct history in[VA_HEAD_BLOCKS_MAX], mid[VA_HEAD_BLOCKS_MAX]; /* of conv1, conv2 */
    struct history xz[VA_HEAD_LAYERS_MAX];
    struct va_mamba_state states[VA_HEAD_LAYERS_MAX];
    struct va_head_acts acts;
    void *c1, *c2, *out; /* [block, the widest C]; out of the last TCN block */
};

static void plan_history(struct va_head_stream *s, struct history *h, int64_t reach,
                         int64_t width)
{
    *h = (struct history){ .width = width, .reach = reach, .room = 2 * reach + s->block };
    h->rows = va_arena_take(&s->arena, h->room, width);
}

static void plan(struct va_head_stream *s)
{
    const struct va_head_config *c = &s->head->config;
    struct va_arena *a = &s->arena;
    int64_t E = c->expand * va_head_dim(c), width = c->in_dim, most = 0;

    for (int64_t b = 0; b < c->blocks; b++) {
        int64_t reach = va_tcn_reach(&s->head->layers.tcn[b]);

        plan_history(s, &s->in[b], reach, width);
        width = c->channels[b];
        plan_history(s, &s->mid[b], reach, width);
        if (width > most)
            most = width;
    }
    s->c1 = va_arena_take(a, s->block, most);
    s->c2 = va_arena_take(a, s->block, most);
    s->out = va_arena_take(a, s->block, width);
    va_head_plan_top(s->head, s->block, false, a, &s->acts);
    for (int64_t l = 0; l < c->layers; l++) {
        plan_history(s, &s->xz[l], c->d_conv - 1, 2 * E);
        s->states[l].h = va_arena_take(a, E, c->d_state);
    }
}

struct va_head_stream *va_head_stream_new(struct va_head *head, int64_t block)
{
    struct va_head_stream *s = va_new(1, sizeof(*s));

    if (!s)
        return NULL;
    s->head = head;
    s->block = block;
    va_arena_init(&s->arena, head->be);
    va_arena_begin(&s->arena);
    plan(s);
    if (va_arena_commit(&s->arena) < 0) {
        va_head_stream_free(s);
        return NULL;
    }
    plan(s);
    va_head_stream_reset(s);
    return s;
}

void va_head_stream_free(struct va_head_stream *s)
{
    if (!s)
        return;
    va_arena_release(&s->arena);
    va_free(s);
}

void va_head_stream_reset(struct va_head_stream *s)
{
    const struct va_head_config *c = &s->head->config;

    for (int64_t b = 0; b < c->blocks; b++)
        s->in[b].used = s->mid[b].used = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        s->xz[l].used = 0;
        s->head->be->ops->zero(s->head->be, s->states[l].h,
                               c->expand * va_head_dim(c) * c->d_state);
    }
}

/* Room for T rows behind those that count as history, of which there are *lead. */
static void *append(struct va_backend *be, struct history *h, int64_t T, int64_t *lead)
{
    void *place;

    if (h->used + T > h->room) {
        be->ops->copy(be, h->rows, va_at(be, h->rows, (h->used - h->reach) * h->width),
                      h->reach * h->width);
        h->used = h->reach;
    }
    *lead = h->used < h->reach ? h->used : h->reach;
    place = va_at(be, h->rows, h->used * h->width);
    h->used += T;
    return place;
}

void va_head_stream_forward(struct va_head_stream *s, int64_t T, const void *x, void *pred)
{
    static const struct va_tcn_dropout none;
    struct va_backend *be = s->head->be;
    const struct va_head_config *c = &s->head->config;
    int64_t lead, same;
    void *in = append(be, &s->in[0], T, &lead);

    be->ops->copy(be, in, x, T * c->in_dim);
    for (int64_t b = 0; b < c->blocks; b++) {
        struct va_tcn_acts acts = { .c1 = s->c1, .c2 = s->c2, .sum = s->c2, .out = s->out };
        int64_t here = lead;

        acts.y1 = append(be, &s->mid[b], T, &same);
        if (b + 1 < c->blocks)
            acts.out = append(be, &s->in[b + 1], T, &lead);
        va_tcn_forward(&s->head->layers.tcn[b], 1, T, here, in, &acts, &none);
        in = acts.out;
    }
    for (int64_t l = 0; l < c->layers; l++)
        s->acts.mamba[l].xz = append(be, &s->xz[l], T, &s->states[l].lead);
    va_head_top_forward(s->head, 1, T, in, &s->acts, s->states, pred);
}
