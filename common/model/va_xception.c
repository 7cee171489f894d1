/*
 * A layer's output is kept until the arena is rewound behind its module: the largest are 60 x 60
 * of 16 channels, so nothing is gained by sharing more.
 */
#include "model/va_xception.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_kernel.h"
#include "ops/va_arena.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const va_xception_names[VA_XCEPTION_CLASSES] = { "anger",  "disgust", "fear",
                                                             "joy",    "sadness", "surprise",
                                                             "neutral" };
static const double places[VA_XCEPTION_CLASSES][2] = { { -.51, .59 },  { -.60, .35 },
                                                       { -.64, .60 },  { .81, .51 },
                                                       { -.63, -.27 }, { .40, .67 },
                                                       { 0, 0 } };
/* A depthwise convolution, then a convolution of one tap; a bias behind both. */
struct separable {
    int64_t depth, point; /* of the list */
};
struct layers {
    int64_t stem[2], last, skip[VA_XCEPTION_MODULES];
    struct separable unit[VA_XCEPTION_MODULES][2];
};

struct va_xception {
    struct va_backend *be;
    struct va_xception_config config;
    struct layers layers;
    struct va_params params;
    struct va_arena arena;
    char *path;
    void *out; /* [B, classes] */
};

/* ---- what it is made of ----------------------------------------------------------------- */

int va_xception_config_load(struct va_xception_config *c, const struct va_tensors *set,
                            const char *path)
{
    char name[64];

    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "stem.%d.weight", i);
        if (!(c->stem[i] = va_kernel_channels(set, path, "mini-Xception", name)))
            return -1;
    }
    for (int i = 0; i < VA_XCEPTION_MODULES; i++) {
        snprintf(name, sizeof(name), "modules.%d.skip.weight", i);
        if (!(c->width[i] = va_kernel_channels(set, path, "mini-Xception", name)))
            return -1;
    }
    return 0;
}

int va_xception_config_store(struct va_tensors *set)
{
    return va_tensors_set_meta(set, "arch", "mini-xception") < 0 ||
                   va_tensors_set_meta(
                       set, "note", "rough values of the starter model: not for research") < 0
               ? -1
               : 0;
}

static int add_separable(struct va_params *list, int64_t in, int64_t out, struct separable *s,
                         int module, int unit)
{
    struct va_param depth = {
        .rank = 3, .shape = { in, 3, 3 }, .init = VA_INIT_NORMAL, .a = sqrt(2 / 9.)
    };
    char name[64];

    s->depth = va_params_add(list, &depth, "modules.%d.%d.depth", module, unit);
    snprintf(name, sizeof(name), "modules.%d.%d.point", module, unit);
    s->point = s->depth < 0 ? -1 : va_kernel_declare(list, out, in, 1, name);
    return s->point < 0 ? -1 : 0;
}

static int declare_layers(const struct va_xception_config *c, struct va_params *list,
                          struct layers *l)
{
    int64_t in = c->stem[1];

    if ((l->stem[0] = va_kernel_declare(list, c->stem[0], 1, 3, "stem.0")) < 0 ||
        (l->stem[1] = va_kernel_declare(list, c->stem[1], c->stem[0], 3, "stem.1")) < 0)
        return -1;
    for (int i = 0; i < VA_XCEPTION_MODULES; i++) {
        char name[64];

        snprintf(name, sizeof(name), "modules.%d.skip", i);
        if (add_separable(list, in, c->width[i], &l->unit[i][0], i, 0) < 0 ||
            add_separable(list, c->width[i], c->width[i], &l->unit[i][1], i, 1) < 0 ||
            (l->skip[i] = va_kernel_declare(list, c->width[i], in, 1, name)) < 0)
            return -1;
        in = c->width[i];
    }
    l->last = va_kernel_declare(list, VA_XCEPTION_CLASSES, in, 3, "last");
    return l->last < 0 ? -1 : 0;
}

int va_xception_declare(const struct va_xception_config *c, struct va_params *list)
{
    struct layers l;

    return declare_layers(c, list, &l);
}

