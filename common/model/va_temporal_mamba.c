/*
 * The published model: layers of Mamba, each with residual and norm (nn/va_mamba.h).
 */
#include "model/va_temporal_kind.h"

#include "base/va_error.h"
#include "model/va_temporal_read.h"
#include "nn/va_history.h"
#include "nn/va_mamba.h"
#include <inttypes.h>

static const char *const settings[] = { "d-state", "d-conv", "expand", "dt-rank", NULL };

static void resolve(struct va_temporal_config *c)
{
    if (!c->dt_rank)
        c->dt_rank = (c->width + 15) / 16;
}

static int check(const struct va_temporal_config *c, const char *where)
{
    return va_temporal_check_range(where, "inner width", c->expand * c->width, 0,
                                   VA_TEMPORAL_SIZE_MAX);
}

static int read_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                      const char *path)
{
    const struct va_tensor *in = va_temporal_tensor(set, path, 2, "mamba.0.in_proj.weight");
    const struct va_tensor *conv =
        in ? va_temporal_tensor(set, path, 3, "mamba.0.conv1d.weight") : NULL;
    const struct va_tensor *dt =
        conv ? va_temporal_tensor(set, path, 2, "mamba.0.dt_proj.weight") : NULL;
    const struct va_tensor *A = dt ? va_temporal_tensor(set, path, 2, "mamba.0.A_log") : NULL;
    int64_t D = c->width;

    if (!A)
        return -1;
    if (in->shape[0] < 2 * D || in->shape[0] % (2 * D) != 0)
        return va_error("%s: mamba.0.in_proj.weight: %" PRId64
                        " rows, expected a multiple of %" PRId64
                        ", twice the width of the layer before",
                        path, in->shape[0], 2 * D);
    c->expand = in->shape[0] / (2 * D);
    c->d_conv = conv->shape[2];
    c->dt_rank = dt->shape[1];
    c->d_state = A->shape[1];
    return va_temporal_check_range(path, "dt-rank", c->dt_rank, 1, VA_TEMPORAL_SIZE_MAX);
}

static int declare(void *layer, struct va_params *list, const char *prefix, int64_t l,
                   const struct va_temporal_config *c, enum va_temporal_init init)
{
    const struct va_mamba_sizes sizes = { .D = c->width,
                                          .E = c->expand * c->width,
                                          .N = c->d_state,
                                          .R = c->dt_rank,
                                          .taps = c->d_conv };

    (void)l;
    return va_mamba_declare(layer, list, prefix, &sizes,
                            init == VA_TEMPORAL_INIT_PAPER ? VA_MAMBA_INIT_PAPER
                                                           : VA_MAMBA_INIT_AUTHORS);
}

static void plan(const void *layer, int64_t B, int64_t T, bool training, struct va_arena *a,
                 void *acts)
{
    va_mamba_plan(layer, B, T, training, a, acts);
}

static void plan_backward(const void *layer, int64_t B, int64_t T, struct va_arena *a,
                          void *scratch)
{
    va_mamba_plan_backward(layer, B * T, a, scratch);
}

struct state {
    struct va_history xz; /* rows before the convolution */
    void *h;              /* [1, E, N] of the scan */
};

static const void *forward(const void *layer, int64_t B, int64_t T, const void *x, void *acts,
                           void *state)
{
    const struct va_mamba *m = layer;
    struct va_mamba_acts *places = acts;
    struct va_mamba_state before = { 0, NULL };
    struct state *s = state;

    if (s) {
        places->xz = va_history_append(&s->xz, m->params->be, T, &before.lead);
        before.h = s->h;
    }
    va_mamba_forward(m, B, T, x, places, &before);
    return places->out;
}

static void backward(const void *layer, int64_t B, int64_t T, const void *x, const void *acts,
                     const void *dout, void *dx, const void *scratch)
{
    va_mamba_backward(layer, B, T, x, acts, dout, dx, scratch);
}

static void state_plan(const void *layer, int64_t most, struct va_arena *a, void *state)
{
    const struct va_mamba *m = layer;
    struct state *s = state;

    va_history_plan(&s->xz, a, m->s.taps - 1, most, 2 * m->s.E);
    s->h = va_arena_take(a, m->s.E, m->s.N);
}

static void state_reset(const void *layer, void *state)
{
    const struct va_mamba *m = layer;
    struct state *s = state;

    va_history_reset(&s->xz);
    m->params->be->ops->zero(m->params->be, s->h, m->s.E * m->s.N);
}

const struct va_temporal_kind va_temporal_mamba = {
    .tensor = "in_proj.weight",
    .settings = settings,
    .resolve = resolve,
    .check = check,
    .read = read_sizes,
    .layer = sizeof(struct va_mamba),
    .acts = sizeof(struct va_mamba_acts),
    .scratch = sizeof(struct va_mamba_scratch),
    .state = sizeof(struct state),
    .declare = declare,
    .plan = plan,
    .plan_backward = plan_backward,
    .forward = forward,
    .backward = backward,
    .state_plan = state_plan,
    .state_reset = state_reset,
};
