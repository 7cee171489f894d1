#include "nn/va_mamba.h"

#include "nn/va_dense.h"
#include "nn/va_layernorm.h"

#include <math.h>

static const double NORM_EPS = 1e-5;

static struct va_param *at(const struct va_mamba *l, int64_t i)
{
    return &l->params->items[i];
}

static void *value(const struct va_mamba *l, int64_t i)
{
    return at(l, i)->value.data;
}

static void *grad(const struct va_mamba *l, int64_t i)
{
    return at(l, i)->grad;
}

/* ---- parameters ------------------------------------------------------------------------ */

/* The laws in which the presets differ. Uniform laws have bound a = 1/sqrt(fan in) but for the
 * authors' out_proj (Xavier). */
struct laws {
    struct va_param conv_w, conv_b, dt_w, dt_b, A_log, out_proj;
};

static struct laws laws_of(const struct va_mamba_sizes *s, enum va_mamba_init init)
{
    double conv = 1 / sqrt((double)s->taps), E = (double)s->E;

    if (init == VA_MAMBA_INIT_PAPER)
        return (struct laws){
            .conv_w = { .init = VA_INIT_UNIFORM, .a = conv },
            .conv_b = { .init = VA_INIT_UNIFORM, .a = conv },
            .dt_w = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)s->R) },
            .dt_b = { .init = VA_INIT_INV_SOFTPLUS, .a = 1e-3, .b = 0.1 },
            .A_log = { .init = VA_INIT_LOG_COUNT },
            .out_proj = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt(E) },
        };
    return (struct laws){
        .conv_w = { .init = VA_INIT_NORMAL, .a = 1 / sqrt(E * (double)s->taps) },
        .conv_b = { .init = VA_INIT_ZERO },
        .dt_w = { .init = VA_INIT_NORMAL, .a = 0.02 },
        .dt_b = { .init = VA_INIT_NORMAL, .a = 0.02 },
        .A_log = { .init = VA_INIT_NORMAL, .a = 0.01 },
        .out_proj = { .init = VA_INIT_UNIFORM, .a = sqrt(6 / (E + (double)s->D)) },
    };
}

/* Append PREFIX.NAME of a law with this shape. */
static int64_t add(struct va_params *list, const char *prefix, const char *name,
                   struct va_param law, int rank, int64_t d0, int64_t d1, int64_t d2)
{
    law.rank = rank;
    law.shape[0] = d0;
    law.shape[1] = d1;
    law.shape[2] = d2;
    return va_params_add(list, &law, "%s.%s", prefix, name);
}

int va_mamba_declare(struct va_mamba *l, struct va_params *list, const char *prefix,
                     const struct va_mamba_sizes *s, enum va_mamba_init init)
{
    struct laws laws = laws_of(s, init);
    const struct va_param of_D = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)s->D) },
                          of_E = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)s->E) },
                          one = { .init = VA_INIT_CONSTANT, .a = 1 },
                          zero = { .init = VA_INIT_ZERO };

    *l = (struct va_mamba){ .params = list, .s = *s };
    l->in_proj = add(list, prefix, "in_proj.weight", of_D, 2, 2 * s->E, s->D, 0);
    l->conv_w = add(list, prefix, "conv1d.weight", laws.conv_w, 3, s->E, 1, s->taps);
    l->conv_b = add(list, prefix, "conv1d.bias", laws.conv_b, 1, s->E, 0, 0);
    l->x_proj = add(list, prefix, "x_proj.weight", of_E, 2, s->R + 2 * s->N, s->E, 0);
    laws.dt_w.biased = true;
    l->dt_w = add(list, prefix, "dt_proj.weight", laws.dt_w, 2, s->E, s->R, 0);
    l->dt_b = add(list, prefix, "dt_proj.bias", laws.dt_b, 1, s->E, 0, 0);
    l->A_log = add(list, prefix, "A_log", laws.A_log, 2, s->E, s->N, 0);
    l->skip = add(list, prefix, "D", one, 1, s->E, 0, 0);
    l->out_proj = add(list, prefix, "out_proj.weight", laws.out_proj, 2, s->D, s->E, 0);
    l->norm_w = add(list, prefix, "norm.weight", one, 1, s->D, 0, 0);
    l->norm_b = add(list, prefix, "norm.bias", zero, 1, s->D, 0, 0);
    if (l->in_proj < 0 || l->conv_w < 0 || l->conv_b < 0 || l->x_proj < 0 || l->dt_w < 0 ||
        l->dt_b < 0 || l->A_log < 0 || l->skip < 0 || l->out_proj < 0 || l->norm_w < 0 ||
        l->norm_b < 0)
        return -1;
    l->A = va_params_derive(list, VA_LAW_NEG_EXP, l->A_log, -1);
    return l->A < 0 ? -1 : 0;
}

