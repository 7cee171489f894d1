/*
 * The gradient of effective weights goes to one scratch buffer and through the weight norm at
 * once: 66 million numbers less to keep than a gradient beside each w.
 */
#include "nn/va_tcn.h"

#include "nn/va_dense.h"

#include <math.h>

static const double PRELU_START = 0.25;
static const double NORMAL_START =
    0.01; /* deviation of weights in the paper, and of shortcuts */

static struct va_param *at(const struct va_tcn *l, int64_t i)
{
    return &l->params->items[i];
}

static void *value(const struct va_tcn *l, int64_t i)
{
    return at(l, i)->value.data;
}

/* ---- parameters ------------------------------------------------------------------------ */

static int declare_slope(int64_t *index, struct va_params *list, const char *prefix, int64_t b,
                         int i)
{
    *index = va_params_add(
        list,
        &(struct va_param){
            .rank = 1, .shape = { 1 }, .init = VA_INIT_CONSTANT, .a = PRELU_START },
        "%s.%d.prelu%d.weight", prefix, (int)b, i);
    return *index < 0 ? -1 : 0;
}

static int declare_conv(struct va_tcn_conv *c, struct va_params *list, const char *prefix,
                        int64_t b, int i, bool normal_init)
{
    double bound = 1 / sqrt((double)(c->Cin * c->K));

    c->v = va_params_add(
        list,
        &(struct va_param){ .rank = 3,
                            .shape = { c->Cout, c->Cin, c->K },
                            .init = normal_init ? VA_INIT_NORMAL : VA_INIT_UNIFORM,
                            .a = normal_init ? NORMAL_START : bound },
        "%s.%d.conv%d.weight_v", prefix, (int)b, i);
    c->g = va_params_add(
        list,
        &(struct va_param){
            .rank = 3, .shape = { c->Cout, 1, 1 }, .init = VA_INIT_NORM_OF, .of = c->v },
        "%s.%d.conv%d.weight_g", prefix, (int)b, i);
    c->bias = va_params_add(
        list,
        &(struct va_param){
            .rank = 1, .shape = { c->Cout }, .init = VA_INIT_UNIFORM, .a = bound },
        "%s.%d.conv%d.bias", prefix, (int)b, i);
    c->w = c->v < 0 || c->g < 0 ? -1 : va_params_derive(list, VA_LAW_WEIGHT_NORM, c->v, c->g);
    if (c->w < 0 || c->bias < 0)
        return -1;
    return declare_slope(&c->slope, list, prefix, b, i);
}

int va_tcn_declare(struct va_tcn *l, struct va_params *list, const char *prefix, int64_t b,
                   int64_t Cin, int64_t Cout, int64_t K, int64_t dilation, bool normal_init)
{
    *l = (struct va_tcn){ .params = list, .shortcut = -1 };
    l->conv[0] = (struct va_tcn_conv){ .Cin = Cin, .Cout = Cout, .K = K, .dilation = dilation };
    l->conv[1] =
        (struct va_tcn_conv){ .Cin = Cout, .Cout = Cout, .K = K, .dilation = dilation };
    if (declare_conv(&l->conv[0], list, prefix, b, 1, normal_init) < 0 ||
        declare_conv(&l->conv[1], list, prefix, b, 2, normal_init) < 0 ||
        declare_slope(&l->slope, list, prefix, b, 3) < 0)
        return -1;
    if (Cin == Cout)
        return 0;
    l->shortcut = va_dense_declare(
        list, Cout, Cin,
        &(struct va_param){
            .rank = 3, .shape = { Cout, Cin, 1 }, .init = VA_INIT_NORMAL, .a = NORMAL_START },
        &(struct va_param){ .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)Cin) },
        "%s.%d.shortcut", prefix, (int)b);
    return l->shortcut < 0 ? -1 : 0;
}

int64_t va_tcn_reach(const struct va_tcn *l)
{
    return (l->conv[0].K - 1) * l->conv[0].dilation;
}

/* ---- forward --------------------------------------------------------------------------- */

/* The mask of the first or second convolution, on tensors [.., C]. */
static struct va_mask mask_of(const struct va_mask *drop, int which, int64_t C)
{
    return (struct va_mask){ drop->p, drop->step, drop->stream + which, drop->first * C };
}

