/*
 * va_tcn.h - one residual block of the temporal convolutional network.
 *
 *     y1  = dropout(prelu1(conv1(x)))          conv: causal, dilated, weight-normed, with bias
 *     y2  = dropout(prelu2(conv2(y1)))
 *     out = prelu3(y2 + shortcut(x))           identity, or 1x1 convolution where widths change
 *
 * x [B, T, Cin], y1, y2, out [B, T, Cout]. Weight norm is w = g v / |v| per output channel; w is
 * kept beside the parameters and made again only when they change.
 *
 * Source: Bai, Kolter and Koltun 2018, with PReLU
 */
#ifndef VA_TCN_H
#define VA_TCN_H

#include "ops/va_arena.h"
#include "ops/va_params.h"

/* Indices of one weight-normed convolution in the parameter list, and its effective weights. */
struct va_tcn_conv {
    int64_t Cin, Cout, K, dilation;
    int64_t v, g, bias, slope; /* [Cout, Cin, K], [Cout, 1, 1], [Cout], [1] of the PReLU */
    int64_t w;                 /* derived: the effective kernel [Cout, Cin, K] */
};

struct va_tcn {
    struct va_params *params;
    struct va_tcn_conv conv[2];
    int64_t slope;    /* prelu3 */
    int64_t shortcut; /* [Cout, Cin, 1], [Cout]; -1: identity */
};

/* Where the activations of a block go. For training all are apart; without, y1 may be c1, and c2,
 * sum and out may be one. y1 may lie in a buffer with history in front (streaming). */
struct va_tcn_acts {
    void *c1, *y1, *c2, *sum, *out; /* [B, T, Cout]; c before PReLU, sum before prelu3 */
};

/* Buffers that the backward pass needs beside the activations. */
struct va_tcn_scratch {
    void *grad[3]; /* [B, T, the widest of all C] */
};

/* Append PREFIX.B.*. Initial values: weight_v normal (paper) or uniform within 1/sqrt(fan in) (authors). */
VA_MUST_USE int va_tcn_declare(struct va_tcn *l, struct va_params *list, const char *prefix,
                               int64_t b, int64_t Cin, int64_t Cout, int64_t K,
                               int64_t dilation, bool normal_init);

/* Frames of history that each convolution looks back: (K-1) * dilation. */
int64_t va_tcn_reach(const struct va_tcn *l);

/* `lead` rows of history stand before x, and before acts->y1, for B = 1; else 0. The two masks of a
 * block have drop->stream and the number after it; drop->first counts frames, in the whole batch. */
void va_tcn_forward(struct va_tcn *l, int64_t B, int64_t T, int64_t lead, const void *x,
                    const struct va_tcn_acts *acts, const struct va_mask *drop);

/*
 * dout in s->grad[0], [B, T, Cout]; dx is left in s->grad[1], [B, T, Cin], if wanted. All three
 * buffers are overwritten.
 */
void va_tcn_backward(struct va_tcn *l, int64_t B, int64_t T, const void *x,
                     const struct va_tcn_acts *acts, const struct va_mask *drop, bool want_dx,
                     const struct va_tcn_scratch *s);

#endif
