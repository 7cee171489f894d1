/*
 * EfficientNet, B0 to B7 (Tan and Le 2019), as timm has it: efficientnet_b0 and tf_efficientnet_b0, ...
 *
 *     3x3 at stride 2, SiLU -> 7 stages of blocks -> 1x1 to D, SiLU -> mean of all pixels
 *     block:  x -> 1x1 to 6 times the channels, SiLU -> depthwise KxK, SiLU -> squeeze-excite -> 1x1
 *               + x, where neither size nor channels change
 *             in the first stage without the first 1x1
 *     squeeze-excite:  x -> x * sigmoid(W2 SiLU(W1 mean(x)))
 *
 * Names of a variant are the same with either padding, as TensorFlow does it (tf_*, also what HSEmotion's nets
 * are) or as PyTorch does it, and with either eps.
 */
#include "base/va_error.h"
#include "model/va_cnn_priv.h"
#include "model/va_kernel.h"
#include "model/va_vit_priv.h"
#include <stdio.h>
#include <string.h>

enum { EXPAND = 6, SQUEEZE = 4 };

static const struct stage {
    int64_t K, stride;
} stages[VA_CNN_STAGES] = {
    { 3, 1 }, { 3, 2 }, { 5, 2 }, { 3, 2 }, { 5, 1 }, { 5, 2 }, { 3, 1 }
};

/* The width of the features, blocks in all, and size of pictures of a variant. */
static const struct variant {
    int64_t width, blocks, image;
} variants[] = {
    { 1280, 16, 224 }, { 1280, 23, 240 }, { 1408, 23, 260 }, { 1536, 26, 300 },
    { 1792, 32, 380 }, { 2048, 39, 456 }, { 2304, 45, 528 }, { 2560, 55, 600 },
};

static const char net_name[] = "EfficientNet";

static int64_t usual_image(const struct va_cnn_config *c)
{
    int64_t blocks = 0;

    for (int s = 0; s < VA_CNN_STAGES; s++)
        blocks += c->blocks[s];
    for (size_t i = 0; i < VA_COUNT(variants); i++)
        if (variants[i].width == c->width && variants[i].blocks == blocks)
            return variants[i].image;
    return variants[0].image;
}

static int load(struct va_cnn_config *c, const struct va_tensors *set, const char *path)
{
    static const double mean[] = { .485, .456, .406 }, std[] = { .229, .224, .225 };
    char name[64];

    memcpy(c->mean, mean, sizeof(mean));
    memcpy(c->std, std, sizeof(std));
    c->eps = c->padding == VA_CNN_SAME ? 1e-3 : 1e-5;
    if (!(c->stem = va_kernel_channels(set, path, net_name, "conv_stem.weight")) ||
        !(c->width = va_kernel_channels(set, path, net_name, "conv_head.weight")))
        return -1;
    for (int s = 0; s < VA_CNN_STAGES; s++) {
        snprintf(name, sizeof(name), "blocks.%d.", s);
        c->blocks[s] = va_vit_count_blocks(set, name);
        snprintf(name, sizeof(name), "blocks.%d.0.%s.weight", s, s ? "conv_pwl" : "conv_pw");
        if (!(c->out[s] = va_kernel_channels(set, path, net_name, name)))
            return -1;
        if (c->blocks[s] > VA_VIT_DEPTH_MAX || c->out[s] < SQUEEZE || c->stem < SQUEEZE)
            return va_error(
                "%s: stage %d: found %lld blocks of %lld channels, expected at most "
                "%d and at least %d channels",
                path, s, (long long)c->blocks[s], (long long)c->out[s], VA_VIT_DEPTH_MAX,
                SQUEEZE);
    }
    c->image = usual_image(c);
    return 0;
}

