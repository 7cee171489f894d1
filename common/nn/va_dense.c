#include "nn/va_dense.h"

int64_t va_dense_declare(struct va_params *list, int64_t N, int64_t K,
                         const struct va_param *weight, const struct va_param *bias,
                         const char *name, ...)
{
    struct va_param w = *weight, b = bias ? *bias : (struct va_param){ 0 };
    int64_t layer;
    va_list args;

    if (!w.rank) {
        w.rank = 2;
        w.shape[0] = N;
        w.shape[1] = K;
    }
    w.biased = bias != NULL;
    w.value.use = VA_USE_LINEAR;
    b.rank = 1;
    b.shape[0] = N;
    va_start(args, name);
    layer = va_params_add_pair(list, &w, bias ? &b : NULL, name, args);
    va_end(args);
    return layer;
}

void va_dense_forward(const struct va_params *list, int64_t layer, const struct va_linear *p)
{
    struct va_param *w = &list->items[layer];
    struct va_linear q = *p;

    q.N = w->shape[0];
    q.K = w->count / q.N;
    q.w = &w->value;
    if (!q.bias && w->biased)
        q.bias = w[1].value.data;
    q.ldx = q.ldx ? q.ldx : q.K;
    q.ldy = q.ldy ? q.ldy : q.N;
    list->be->ops->linear(list->be, &q);
}

void va_dense_backward(const struct va_params *list, int64_t layer,
                       const struct va_linear_grad *p)
{
    struct va_param *w = &list->items[layer];
    struct va_linear_grad q = *p;

    q.N = w->shape[0];
    q.K = w->count / q.N;
    q.w = &w->value;
    q.dw = q.x ? w->grad : NULL;
    if (!q.dbias && w->biased)
        q.dbias = w[1].grad;
    q.lddy = q.lddy ? q.lddy : q.N;
    q.ldx = q.ldx ? q.ldx : q.K;
    q.lddx = q.lddx ? q.lddx : q.K;
    list->be->ops->linear_grad(list->be, &q);
}
