/*
 * va_cnn_priv.h - what the kinds of convolutional encoders share: their layers in order, and steps of a
 * forward pass.
 */
#ifndef VA_CNN_PRIV_H
#define VA_CNN_PRIV_H

#include "model/va_cnn.h"
#include "ops/va_arena.h"

/*
 * A convolution [out, in, K, K], of each channel alone where in is 1; K = 0 is a linear layer [out, in].
 * With a norm it has no bias in the file: NAME.weight, then NORM.weight, NORM.bias, NORM.running_mean and
 * NORM.running_var. Without, it has NAME.bias. With a slope SLOPE.weight [out] is that of a PReLU after it.
 * With groups its channels are in that many groups, each of which sees its own of in * groups channels; an open
 * net has it for all of them.
 */
struct va_cnn_layer {
    char name[48], norm[48], slope[48]; /* norm, slope: or "" */
    int64_t out, in, K, groups;         /* groups 0: none */
    int64_t at; /* of its weight among the parameters of an open net; bias and slope follow */
};

struct va_cnn_plan {
    struct va_cnn_layer *items; /* [count], in the order of the forward pass */
    int64_t count, room;
};

struct va_cnn {
    struct va_backend *be;
    struct va_cnn_config config;
    struct va_cnn_plan plan;
    struct va_params params; /* folded */
    struct va_arena arena;
    int64_t next;        /* layer of the forward pass */
    float pixel[3][256]; /* a byte of each channel, normalised */
};

/* B pictures of side x side pixels with C channels, on the device. */
struct va_cnn_map {
    int64_t B, side, C;
    void *x;
};

struct va_cnn_kind {
    const char *arch;
    bool fixed; /* the size of pictures follows from its tensors, and padding is symmetric */
    /* From a set, metadata aside: sizes from its shapes, and defaults of what metadata may say. */
    int (*load)(struct va_cnn_config *c, const struct va_tensors *set, const char *path);
    /* The layers. */
    int (*plan)(const struct va_cnn_config *c, struct va_cnn_plan *plan);
    /* Features [B, 1, D]; with an arena that measures, its memory only. */
    struct va_cnn_map (*forward)(struct va_cnn *net, const struct va_cnn_map *x);
};
extern const struct va_cnn_kind va_efficientnet_kind, va_mobilefacenet_kind;

/* va_cnn_steps.c. Append a layer. `format` makes what stands before both names of two numbers. `norm` NULL: none. */
VA_MUST_USE int va_cnn_add(struct va_cnn_plan *plan, int64_t out, int64_t in, int64_t K,
                           const char *format, int64_t stage, int64_t block, const char *name,
                           const char *norm);

/* va_cnn_fold.c: the tensors of the file; and what an open net has, a weight and a bias for each layer. */
VA_MUST_USE int va_cnn_declare_plan(const struct va_cnn_plan *plan, struct va_params *list);
/* That batch norms have variances. 0, or -1 after reporting. */
VA_MUST_USE int va_cnn_check_plan(const struct va_cnn_plan *plan, const struct va_tensors *set,
                                  const char *path);
VA_MUST_USE int va_cnn_load(struct va_cnn *net, const struct va_tensors *set, const char *path);

/* The steps of a pass take the next layer of the plan. */
struct va_cnn_map va_cnn_take(struct va_cnn *net, int64_t B, int64_t side, int64_t C);
/* A convolution of all channels. */
void va_cnn_conv(struct va_cnn *net, const struct va_cnn_map *x, int64_t stride,
                 enum va_unary act, const struct va_cnn_map *y);
/* y = act(W x + b) (+ residual) of each pixel. */
void va_cnn_point(struct va_cnn *net, const struct va_cnn_map *x, enum va_unary act,
                  const void *residual, const struct va_cnn_map *y);
/* A depthwise layer with act; va_cnn_expand: a pointwise one with act before it. y has ceil(side / stride). */
void va_cnn_depth(struct va_cnn *net, const struct va_cnn_map *x, int64_t stride,
                  enum va_unary act, const struct va_cnn_map *y);
void va_cnn_expand(struct va_cnn *net, const struct va_cnn_map *x, int64_t stride,
                   enum va_unary act, const struct va_cnn_map *y);
/* The mean of all pixels: y [B, 1, C]. */
void va_cnn_mean(struct va_cnn *net, const struct va_cnn_map *x, const struct va_cnn_map *y);

#endif
