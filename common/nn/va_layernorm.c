#include "nn/va_layernorm.h"

int64_t va_layernorm_declare(struct va_params *list, int64_t C, const char *name, ...)
{
    struct va_param weight = { .rank = 1, .shape = { C }, .init = VA_INIT_CONSTANT, .a = 1 };
    struct va_param bias = { .rank = 1, .shape = { C } };
    int64_t layer;
    va_list args;

    va_start(args, name);
    layer = va_params_add_pair(list, &weight, &bias, name, args);
    va_end(args);
    return layer;
}

void va_layernorm_forward(const struct va_params *list, int64_t layer, const struct va_norm *p)
{
    const struct va_param *w = &list->items[layer];
    struct va_norm q = *p;

    q.C = w->count;
    q.gamma = w[0].value.data;
    q.beta = w[1].value.data;
    list->be->ops->norm(list->be, &q);
}

void va_layernorm_backward(const struct va_params *list, int64_t layer,
                           const struct va_norm_grad *p)
{
    const struct va_param *w = &list->items[layer];
    struct va_norm_grad q = *p;

    q.C = w->count;
    q.gamma = w[0].value.data;
    q.dgamma = w[0].grad;
    q.dbeta = w[1].grad;
    list->be->ops->norm_grad(list->be, &q);
}