/* ---- forward ---------------------------------------------------------------------------- */

/* B pictures of side x side pixels with C channels. */
struct map {
    int64_t B, side, C;
    void *x;
};

static struct map take(struct va_xception *net, int64_t B, int64_t side, int64_t C)
{
    return (struct map){ B, side, C, va_arena_take(&net->arena, B * side * side, C) };
}

static struct va_plane plane(const struct map *x, const struct map *y, int64_t K,
                             int64_t stride, int64_t pad)
{
    return (struct va_plane){ x->B, x->side, x->side, y->side, y->side, K, stride, pad };
}

static void conv(struct va_xception *net, int64_t layer, const struct map *x,
                 const struct map *y, int64_t K, int64_t stride, int64_t pad, enum va_unary act)
{
    struct va_param *w = &net->params.items[layer];

    if (!net->arena.measuring)
        net->be->ops->conv2d(net->be, &(struct va_conv2d){ .at = plane(x, y, K, stride, pad),
                                                           .Cin = x->C,
                                                           .Cout = y->C,
                                                           .x = x->x,
                                                           .w = &w->value,
                                                           .bias = w[1].value.data,
                                                           .act = act,
                                                           .y = y->x });
}

static struct map separable(struct va_xception *net, const struct separable *s,
                            const struct map *x, int64_t C, enum va_unary act)
{
    struct map middle = take(net, x->B, x->side, x->C), y = take(net, x->B, x->side, C);

    if (!net->arena.measuring)
        net->be->ops->dwconv2d(
            net->be, &(struct va_dwconv2d){ .at = plane(x, &middle, 3, 1, 1),
                                            .C = x->C,
                                            .x = x->x,
                                            .w = net->params.items[s->depth].value.data,
                                            .y = middle.x });
    conv(net, s->point, &middle, &y, 1, 1, 0, act);
    return y;
}

/* Keras pads "same" pooling so that at an even side the additional row is the last one. */
static struct map module(struct va_xception *net, int i, const struct map *x)
{
    int64_t C = net->config.width[i], side = (x->side + 1) / 2;
    struct map y = take(net, x->B, side, C), skip = take(net, x->B, side, C);
    int64_t mark = va_arena_mark(&net->arena);
    struct map a = separable(net, &net->layers.unit[i][0], x, C, VA_RELU);
    struct map b = separable(net, &net->layers.unit[i][1], &a, C, VA_IDENTITY);

    conv(net, net->layers.skip[i], x, &skip, 1, 2, 0, VA_IDENTITY);
    if (!net->arena.measuring) {
        net->be->ops->pool2d(net->be,
                             &(struct va_pool2d){ .at = plane(&b, &y, 3, 2, x->side % 2),
                                                  .pool = VA_POOL_MAX,
                                                  .C = C,
                                                  .x = b.x,
                                                  .y = y.x });
        net->be->ops->add(
            net->be, &(struct va_add){
                         .B = 1, .n = y.B * side * side * C, .a = y.x, .b = skip.x, .y = y.x });
    }
    va_arena_rewind(&net->arena, mark);
    return y;
}

/* From `in`, the first that is taken, to `out`; with an arena that measures, its memory only. */
static void forward(struct va_xception *net, int64_t B)
{
    const struct va_xception_config *c = &net->config;
    struct map in = take(net, B, VA_XCEPTION_SIDE, 1);
    struct map a = take(net, B, in.side - 2, c->stem[0]),
               x = take(net, B, a.side - 2, c->stem[1]);
    struct map y, mean;

    conv(net, net->layers.stem[0], &in, &a, 3, 1, 0, VA_RELU);
    conv(net, net->layers.stem[1], &a, &x, 3, 1, 0, VA_RELU);
    for (int i = 0; i < VA_XCEPTION_MODULES; i++)
        x = module(net, i, &x);
    y = take(net, B, x.side, VA_XCEPTION_CLASSES);
    mean = take(net, B, 1, VA_XCEPTION_CLASSES);
    conv(net, net->layers.last, &x, &y, 3, 1, 1, VA_IDENTITY);
    if (!net->arena.measuring)
        net->be->ops->pool2d(net->be, &(struct va_pool2d){ .at = plane(&y, &mean, y.side, 1, 0),
                                                           .pool = VA_POOL_MEAN,
                                                           .C = y.C,
                                                           .x = y.x,
                                                           .y = mean.x });
    net->out = mean.x;
}