/* y = dropout(prelu(c)) + residual, c = conv(x) */
static void conv_forward(struct va_tcn *l, int which, int64_t B, int64_t T, int64_t lead,
                         const void *x, void *c, const void *residual, void *y,
                         const struct va_mask *drop)
{
    struct va_backend *be = l->params->be;
    struct va_tcn_conv *p = &l->conv[which];

    be->ops->conv(be, &(struct va_conv){ .B = B,
                                         .T = T,
                                         .Cin = p->Cin,
                                         .Cout = p->Cout,
                                         .K = p->K,
                                         .dilation = p->dilation,
                                         .lead = lead,
                                         .x = va_at(be, x, -lead * p->Cin),
                                         .w = &l->params->derived[p->w].w,
                                         .bias = value(l, p->bias),
                                         .y = c });
    be->ops->prelu(be, &(struct va_prelu){ .n = B * T * p->Cout,
                                           .x = c,
                                           .slope = value(l, p->slope),
                                           .residual = residual,
                                           .y = y,
                                           .mask = mask_of(drop, which, p->Cout) });
}

void va_tcn_forward(struct va_tcn *l, int64_t B, int64_t T, int64_t lead, const void *x,
                    const struct va_tcn_acts *acts, const struct va_mask *drop)
{
    struct va_backend *be = l->params->be;
    int64_t Cout = l->conv[0].Cout;

    conv_forward(l, 0, B, T, lead, x, acts->c1, NULL, acts->y1, drop);
    conv_forward(l, 1, B, T, lead, acts->y1, acts->c2, l->shortcut < 0 ? x : NULL, acts->sum,
                 drop);
    if (l->shortcut >= 0)
        va_dense_forward(
            l->params, l->shortcut,
            &(struct va_linear){ .M = B * T, .x = x, .residual = acts->sum, .y = acts->sum });
    be->ops->prelu(be, &(struct va_prelu){ .n = B * T * Cout,
                                           .x = acts->sum,
                                           .slope = value(l, l->slope),
                                           .y = acts->out });
}

/* ---- backward -------------------------------------------------------------------------- */

/* From dy, the gradient of conv_forward's y: that of c in dc, which may be dy; then dx (or NULL) and
 * the gradients of the parameters. */
static void conv_backward(struct va_tcn *l, int which, int64_t B, int64_t T, const void *x,
                          const void *c, const void *dy, void *dc, void *dx,
                          const struct va_mask *drop)
{
    struct va_backend *be = l->params->be;
    struct va_tcn_conv *p = &l->conv[which];

    be->ops->prelu_grad(be, &(struct va_prelu_grad){ .n = B * T * p->Cout,
                                                     .x = c,
                                                     .slope = value(l, p->slope),
                                                     .dy = dy,
                                                     .dx = dc,
                                                     .dslope = at(l, p->slope)->grad,
                                                     .mask = mask_of(drop, which, p->Cout) });
    be->ops->conv_grad(be, &(struct va_conv_grad){ .B = B,
                                                   .T = T,
                                                   .Cin = p->Cin,
                                                   .Cout = p->Cout,
                                                   .K = p->K,
                                                   .dilation = p->dilation,
                                                   .dy = dc,
                                                   .x = x,
                                                   .w = &l->params->derived[p->w].w,
                                                   .dx = dx,
                                                   .dw = at(l, p->v)->grad,
                                                   .dbias = at(l, p->bias)->grad });
}

void va_tcn_backward(struct va_tcn *l, int64_t B, int64_t T, const void *x,
                     const struct va_tcn_acts *acts, const struct va_mask *drop, bool want_dx,
                     const struct va_tcn_scratch *s)
{
    struct va_backend *be = l->params->be;
    int64_t Cout = l->conv[0].Cout, n = B * T * Cout;
    void *dsum = s->grad[0], *dy2 = s->grad[1], *dy1 = s->grad[2], *dx = s->grad[1];

    be->ops->prelu_grad(be, &(struct va_prelu_grad){ .n = n,
                                                     .x = acts->sum,
                                                     .slope = value(l, l->slope),
                                                     .dy = dsum,
                                                     .dx = dsum,
                                                     .dslope = at(l, l->slope)->grad });
    conv_backward(l, 1, B, T, acts->y1, acts->c2, dsum, dy2, dy1, drop);
    conv_backward(l, 0, B, T, x, acts->c1, dy1, dy1, want_dx ? dx : NULL, drop);
    if (l->shortcut >= 0)
        va_dense_backward(
            l->params, l->shortcut,
            &(struct va_linear_grad){
                .M = B * T, .dy = dsum, .x = x, .dx = want_dx ? dx : NULL, .add_dx = true });
    else if (want_dx)
        be->ops->add(be, &(struct va_add){ .B = 1, .n = n, .a = dx, .b = dsum, .y = dx });
}
