/*
 * MobileFaceNet (Chen et al. 2018), as insightface and those have it who train on from there:
 *
 *     3x3 at stride 2 -> 3x3 in groups of channels, or blocks -> 3 times: block at stride 2, blocks
 *       -> 1x1 -> depthwise over the whole of what is left -> linear layer to D
 *     block:  x -> 1x1 -> depthwise 3x3 -> 1x1, + x where the stride is 1; a PReLU after the first two
 *
 * All have batch norms. The last convolution sees pictures of one size: 112 where it is 7x7.
 */
#include "base/va_error.h"
#include "model/va_cnn_priv.h"
#include "model/va_kernel.h"
#include "model/va_vit_priv.h"
#include <stdio.h>

enum {
    REDUCED = 16,    /* pixels of a picture to one of the last, along a side */
    SEPARATED = 512, /* channels after the last 1x1 */
    GROUPED_MAX = 1024
};

static const char net_name[] = "MobileFaceNet";

/* Stage s is layers.S: the even ones from 1 on are a block at stride 2, the others `blocks` of them. */
static bool halves(int s)
{
    return s % 2 == 1;
}

static int load_stage(struct va_cnn_config *c, int s, const struct va_tensors *set,
                      const char *path)
{
    char base[48], name[96];

    snprintf(base, sizeof(base), "layers.%d.layers.", s + 1);
    c->blocks[s] = halves(s) ? 1 : va_vit_count_blocks(set, base);
    if (c->blocks[s] > VA_VIT_DEPTH_MAX)
        return va_error("%s: layers.%d: found more blocks, expected at most %d", path, s + 1,
                        VA_VIT_DEPTH_MAX);
    if (!halves(s))
        snprintf(base, sizeof(base), "layers.%d.layers.0.layers.", s + 1);
    snprintf(name, sizeof(name), "%s0.layers.0.weight", base);
    if (!(c->mid[s] = va_kernel_channels(set, path, net_name, name)))
        return -1;
    snprintf(name, sizeof(name), "%s2.layers.0.weight", base);
    return (c->out[s] = va_kernel_channels(set, path, net_name, name)) ? 0 : -1;
}

/* Blocks at stride 1 add their input. */
static int check_sums(const struct va_cnn_config *c, int first, const char *path)
{
    for (int s = first; s < VA_CNN_STAGES; s++) {
        int64_t in = s ? c->out[s - 1] : c->stem;

        if (!halves(s) && c->blocks[s] && c->out[s] != in)
            return va_error(
                "%s: layers.%d: found blocks of %lld channels, expected %lld as before them: "
                "they add their input",
                path, s + 1, (long long)c->out[s], (long long)in);
    }
    return 0;
}

/* The second layer, where it is a convolution in groups: out[0] is how many. */
static int load_groups(struct va_cnn_config *c, const struct va_tensors *set, const char *path)
{
    const struct va_tensor *t = va_tensors_find(set, "layers.1.layers.0.weight");

    if (c->stem > GROUPED_MAX || t->rank != 4 || t->shape[1] < 1 || c->stem % t->shape[1])
        return va_error(
            "%s: %s: expected 4 sizes, the second of which divides the first, %lld, "
            "and that at most %d",
            path, t->name, (long long)c->stem, GROUPED_MAX);
    c->out[0] = c->stem / t->shape[1];
    return 0;
}

static int load(struct va_cnn_config *c, const struct va_tensors *set, const char *path)
{
    const struct va_tensor *last = va_tensors_find(set, "features.layers.0.layers.0.weight");
    const struct va_tensor *t = va_tensors_find(set, "features.layers.2.weight");
    int first = va_tensors_find(set, "layers.1.layers.0.weight") != NULL;

    for (int i = 0; i < 3; i++)
        c->mean[i] = c->std[i] = .5;
    c->eps = 1e-5;
    if (!(c->stem = va_kernel_channels(set, path, net_name, "layers.0.layers.0.weight")) ||
        !va_kernel_channels(set, path, net_name, "features.layers.0.layers.0.weight") ||
        (first && load_groups(c, set, path) < 0))
        return -1;
    for (int s = first; s < VA_CNN_STAGES; s++)
        if (load_stage(c, s, set, path) < 0)
            return -1;
    if (check_sums(c, first, path) < 0)
        return -1;
    if (!t || t->rank != 2 || t->shape[0] < 1 || t->shape[0] > 4096)
        return va_error("%s: features.layers.2.weight: tensor is missing or has other sizes, "
                        "expected 1 to 4096 features",
                        path);
    c->width = t->shape[0];
    if (last->shape[2] < 1 || last->shape[2] > 64 || last->shape[3] != last->shape[2])
        return va_error(
            "%s: %s: found a kernel of %lld x %lld, expected a square one of 1 to 64", path,
            last->name, (long long)last->shape[2], (long long)last->shape[3]);
    c->image = REDUCED * last->shape[2];
    return 0;
}

