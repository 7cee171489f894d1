/*
 * A layer's output is kept until the arena is rewound behind its block. The products run in float32 in every
 * precision: a net of this kind is small, and what its gates multiply with does not bear 8 bits.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_cnn_priv.h"
#include "model/va_meta.h"
#include <string.h>

const char *const va_cnn_padding_names[] = { "same", "symmetric", NULL };

static const struct va_cnn_kind *const kinds[] = { &va_efficientnet_kind,
                                                   &va_mobilefacenet_kind };

static const struct va_cnn_kind *kind_of(const char *arch)
{
    for (size_t i = 0; arch && i < VA_COUNT(kinds); i++)
        if (!strcmp(arch, kinds[i]->arch))
            return kinds[i];
    return NULL;
}

bool va_cnn_is(const char *arch)
{
    return kind_of(arch) != NULL;
}

/* ---- configuration ------------------------------------------------------------------------- */

/* A classifier that is kept; others were left out when the net was imported. */
static int load_classes(struct va_cnn_config *c, const struct va_tensors *set, const char *path)
{
    const struct va_tensor *t = va_tensors_find(set, "classifier.weight");

    c->classes = t ? VA_CNN_RATED : 0;
    if (t && (t->rank != 2 || t->shape[0] != VA_CNN_RATED))
        return va_error("%s: classifier.weight: found %lld rows, expected %d: expressions, "
                        "valence and arousal",
                        path, t->rank ? (long long)t->shape[0] : 0, VA_CNN_RATED);
    return 0;
}

static int check(const struct va_cnn_config *c, const char *path)
{
    if (c->image < 32 || c->image > 1024)
        return va_error("%s: image_size is %lld, expected 32 to 1024", path,
                        (long long)c->image);
    if (!(c->eps >= 1e-12 && c->eps <= 0.1))
        return va_error("%s: eps is %g, expected 1e-12 to 0.1", path, c->eps);
    return va_meta_check_pixels(path, c->mean, c->std);
}

int va_cnn_config_load(struct va_cnn_config *c, const struct va_tensors *set, const char *path)
{
    static const char *const needed[] = { "image_size", "mean", "std", "padding", "eps", NULL };
    const char *arch = va_tensors_meta(set, "arch");

    int64_t image;

    *c = (struct va_cnn_config){ .kind = arch ? kind_of(arch)
                                         : va_tensors_find(set, "conv_sep.layers.0.weight")
                                             ? &va_mobilefacenet_kind
                                             : &va_efficientnet_kind };
    if (!c->kind)
        return va_error("%s: found a model of arch %s, expected efficientnet or mobilefacenet",
                        path, arch);
    c->padding = c->kind->fixed ? VA_CNN_SYMMETRIC : VA_CNN_SAME;
    if (va_meta_load_choice(set, path, "padding", va_cnn_padding_names, &c->padding) < 0 ||
        c->kind->load(c, set, path) < 0)
        return -1;
    image = c->image;
    if (va_meta_load_int(set, path, "image_size", &c->image) < 0 ||
        va_meta_load_reals(set, path, "mean", 3, c->mean) < 0 ||
        va_meta_load_reals(set, path, "std", 3, c->std) < 0 ||
        va_meta_load_reals(set, path, "eps", 1, &c->eps) < 0 ||
        va_meta_need(set, path, needed) < 0)
        return -1;
    if (c->kind->fixed && (c->image != image || c->padding != VA_CNN_SYMMETRIC))
        return va_error("%s: found image_size %lld and padding %s, expected %lld and symmetric "
                        "in a %s",
                        path, (long long)c->image, va_cnn_padding_names[c->padding],
                        (long long)image, c->kind->arch);
    return load_classes(c, set, path) < 0 ? -1 : check(c, path);
}

int va_cnn_config_store(const struct va_cnn_config *c, struct va_tensors *set)
{
    return va_tensors_set_meta(set, "arch", c->kind->arch) < 0 ||
                   va_meta_store_int(set, "image_size", c->image) < 0 ||
                   va_meta_store_reals(set, "mean", 3, c->mean) < 0 ||
                   va_meta_store_reals(set, "std", 3, c->std) < 0 ||
                   va_meta_store_reals(set, "eps", 1, &c->eps) < 0
               ? -1
               : va_tensors_set_meta(set, "padding", va_cnn_padding_names[c->padding]);
}