void va_mamba_plan(const struct va_mamba *l, int64_t B, int64_t T, bool training,
                   struct va_arena *a, struct va_mamba_acts *acts)
{
    const struct va_mamba_sizes *s = &l->s;
    int64_t M = B * T, marks = va_scan_marks(l->params->be, B, T);

    acts->xz = va_arena_take(a, M, 2 * s->E);
    acts->u = va_arena_take(a, M, s->E);
    acts->dbc = va_arena_take(a, M, s->R + 2 * s->N);
    acts->pre = va_arena_take(a, M, s->E);
    acts->delta = training ? va_arena_take(a, M, s->E) : acts->pre;
    acts->y = va_arena_take(a, M, s->E);
    acts->sum = va_arena_take(a, M, s->D);
    acts->out = va_arena_take(a, M, s->D);
    acts->stats = training ? va_arena_take(a, M, 2) : NULL;
    acts->marks = training && marks > 0 ? va_arena_take(a, marks, s->E * s->N) : NULL;
}

void va_mamba_plan_backward(const struct va_mamba *l, int64_t M, struct va_arena *a,
                            struct va_mamba_scratch *t)
{
    const struct va_mamba_sizes *s = &l->s;

    t->dy = va_arena_take(a, M, s->E);
    t->du = va_arena_take(a, M, s->E);
    t->ddelta = va_arena_take(a, M, s->E);
    t->dxz = va_arena_take(a, M, 2 * s->E);
    t->ddbc = va_arena_take(a, M, s->R + 2 * s->N);
}

/* ---- forward --------------------------------------------------------------------------- */

static void scan(const struct va_mamba *l, int64_t B, int64_t T,
                 const struct va_mamba_acts *acts, void *h)
{
    struct va_backend *be = l->params->be;
    const struct va_mamba_sizes *s = &l->s;
    int64_t low = s->R + 2 * s->N; /* row of dbc */

    be->ops->scan(be, &(struct va_scan){ .B = B,
                                         .T = T,
                                         .E = s->E,
                                         .N = s->N,
                                         .u = acts->u,
                                         .delta = acts->delta,
                                         .A = l->params->derived[l->A].w.data,
                                         .Bm = va_at(be, acts->dbc, s->R),
                                         .Cm = va_at(be, acts->dbc, s->R + s->N),
                                         .skip = value(l, l->skip),
                                         .z = va_at(be, acts->xz, s->E),
                                         .ldu = s->E,
                                         .lddelta = s->E,
                                         .ldB = low,
                                         .ldC = low,
                                         .ldz = 2 * s->E,
                                         .h0 = h,
                                         .y = acts->y,
                                         .h_last = h,
                                         .marks = acts->marks });
}

void va_mamba_forward(const struct va_mamba *l, int64_t B, int64_t T, const void *x,
                      const struct va_mamba_acts *acts, const struct va_mamba_state *state)
{
    struct va_backend *be = l->params->be;
    const struct va_mamba_sizes *s = &l->s;
    int64_t M = B * T;

    va_dense_forward(l->params, l->in_proj,
                     &(struct va_linear){ .M = M, .x = x, .y = acts->xz });
    be->ops->dwconv(be, &(struct va_dwconv){ .B = B,
                                             .T = T,
                                             .C = s->E,
                                             .K = s->taps,
                                             .lead = state->lead,
                                             .ldx = 2 * s->E,
                                             .x = va_at(be, acts->xz, -state->lead * 2 * s->E),
                                             .w = value(l, l->conv_w),
                                             .bias = value(l, l->conv_b),
                                             .act = VA_SILU,
                                             .y = acts->u });
    va_dense_forward(l->params, l->x_proj,
                     &(struct va_linear){ .M = M, .x = acts->u, .y = acts->dbc });
    va_dense_forward(l->params, l->dt_w,
                     &(struct va_linear){ .M = M,
                                          .x = acts->dbc,
                                          .ldx = s->R + 2 * s->N,
                                          .act = VA_SOFTPLUS,
                                          .pre = acts->pre == acts->delta ? NULL : acts->pre,
                                          .y = acts->delta });
    scan(l, B, T, acts, state->h);
    va_dense_forward(
        l->params, l->out_proj,
        &(struct va_linear){ .M = M, .x = acts->y, .residual = x, .y = acts->sum });
    va_layernorm_forward(
        l->params, l->norm_w,
        &(struct va_norm){
            .M = M, .eps = NORM_EPS, .x = acts->sum, .y = acts->out, .stats = acts->stats });
}

