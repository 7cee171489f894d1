#include "model/va_trunk.h"

#include "nn/va_dense.h"
#include <math.h>
#include <stdio.h>

/* ---- parameters and places --------------------------------------------------------------- */

int va_trunk_declare(struct va_trunk *t, struct va_params *list, const char *prefix, int64_t n,
                     int64_t in, const struct va_temporal_config *c, enum va_temporal_init init)
{
    const struct va_param law = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)in) };
    char name[64];

    *t = (struct va_trunk){ .params = list, .in = in, .D = c->width, .blocks = c->blocks };
    t->mask = n * (t->blocks ? 2 * t->blocks : 1);
    t->embed = -1;
    snprintf(name, sizeof(name), "%stcn", prefix);
    for (int64_t b = 0; b < t->blocks; b++) {
        if (va_tcn_declare(&t->tcn[b], list, name, b, b ? c->channels[b - 1] : in,
                           c->channels[b], c->kernel, (int64_t)1 << b,
                           init == VA_TEMPORAL_INIT_PAPER) < 0)
            return -1;
    }
    if (!t->blocks)
        t->embed = va_dense_declare(list, t->D, in, &law, &law, "%sembed", prefix);
    return t->blocks || t->embed >= 0 ? 0 : -1;
}

int64_t va_trunk_widest(const struct va_trunk *t)
{
    int64_t width = t->D;

    for (int64_t b = 0; b < t->blocks; b++)
        if (t->tcn[b].conv[0].Cout > width)
            width = t->tcn[b].conv[0].Cout;
    return width;
}

void va_trunk_plan(const struct va_trunk *t, int64_t M, bool training, struct va_arena *a,
                   struct va_trunk_acts *acts)
{
    void *shared[3] = { NULL };

    for (int i = 0; !training && t->blocks && i < 3; i++)
        shared[i] = va_arena_take(a, M, va_trunk_widest(t));
    for (int64_t b = 0; b < t->blocks; b++) {
        struct va_tcn_acts *of = &acts->tcn[b];
        int64_t C = t->tcn[b].conv[0].Cout;

        if (training) {
            of->c1 = va_arena_take(a, M, C);
            of->y1 = va_arena_take(a, M, C);
            of->c2 = va_arena_take(a, M, C);
            of->sum = va_arena_take(a, M, C);
            of->out = va_arena_take(a, M, C);
        } else {
            of->c1 = of->y1 = shared[0];
            of->c2 = of->sum = of->out = shared[1 + b % 2];
        }
    }
    if (!t->blocks)
        acts->embedded = va_arena_take(a, M, t->D);
}

/* ---- forward ------------------------------------------------------------------------------- */

static struct va_mask mask_of(const struct va_trunk *t, const struct va_mask *drop, int64_t b)
{
    struct va_mask mask = *drop;

    mask.stream = t->mask + 2 * b;
    return mask;
}

/* The mask of the embedding on x [M, D] in place; also its gradient. */
static void drop_embedded(const struct va_trunk *t, int64_t M, const struct va_mask *drop,
                          void *x)
{
    struct va_backend *be = t->params->be;
    struct va_mask mask = mask_of(t, drop, 0);

    mask.first *= t->D;
    if (mask.p > 0)
        be->ops->dropout(
            be, &(struct va_dropout){ .count = M * t->D, .mask = mask, .x = x, .y = x });
}

static void embed(const struct va_trunk *t, int64_t M, const void *x,
                  const struct va_mask *drop, void *y)
{
    va_dense_forward(t->params, t->embed, &(struct va_linear){ .M = M, .x = x, .y = y });
    drop_embedded(t, M, drop, y);
}

const void *va_trunk_out(const struct va_trunk *t, const struct va_trunk_acts *acts)
{
    return t->blocks ? acts->tcn[t->blocks - 1].out : acts->embedded;
}