static int plan_all(const struct va_cnn_config *c, struct va_cnn_plan *plan)
{
    if (c->kind->plan(c, plan) < 0)
        return -1;
    return c->classes ? va_cnn_add(plan, c->classes, c->width, 0, "", 0, 0, "classifier", NULL)
                      : 0;
}

int va_cnn_declare(const struct va_cnn_config *c, struct va_params *list)
{
    struct va_cnn_plan plan = { 0 };
    int result = plan_all(c, &plan) < 0 ? -1 : va_cnn_declare_plan(&plan, list);

    va_free(plan.items);
    return result;
}

int va_cnn_check(const struct va_cnn_config *c, const struct va_tensors *set, const char *path)
{
    struct va_cnn_plan plan = { 0 };
    int result = plan_all(c, &plan) < 0 ? -1 : va_cnn_check_plan(&plan, set, path);

    va_free(plan.items);
    return result;
}

/* ---- the net ------------------------------------------------------------------------------- */

/* Its pictures are the first that is taken. */
static const void *pass(struct va_cnn *net, int64_t B)
{
    const struct va_cnn_config *c = &net->config;
    struct va_cnn_map x = va_cnn_take(net, B, c->image, 3);

    net->next = 0;
    return c->kind->forward(net, &x).x;
}

struct va_cnn *va_cnn_new(struct va_backend *be, const struct va_tensors *set, const char *path,
                          int64_t B)
{
    struct va_cnn *net = va_new(1, sizeof(*net));

    if (!net)
        return NULL;
    net->be = be;
    va_arena_init(&net->arena, be);
    va_params_init(&net->params, be);
    if (va_cnn_config_load(&net->config, set, path) == 0 &&
        plan_all(&net->config, &net->plan) == 0 && va_cnn_load(net, set, path) == 0) {
        va_meta_pixel_table(net->config.mean, net->config.std, net->pixel);
        va_arena_begin(&net->arena);
        (void)pass(net, B);
        if (va_arena_commit(&net->arena) == 0)
            return net;
    }
    va_cnn_free(net);
    return NULL;
}

void va_cnn_free(struct va_cnn *net)
{
    if (!net)
        return;
    va_params_release(&net->params);
    va_arena_release(&net->arena);
    va_free(net->plan.items);
    va_free(net);
}

const struct va_cnn_config *va_cnn_config(const struct va_cnn *net)
{
    return &net->config;
}

static void cut(const void *model, const uint8_t *rgb, float *row)
{
    const struct va_cnn *net = model;

    for (int64_t i = 0; i < 3 * net->config.image * net->config.image; i++)
        row[i] = net->pixel[i % 3][rgb[i]];
}

struct va_intake va_cnn_intake(const struct va_cnn *net)
{
    int64_t side = net->config.image;

    return (struct va_intake){ side, 3 * side * side, cut, net };
}

const void *va_cnn_forward(struct va_cnn *net, int64_t B, const float *rows)
{
    struct va_backend *be = net->be;
    enum va_precision precision = be->precision;
    const void *features;

    be->precision = VA_F32_PRODUCTS;
    va_arena_rewind(&net->arena, 0);
    be->ops->put_f32(be, net->arena.base, rows, B * 3 * net->config.image * net->config.image);
    features = pass(net, B);
    be->precision = precision;
    return features;
}

void va_cnn_classify(struct va_cnn *net, int64_t B, const void *features, void *answers)
{
    enum va_precision precision = net->be->precision;
    const struct va_cnn_map x = { B, 1, net->config.width, (void *)(uintptr_t)features },
                            y = { B, 1, net->config.classes, answers };

    net->be->precision = VA_F32_PRODUCTS;
    net->next = net->plan.count - 1;
    va_cnn_point(net, &x, VA_IDENTITY, NULL, &y);
    net->be->precision = precision;
}