/* ---- backward -------------------------------------------------------------------------- */

/* From t->dy: du, ddelta, dz (in dxz), dBm and dCm (in ddbc), and the gradients of A and skip. */
static void scan_backward(const struct va_mamba *l, int64_t B, int64_t T,
                          const struct va_mamba_acts *acts, const struct va_mamba_scratch *t)
{
    struct va_backend *be = l->params->be;
    const struct va_mamba_sizes *s = &l->s;
    int64_t E = s->E, low = s->R + 2 * s->N;

    be->ops->scan_grad(be, &(struct va_scan_grad){ .B = B,
                                                   .T = T,
                                                   .E = E,
                                                   .N = s->N,
                                                   .dy = t->dy,
                                                   .marks = acts->marks,
                                                   .u = acts->u,
                                                   .delta = acts->delta,
                                                   .A = l->params->derived[l->A].w.data,
                                                   .Bm = va_at(be, acts->dbc, s->R),
                                                   .Cm = va_at(be, acts->dbc, s->R + s->N),
                                                   .skip = value(l, l->skip),
                                                   .z = va_at(be, acts->xz, E),
                                                   .ldu = E,
                                                   .lddelta = E,
                                                   .ldB = low,
                                                   .ldC = low,
                                                   .ldz = 2 * E,
                                                   .du = t->du,
                                                   .ddelta = t->ddelta,
                                                   .dBm = va_at(be, t->ddbc, s->R),
                                                   .dCm = va_at(be, t->ddbc, s->R + s->N),
                                                   .dz = va_at(be, t->dxz, E),
                                                   .lddu = E,
                                                   .ldddelta = E,
                                                   .lddB = low,
                                                   .lddC = low,
                                                   .lddz = 2 * E,
                                                   .dA = grad(l, l->A_log),
                                                   .dskip = grad(l, l->skip) });
}

void va_mamba_backward(const struct va_mamba *l, int64_t B, int64_t T, const void *x,
                       const struct va_mamba_acts *acts, const void *dout, void *dx,
                       const struct va_mamba_scratch *t)
{
    struct va_backend *be = l->params->be;
    const struct va_mamba_sizes *s = &l->s;
    int64_t M = B * T, E = s->E, low = s->R + 2 * s->N;

    /* dx holds dsum first: it is both the residual's gradient and out_proj's. */
    va_layernorm_backward(
        l->params, l->norm_w,
        &(struct va_norm_grad){
            .M = M, .dy = dout, .x = acts->sum, .stats = acts->stats, .dx = dx });
    va_dense_backward(l->params, l->out_proj,
                      &(struct va_linear_grad){ .M = M, .dy = dx, .x = acts->y, .dx = t->dy });
    scan_backward(l, B, T, acts, t);
    be->ops->unary_grad(be, VA_SOFTPLUS, M * E, acts->pre, acts->delta, t->ddelta, t->ddelta);
    va_dense_backward(
        l->params, l->dt_w,
        &(struct va_linear_grad){
            .M = M, .dy = t->ddelta, .x = acts->dbc, .ldx = low, .dx = t->ddbc, .lddx = low });
    va_dense_backward(l->params, l->x_proj,
                      &(struct va_linear_grad){
                          .M = M, .dy = t->ddbc, .x = acts->u, .dx = t->du, .add_dx = true });
    be->ops->dwconv_grad(be, &(struct va_dwconv_grad){ .B = B,
                                                       .T = T,
                                                       .C = E,
                                                       .K = s->taps,
                                                       .ldx = 2 * E,
                                                       .lddx = 2 * E,
                                                       .dy = t->du,
                                                       .x = acts->xz,
                                                       .w = value(l, l->conv_w),
                                                       .bias = value(l, l->conv_b),
                                                       .act = VA_SILU,
                                                       .dx = t->dxz,
                                                       .dw = grad(l, l->conv_w),
                                                       .dbias = grad(l, l->conv_b) });
    va_dense_backward(
        l->params, l->in_proj,
        &(struct va_linear_grad){ .M = M, .dy = t->dxz, .x = x, .dx = dx, .add_dx = true });
}