const void *va_trunk_forward(struct va_trunk *t, int64_t B, int64_t T, const void *x,
                             const struct va_trunk_acts *acts, const struct va_mask *drop)
{
    for (int64_t b = 0; b < t->blocks; b++) {
        struct va_mask mask = mask_of(t, drop, b);

        va_tcn_forward(&t->tcn[b], B, T, 0, x, &acts->tcn[b], &mask);
        x = acts->tcn[b].out;
    }
    if (!t->blocks)
        embed(t, B * T, x, drop, acts->embedded);
    return va_trunk_out(t, acts);
}

/* ---- backward ------------------------------------------------------------------------------ */

static void turn(struct va_tcn_scratch *s)
{
    void *t = s->grad[0];

    s->grad[0] = s->grad[1];
    s->grad[1] = t;
}

void va_trunk_backward(struct va_trunk *t, int64_t B, int64_t T, const void *x,
                       const struct va_trunk_acts *acts, const struct va_mask *drop,
                       bool want_dx, struct va_tcn_scratch *s)
{
    if (!t->blocks) {
        drop_embedded(t, B * T, drop, s->grad[0]);
        va_dense_backward(
            t->params, t->embed,
            &(struct va_linear_grad){
                .M = B * T, .dy = s->grad[0], .x = x, .dx = want_dx ? s->grad[1] : NULL });
        turn(s);
    }
    for (int64_t b = t->blocks - 1; b >= 0; b--) {
        struct va_mask mask = mask_of(t, drop, b);

        va_tcn_backward(&t->tcn[b], B, T, b ? acts->tcn[b - 1].out : x, &acts->tcn[b], &mask,
                        b > 0 || want_dx, s);
        turn(s);
    }
}

/* ---- one sequence in blocks ---------------------------------------------------------------- */

void va_trunk_state_plan(const struct va_trunk *t, int64_t most, struct va_arena *a,
                         struct va_trunk_state *s)
{
    int64_t width = t->in, widest = va_trunk_widest(t);

    for (int64_t b = 0; b < t->blocks; b++) {
        int64_t reach = va_tcn_reach(&t->tcn[b]);

        va_history_plan(&s->in[b], a, reach, most, width);
        width = t->tcn[b].conv[0].Cout;
        va_history_plan(&s->mid[b], a, reach, most, width);
    }
    if (t->blocks) {
        s->c1 = va_arena_take(a, most, widest);
        s->c2 = va_arena_take(a, most, widest);
    }
    s->out = va_arena_take(a, most, t->D);
}

void va_trunk_state_reset(const struct va_trunk *t, struct va_trunk_state *s)
{
    for (int64_t b = 0; b < t->blocks; b++) {
        va_history_reset(&s->in[b]);
        va_history_reset(&s->mid[b]);
    }
}

/* New rows lie in the first history. */
static const void *step_tcn(struct va_trunk *t, int64_t T, const void *x,
                            struct va_trunk_state *s)
{
    static const struct va_mask none;
    struct va_backend *be = t->params->be;
    int64_t lead, same;
    void *in = va_history_append(&s->in[0], be, T, &lead);

    be->ops->copy(be, in, x, T * t->in);
    for (int64_t b = 0; b < t->blocks; b++) {
        struct va_tcn_acts acts = { .c1 = s->c1, .c2 = s->c2, .sum = s->c2, .out = s->out };
        int64_t here = lead;

        acts.y1 = va_history_append(&s->mid[b], be, T, &same);
        if (b + 1 < t->blocks)
            acts.out = va_history_append(&s->in[b + 1], be, T, &lead);
        va_tcn_forward(&t->tcn[b], 1, T, here, in, &acts, &none);
        in = acts.out;
    }
    return in;
}

const void *va_trunk_step(struct va_trunk *t, int64_t T, const void *x,
                          struct va_trunk_state *s)
{
    static const struct va_mask none;

    if (t->blocks)
        return step_tcn(t, T, x, s);
    embed(t, T, x, &none, s->out);
    return s->out;
}
