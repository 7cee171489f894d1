/*
 * va_op_pictures.h - operations of small convolutional nets on pictures, forward only.
 * Layout and aliasing as in va_op.h.
 */
#ifndef VA_OP_PICTURES_H
#define VA_OP_PICTURES_H

#include "ops/va_op.h"

/*
 * Pictures are [B, H, W, C], channels last, so that a convolution of one tap is `linear` with the
 * pixels as rows. Output pixel (i, j) of Ho x Wo sees the K x K pixels from (i stride - pad,
 * j stride - pad) on; some of them may lie outside of the picture, but never all.
 */
struct va_plane {
    int64_t B, H, W, Ho, Wo, K, stride, pad;
};

/* y[b, i, j, o] = act(bias[o] + sum over c and pixels (m, n) seen of W[o, c, m, n] x[.., c]); pixels
 * outside are zero. x [B, H, W, Cin], W [Cout, Cin, K, K], y [B, Ho, Wo, Cout]. */
struct va_conv2d {
    struct va_plane at;
    int64_t Cin, Cout;
    const void *x;
    struct va_weight *w;
    const void *bias;  /* or NULL */
    enum va_unary act; /* VA_IDENTITY, VA_RELU or VA_SILU */
    void *y;
};

/* The same for each channel alone: x [B, H, W, C], W [C, K, K], y [B, Ho, Wo, C]. */
struct va_dwconv2d {
    struct va_plane at;
    int64_t C;
    const void *x, *w, *bias; /* bias or NULL */
    enum va_unary act;        /* as in va_conv2d */
    void *y;
};

/* A linear layer over the channels of each pixel, act_between, then va_dwconv2d of what that gives, which
 * is kept nowhere: x [B, H, W, Cin], W [C, Cin], depth [C, K, K], y [B, Ho, Wo, C]. */
struct va_separable2d {
    struct va_plane at;
    int64_t Cin, C;
    const void *x;
    struct va_weight *w;
    const void *bias;               /* of the linear layer, or NULL */
    enum va_unary act_between;      /* as in va_conv2d */
    const void *depth, *depth_bias; /* depth_bias or NULL */
    enum va_unary act;              /* of the result, as in va_conv2d */
    void *y;
};

/* The largest, or the mean, of the pixels seen that lie in the picture. A NaN is the largest. */
enum va_pool { VA_POOL_MAX, VA_POOL_MEAN };

struct va_pool2d {
    struct va_plane at;
    enum va_pool pool;
    int64_t C;
    const void *x;
    void *y;
};

/* y[b, p, c] = s[b, c] x[b, p, c]: x and y [B, P, C], s [B, C]; y may be x. With `below` numbers above zero stay
 * as they are: a PReLU with a slope of each channel. */
struct va_gate {
    int64_t B, P, C;
    bool below;
    const void *x, *s;
    void *y;
};

/* y[b, i, j] = x[b, i / 2, j / 2] + add[b, i, j]. x [B, H, W, C]; add and y [B, 2 H, 2 W, C]. */
struct va_upsample2d {
    int64_t B, H, W, C;
    const void *x, *add; /* add or NULL; y may be add */
    void *y;
};

/* Patches of pictures, as an encoder takes them: y [B, S / P, S / P, 3, P, P] of pictures [S, S, 3] of RGB, `step` bytes
 * from one to the next. A byte of channel c becomes table[c][byte]; table [3, 256]. Pixels beyond the last whole patch
 * are left out. */
struct va_patches {
    int64_t B, S, P, step;
    const void *bytes, *table;
    void *y;
};

#endif