/* The layer BASE.layers.0 with its norm, BASE.layers.1, and, with `bent`, its slope, BASE.layers.2. */
static int add(struct va_cnn_plan *p, int64_t out, int64_t in, int64_t K, bool bent,
               const char *base)
{
    char name[48], norm[48];
    struct va_cnn_layer *l;

    snprintf(name, sizeof(name), "%s.layers.0", base);
    snprintf(norm, sizeof(norm), "%s.layers.1", base);
    if (va_cnn_add(p, out, in, K, "", 0, 0, name, norm) < 0)
        return -1;
    l = &p->items[p->count - 1];
    if (bent)
        snprintf(l->slope, sizeof(l->slope), "%s.layers.2", base);
    return 0;
}

static int plan_block(struct va_cnn_plan *p, int s, int64_t b, int64_t in, int64_t mid,
                      int64_t out)
{
    char base[3][40];

    for (int i = 0; i < 3; i++)
        if (halves(s))
            snprintf(base[i], sizeof(base[i]), "layers.%d.layers.%d", s + 1, i);
        else
            snprintf(base[i], sizeof(base[i]), "layers.%d.layers.%d.layers.%d", s + 1, (int)b,
                     i);
    return add(p, mid, in, 1, true, base[0]) < 0 || add(p, mid, 1, 3, true, base[1]) < 0
               ? -1
               : add(p, out, mid, 1, false, base[2]);
}

static int plan(const struct va_cnn_config *c, struct va_cnn_plan *p)
{
    int64_t in = c->stem, last = c->image / REDUCED, groups = c->blocks[0] ? 0 : c->out[0];
    if (add(p, in, 3, 3, true, "layers.0") < 0 ||
        (groups && add(p, in, in / groups, 3, true, "layers.1") < 0))
        return -1;
    p->items[p->count - 1].groups = groups;
    for (int s = 0; s < VA_CNN_STAGES; s++)
        for (int64_t b = 0; b < c->blocks[s]; b++, in = c->out[s])
            if (plan_block(p, s, b, in, c->mid[s], c->out[s]) < 0)
                return -1;
    return add(p, SEPARATED, in, 1, true, "conv_sep") < 0 ||
                   add(p, SEPARATED, 1, last, false, "features.layers.0") < 0
               ? -1
               : va_cnn_add(p, c->width, SEPARATED, 0, "", 0, 0, "features.layers.2",
                            "features.layers.3");
}

static struct va_cnn_map block(struct va_cnn *net, int s, int64_t out,
                               const struct va_cnn_map *x)
{
    int64_t stride = halves(s) ? 2 : 1, side = (x->side + stride - 1) / stride;
    struct va_cnn_map y = va_cnn_take(net, x->B, side, out);
    int64_t mark = va_arena_mark(&net->arena), mid = net->config.mid[s];
    struct va_cnn_map wide = va_cnn_take(net, x->B, x->side, mid),
                      seen = va_cnn_take(net, x->B, side, mid);

    va_cnn_point(net, x, VA_IDENTITY, NULL, &wide);
    va_cnn_depth(net, &wide, stride, VA_IDENTITY, &seen);
    va_cnn_point(net, &seen, VA_IDENTITY, stride == 1 ? x->x : NULL, &y);
    va_arena_rewind(&net->arena, mark);
    return y;
}

static struct va_cnn_map forward(struct va_cnn *net, const struct va_cnn_map *in)
{
    const struct va_cnn_config *c = &net->config;
    struct va_cnn_map x = va_cnn_take(net, in->B, in->side / 2, c->stem), y, last, features;

    va_cnn_conv(net, in, 2, VA_IDENTITY, &x);
    if (!c->blocks[0]) {
        y = va_cnn_take(net, x.B, x.side, x.C);
        va_cnn_conv(net, &x, 1, VA_IDENTITY, &y);
        x = y;
    }
    for (int s = 0; s < VA_CNN_STAGES; s++)
        for (int64_t b = 0; b < c->blocks[s]; b++)
            x = block(net, s, c->out[s], &x);
    y = va_cnn_take(net, x.B, x.side, SEPARATED);
    last = va_cnn_take(net, x.B, 1, y.C);
    features = va_cnn_take(net, x.B, 1, c->width);
    va_cnn_point(net, &x, VA_IDENTITY, NULL, &y);
    va_cnn_depth(net, &y, 1, VA_IDENTITY, &last);
    va_cnn_point(net, &last, VA_IDENTITY, NULL, &features);
    return features;
}

const struct va_cnn_kind va_mobilefacenet_kind = { "mobilefacenet", true, load, plan, forward };