/* ---- the net ---------------------------------------------------------------------------- */

struct va_xception *va_xception_new(struct va_backend *be, const struct va_tensors *set,
                                    const char *path, int64_t B)
{
    struct va_xception *net = va_new(1, sizeof(*net));

    if (!net)
        return NULL;
    net->be = be;
    va_arena_init(&net->arena, be);
    va_params_init(&net->params, be);
    if ((net->path = va_strdup(path)) &&
        va_xception_config_load(&net->config, set, path) == 0 &&
        declare_layers(&net->config, &net->params, &net->layers) == 0 &&
        va_params_match(&net->params, set, path) == 0 &&
        va_params_allocate(&net->params) == 0 && va_params_load(&net->params, set, path) == 0) {
        va_arena_begin(&net->arena);
        forward(net, B);
        if (va_arena_commit(&net->arena) == 0)
            return net;
    }
    va_xception_free(net);
    return NULL;
}

void va_xception_free(struct va_xception *net)
{
    if (!net)
        return;
    va_params_release(&net->params);
    va_arena_release(&net->arena);
    va_free(net->path);
    va_free(net);
}

/* Grey as ITU-R BT.601 weighs it, rounded to a byte as OpenCV does. */
static void cut(const void *model, const uint8_t *rgb, float *row)
{
    (void)model;
    for (int i = 0; i < VA_XCEPTION_SIDE * VA_XCEPTION_SIDE; i++, rgb += 3) {
        int grey = (4899 * rgb[0] + 9617 * rgb[1] + 1868 * rgb[2] + 8192) >> 14;

        row[i] = ((float)grey / 255 - .5f) * 2;
    }
}

struct va_intake va_xception_intake(const struct va_xception *net)
{
    return (struct va_intake){ VA_XCEPTION_SIDE, VA_XCEPTION_SIDE * VA_XCEPTION_SIDE, cut,
                               net };
}

static void softmax(float *x)
{
    double sum = 0, most = (double)x[0], e[VA_XCEPTION_CLASSES];

    for (int k = 1; k < VA_XCEPTION_CLASSES; k++)
        most = fmax(most, (double)x[k]);
    for (int k = 0; k < VA_XCEPTION_CLASSES; k++)
        sum += e[k] = exp((double)x[k] - most);
    for (int k = 0; k < VA_XCEPTION_CLASSES; k++)
        x[k] = (float)(e[k] / sum);
}

int va_xception_classify(struct va_xception *net, int64_t B, const float *rows,
                         float *probabilities)
{
    struct va_backend *be = net->be;

    va_arena_rewind(&net->arena, 0);
    be->ops->put_f32(be, net->arena.base, rows, B * VA_XCEPTION_SIDE * VA_XCEPTION_SIDE);
    forward(net, B);
    be->ops->get_f32(be, probabilities, net->out, B * VA_XCEPTION_CLASSES);
    if (va_backend_check(be) < 0)
        return -1;
    for (int64_t b = 0; b < B; b++) {
        float *of = probabilities + b * VA_XCEPTION_CLASSES;

        for (int k = 0; k < VA_XCEPTION_CLASSES; k++)
            if (!isfinite(of[k]))
                return va_error("%s: class %d comes out as %g: the weights overflow", net->path,
                                k, (double)of[k]);
        softmax(of);
    }
    return 0;
}

void va_xception_place(const float *probabilities, float *va)
{
    for (int d = 0; d < 2; d++) {
        double sum = 0;

        for (int k = 0; k < VA_XCEPTION_CLASSES; k++)
            sum += (double)probabilities[k] * places[k][d];
        va[d] = (float)sum;
    }
}