static int plan_block(struct va_cnn_plan *p, int s, int64_t b, int64_t in, int64_t out)
{
    int64_t mid = s ? EXPAND * in : in, squeezed = in / SQUEEZE, K = stages[s].K;
    static const char at[] = "blocks.%d.%d.";

    return (s && va_cnn_add(p, mid, in, 1, at, s, b, "conv_pw", "bn1") < 0) ||
                   va_cnn_add(p, mid, 1, K, at, s, b, "conv_dw", s ? "bn2" : "bn1") < 0 ||
                   va_cnn_add(p, squeezed, mid, 1, at, s, b, "se.conv_reduce", NULL) < 0 ||
                   va_cnn_add(p, mid, squeezed, 1, at, s, b, "se.conv_expand", NULL) < 0
               ? -1
               : va_cnn_add(p, out, mid, 1, at, s, b, s ? "conv_pwl" : "conv_pw",
                            s ? "bn3" : "bn2");
}

static int plan(const struct va_cnn_config *c, struct va_cnn_plan *p)
{
    int64_t in = c->stem;

    if (va_cnn_add(p, in, 3, 3, "", 0, 0, "conv_stem", "bn1") < 0)
        return -1;
    for (int s = 0; s < VA_CNN_STAGES; s++)
        for (int64_t b = 0; b < c->blocks[s]; b++, in = c->out[s])
            if (plan_block(p, s, b, in, c->out[s]) < 0)
                return -1;
    return va_cnn_add(p, c->width, in, 1, "", 0, 0, "conv_head", "bn2");
}

/* x times what its means make of them, in place. */
static void squeeze_excite(struct va_cnn *net, const struct va_cnn_map *x, int64_t squeezed)
{
    struct va_cnn_map mean = va_cnn_take(net, x->B, 1, x->C),
                      small = va_cnn_take(net, x->B, 1, squeezed);

    va_cnn_mean(net, x, &mean);
    va_cnn_point(net, &mean, VA_SILU, NULL, &small);
    va_cnn_point(net, &small, VA_SIGMOID, NULL, &mean);
    if (!net->arena.measuring)
        net->be->ops->gate(net->be, &(struct va_gate){ .B = x->B,
                                                       .P = x->side * x->side,
                                                       .C = x->C,
                                                       .x = x->x,
                                                       .s = mean.x,
                                                       .y = x->x });
}

static struct va_cnn_map block(struct va_cnn *net, int s, int64_t stride, int64_t out,
                               const struct va_cnn_map *x)
{
    int64_t side = (x->side + stride - 1) / stride;
    struct va_cnn_map y = va_cnn_take(net, x->B, side, out);
    int64_t mark = va_arena_mark(&net->arena);
    struct va_cnn_map mid = va_cnn_take(net, x->B, side, s ? EXPAND * x->C : x->C);

    (s ? va_cnn_expand : va_cnn_depth)(net, x, stride, VA_SILU, &mid);
    squeeze_excite(net, &mid, x->C / SQUEEZE);
    va_cnn_point(net, &mid, VA_IDENTITY, stride == 1 && out == x->C ? x->x : NULL, &y);
    va_arena_rewind(&net->arena, mark);
    return y;
}

static struct va_cnn_map forward(struct va_cnn *net, const struct va_cnn_map *in)
{
    const struct va_cnn_config *c = &net->config;
    struct va_cnn_map mean = va_cnn_take(net, in->B, 1, c->width),
                      x = va_cnn_take(net, in->B, (in->side + 1) / 2, c->stem), y;

    va_cnn_conv(net, in, 2, VA_SILU, &x);
    for (int s = 0; s < VA_CNN_STAGES; s++)
        for (int64_t b = 0; b < c->blocks[s]; b++)
            x = block(net, s, b ? 1 : stages[s].stride, c->out[s], &x);
    y = va_cnn_take(net, in->B, x.side, c->width);
    va_cnn_point(net, &x, VA_SILU, NULL, &y);
    va_cnn_mean(net, &y, &mean);
    return mean;
}

const struct va_cnn_kind va_efficientnet_kind = { "efficientnet", false, load, plan, forward };
