/*
 * The layers of a net in order, and the steps of a pass, each of which takes the next one.
 */
#include "base/va_mem.h"
#include "model/va_cnn_priv.h"
#include <stdio.h>

int va_cnn_add(struct va_cnn_plan *plan, int64_t out, int64_t in, int64_t K, const char *format,
               int64_t stage, int64_t block, const char *name, const char *norm)
{
    struct va_cnn_layer *l;
    char base[32];

    if (va_grow(&plan->items, &plan->room, plan->count + 1, sizeof(*plan->items)) < 0)
        return -1;
    l = &plan->items[plan->count++];
    *l = (struct va_cnn_layer){ .out = out, .in = in, .K = K };
    snprintf(base, sizeof(base), format, (int)stage, (int)block);
    snprintf(l->name, sizeof(l->name), "%s%s", base, name);
    if (norm)
        snprintf(l->norm, sizeof(l->norm), "%s%s", base, norm);
    return 0;
}

struct va_cnn_map va_cnn_take(struct va_cnn *net, int64_t B, int64_t side, int64_t C)
{
    return (struct va_cnn_map){ B, side, C, va_arena_take(&net->arena, B * side * side, C) };
}

static struct va_param *next(struct va_cnn *net)
{
    return &net->params.items[net->plan.items[net->next++].at];
}

/* The PReLU of the layer that was taken last, if it has one. */
static void bend(struct va_cnn *net, const struct va_cnn_map *y)
{
    const struct va_cnn_layer *l = &net->plan.items[net->next - 1];

    if (*l->slope)
        net->be->ops->gate(net->be,
                           &(struct va_gate){ .B = 1,
                                              .P = y->B * y->side * y->side,
                                              .C = y->C,
                                              .below = true,
                                              .x = y->x,
                                              .s = net->params.items[l->at + 2].value.data,
                                              .y = y->x });
}

/* From x to y; padding that is not alike at both ends has less in front. */
static struct va_plane plane(const struct va_cnn *net, const struct va_cnn_map *x,
                             const struct va_cnn_map *y, int64_t K, int64_t stride)
{
    int64_t missing = (y->side - 1) * stride + K - x->side, pad = (K - 1) / 2;

    if (net->config.padding == VA_CNN_SAME)
        pad = missing > 0 ? missing / 2 : 0;
    else if (K == x->side && y->side == 1) /* a number for the whole picture */
        pad = 0;
    return (struct va_plane){ x->B, x->side, x->side, y->side, y->side, K, stride, pad };
}

void va_cnn_conv(struct va_cnn *net, const struct va_cnn_map *x, int64_t stride,
                 enum va_unary act, const struct va_cnn_map *y)
{
    struct va_param *w = next(net);

    if (net->arena.measuring)
        return;
    net->be->ops->conv2d(net->be,
                         &(struct va_conv2d){ .at = plane(net, x, y, w->shape[2], stride),
                                              .Cin = x->C,
                                              .Cout = y->C,
                                              .x = x->x,
                                              .w = &w->value,
                                              .bias = w[1].value.data,
                                              .act = act,
                                              .y = y->x });
    bend(net, y);
}

void va_cnn_point(struct va_cnn *net, const struct va_cnn_map *x, enum va_unary act,
                  const void *residual, const struct va_cnn_map *y)
{
    struct va_param *w = next(net);

    if (net->arena.measuring)
        return;
    net->be->ops->linear(net->be, &(struct va_linear){ .M = x->B * x->side * x->side,
                                                       .N = y->C,
                                                       .K = x->C,
                                                       .x = x->x,
                                                       .ldx = x->C,
                                                       .w = &w->value,
                                                       .bias = w[1].value.data,
                                                       .act = act,
                                                       .residual = residual,
                                                       .y = y->x,
                                                       .ldy = y->C });
    bend(net, y);
}

void va_cnn_depth(struct va_cnn *net, const struct va_cnn_map *x, int64_t stride,
                  enum va_unary act, const struct va_cnn_map *y)
{
    const struct va_param *w = next(net);

    if (net->arena.measuring)
        return;
    net->be->ops->dwconv2d(net->be,
                           &(struct va_dwconv2d){ .at = plane(net, x, y, w->shape[2], stride),
                                                  .C = x->C,
                                                  .x = x->x,
                                                  .w = w->value.data,
                                                  .bias = w[1].value.data,
                                                  .act = act,
                                                  .y = y->x });
    bend(net, y);
}

void va_cnn_expand(struct va_cnn *net, const struct va_cnn_map *x, int64_t stride,
                   enum va_unary act, const struct va_cnn_map *y)
{
    struct va_param *w = next(net);
    const struct va_param *d = next(net);

    if (net->arena.measuring)
        return;
    net->be->ops->separable2d(
        net->be, &(struct va_separable2d){ .at = plane(net, x, y, d->shape[2], stride),
                                           .Cin = x->C,
                                           .C = y->C,
                                           .x = x->x,
                                           .w = &w->value,
                                           .bias = w[1].value.data,
                                           .act_between = act,
                                           .depth = d->value.data,
                                           .depth_bias = d[1].value.data,
                                           .act = act,
                                           .y = y->x });
}

void va_cnn_mean(struct va_cnn *net, const struct va_cnn_map *x, const struct va_cnn_map *y)
{
    if (net->arena.measuring)
        return;
    net->be->ops->pool2d(
        net->be, &(struct va_pool2d){ .at = { x->B, x->side, x->side, 1, 1, x->side, 1, 0 },
                                      .pool = VA_POOL_MEAN,
                                      .C = x->C,
                                      .x = x->x,
                                      .y = y->x });
}
