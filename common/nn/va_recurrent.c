#include "nn/va_recurrent.h"

#include "nn/va_dense.h"

#include <math.h>

static struct va_param *at(const struct va_recurrent_layer *l, int64_t i)
{
    return &l->params->items[i];
}

static int64_t rows_of(const struct va_recurrent_layer *l) /* G*H */
{
    return va_cell_gates(l->cell) * l->H;
}

int va_recurrent_declare(struct va_recurrent_layer *l, struct va_params *list,
                         const char *prefix, enum va_cell cell, int64_t H)
{
    struct va_param law = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)H) };

    *l = (struct va_recurrent_layer){ .params = list, .cell = cell, .H = H };
    law.shape[0] = rows_of(l);
    law.shape[1] = H;
    law.rank = 2;
    law.value.use = VA_USE_LINEAR;
    l->w_ih = va_params_add(list, &law, "%s.weight_ih", prefix);
    l->w_hh = va_params_add(list, &law, "%s.weight_hh", prefix);
    law.rank = 1;
    law.value.use = VA_USE_PLAIN;
    l->b_ih = va_params_add(list, &law, "%s.bias_ih", prefix);
    l->b_hh = va_params_add(list, &law, "%s.bias_hh", prefix);
    return l->w_ih < 0 || l->w_hh < 0 || l->b_ih < 0 || l->b_hh < 0 ? -1 : 0;
}

void va_recurrent_plan(const struct va_recurrent_layer *l, int64_t M, struct va_arena *a,
                       struct va_recurrent_acts *acts)
{
    acts->gates = va_arena_take(a, M, rows_of(l));
    acts->memo = va_arena_take(a, M, l->H);
    acts->out = va_arena_take(a, M, l->H);
}

void va_recurrent_plan_backward(const struct va_recurrent_layer *l, int64_t M,
                                struct va_arena *a, struct va_recurrent_scratch *t)
{
    t->da = va_arena_take(a, M, rows_of(l));
    t->dsum = l->cell == VA_CELL_GRU ? va_arena_take(a, M, rows_of(l)) : NULL;
}

void va_recurrent_forward(const struct va_recurrent_layer *l, int64_t B, int64_t T,
                          const void *x, const struct va_recurrent_acts *acts, void *state)
{
    struct va_backend *be = l->params->be;

    va_dense_forward(
        l->params, l->w_ih,
        &(struct va_linear){
            .M = B * T, .x = x, .bias = at(l, l->b_ih)->value.data, .y = acts->gates });
    be->ops->recurrent(be, &(struct va_recurrent){ .cell = l->cell,
                                                   .B = B,
                                                   .T = T,
                                                   .H = l->H,
                                                   .w = &at(l, l->w_hh)->value,
                                                   .bias = at(l, l->b_hh)->value.data,
                                                   .gates = acts->gates,
                                                   .memo = acts->memo,
                                                   .y = acts->out,
                                                   .state = state });
}

void va_recurrent_backward(const struct va_recurrent_layer *l, int64_t B, int64_t T,
                           const void *x, const struct va_recurrent_acts *acts,
                           const void *dout, void *dx, const struct va_recurrent_scratch *t)
{
    struct va_backend *be = l->params->be;
    const void *ds = l->cell == VA_CELL_GRU ? t->dsum : t->da;
    int64_t rows = rows_of(l);

    be->ops->recurrent_grad(be, &(struct va_recurrent_grad){ .cell = l->cell,
                                                             .B = B,
                                                             .T = T,
                                                             .H = l->H,
                                                             .w = &at(l, l->w_hh)->value,
                                                             .gates = acts->gates,
                                                             .memo = acts->memo,
                                                             .y = acts->out,
                                                             .dy = dout,
                                                             .da = t->da,
                                                             .dsum = t->dsum });
    va_dense_backward(
        l->params, l->w_ih,
        &(struct va_linear_grad){
            .M = B * T, .dy = t->da, .x = x, .dx = dx, .dbias = at(l, l->b_ih)->grad });
    va_dense_backward(
        l->params, l->w_hh,
        &(struct va_linear_grad){ .M = B * T, .dy = ds, .dbias = at(l, l->b_hh)->grad });
    va_dense_backward(l->params, l->w_hh, /* frames after the first have one before them */
                      &(struct va_linear_grad){ .M = T - 1,
                                                .dy = va_at(be, ds, rows),
                                                .x = acts->out,
                                                .B = B,
                                                .stepdy = T * rows,
                                                .stepx = T * l->H });
}
