/*
 * va_op_sequence.h - operations along time: causal convolutions, the selective scan, recurrences.
 * Layout, gradients and aliasing as in va_op.h.
 */
#ifndef VA_OP_SEQUENCE_H
#define VA_OP_SEQUENCE_H

#include "ops/va_op.h"

/*
 * Causal dilated convolution over time:
 *   y[b, t, o] = bias[o] + sum over k, c of W[o, c, k] * x[b, t - (K-1-k) * dilation, c]
 * x [B, lead + T, Cin]: `lead` rows of history stand before the first frame of each sequence
 * (streaming); what lies further back is zero. Numbers are finite: where one is not, frames of its
 * sequence before it may be NaN as well as those after it (a device may work in tiles of frames,
 * and rounding is relative to the largest number of a tile).
 * y [B, T, Cout], W [Cout, Cin, K].
 */
struct va_conv {
    int64_t B, T, Cin, Cout, K, dilation, lead;
    const void *x;
    struct va_weight *w;
    const void *bias; /* or NULL */
    void *y;
};

/* dx [B, T, Cin] =, dW [Cout, Cin, K] +=, dbias [Cout] +=; only for lead = 0. */
struct va_conv_grad {
    int64_t B, T, Cin, Cout, K, dilation;
    const void *dy;      /* [B, T, Cout] */
    const void *x;       /* needed for dW */
    struct va_weight *w; /* needed for dx */
    void *dx, *dw, *dbias;
};

/* Depthwise causal convolution, act applied: y[b,t,c] = act(bias[c] + sum_k W[c,k] x[b,t-(K-1-k),c]).
 * x rows are ldx apart and have `lead` rows of history as in va_conv; y [B, T, C] packed. */
struct va_dwconv {
    int64_t B, T, C, K, lead, ldx;
    const void *x, *w, *bias; /* W [C, K] */
    enum va_unary act;        /* VA_IDENTITY or VA_SILU */
    void *y;
};

/* Backward; lead = 0. The pre-activation is computed again from x. dx rows are lddx apart. */
struct va_dwconv_grad {
    int64_t B, T, C, K, ldx, lddx;
    const void *dy, *x, *w, *bias;
    enum va_unary act;
    void *dx, *dw, *dbias;
};

/*
 * Selective scan (Mamba, Gu and Dao 2023), gate included, h[-1] = h0 or zero:
 *   h[t] = exp(delta[t] * A) * h[t-1] + delta[t] * u[t] * Bm[t]
 *   y[t] = (sum over n of Cm[t, n] h[t, n] + skip * u[t]) * silu(z[t])
 * u, delta, z, y [B, T, E]; A [E, N], negative; Bm, Cm [B, T, N]; skip [E]; state [B, E, N].
 * ld*: elements from row to row, so that Bm, Cm and z may be parts of wider rows.
 * marks [B, ceil(T / scan_marks), E, N]: the states before every scan_marks-th frame, which the backward pass of
 * a device with `scan_marks` (ops/va_ops.h) begins from. Others leave them alone.
 */
struct va_scan {
    int64_t B, T, E, N;
    const void *u, *delta, *A, *Bm, *Cm, *skip, *z; /* z NULL: no gate */
    int64_t ldu, lddelta, ldB, ldC, ldz;
    const void *h0; /* or NULL */
    void *y;        /* packed [B, T, E] */
    void *h_last;   /* or NULL; may be h0 (in place) */
    void *marks;    /* or NULL, without a backward pass */
};

/* Backward of a scan that began at zero. */
struct va_scan_grad {
    int64_t B, T, E, N;
    const void *dy;    /* packed [B, T, E] */
    const void *marks; /* as the forward pass left them; NULL where the device has none */
    const void *u, *delta, *A, *Bm, *Cm, *skip, *z;
    int64_t ldu, lddelta, ldB, ldC, ldz;
    void *du, *ddelta, *dBm, *dCm, *dz; /* overwritten */
    int64_t lddu, ldddelta, lddB, lddC, lddz;
    void *dA, *dskip; /* added to */
};

/*
 * Recurrence over time of an LSTM or GRU in PyTorch's form. a [B, T, G, H] is what the input
 * contributes, x W_ih^T + b_ih; s = W_hh h[t-1] + b_hh with w [G*H, H], bias [G*H]; h[-1] = 0 or
 * the state's; sigma is 1 / (1 + exp(-x)).
 *   LSTM, G = 4 (i, f, g, o):  i, f, o = sigma(a + s), g = tanh(a + s)
 *                              c[t] = f c[t-1] + i g          h[t] = o tanh(c[t])
 *   GRU, G = 3 (r, z, n):      r, z = sigma(a + s), n = tanh(a_n + r s_n)
 *                              h[t] = (1 - z) n + z h[t-1]
 */
enum va_cell { VA_CELL_LSTM, VA_CELL_GRU };

static inline int64_t va_cell_gates(enum va_cell cell) /* G */
{
    return cell == VA_CELL_LSTM ? 4 : 3;
}

struct va_recurrent {
    enum va_cell cell;
    int64_t B, T, H;
    struct va_weight *w;
    const void *bias;
    void *gates; /* [B, T, G, H]: a, overwritten with the gates */
    void *memo;  /* [B, T, H]: c of an LSTM, s_n of a GRU */
    void *y;     /* [B, T, H]: h */
    void *state; /* [B, 2, H] h and c before the first frame, then after the last; NULL: from
                    zero, kept nowhere. A GRU leaves the second row alone. */
};

/* Backward from dy [B, T, H] of a forward that began at zero; gates, memo and y are its. The
 * gradients of w and bias follow from dsum and h[t-1] (va_linear_grad). */
struct va_recurrent_grad {
    enum va_cell cell;
    int64_t B, T, H;
    struct va_weight *w;
    const void *gates, *memo, *y, *dy;
    void *da; /* [B, T, G, H], gradient of a */
    void *
        dsum; /* [B, T, G, H], gradient of s; of an LSTM it is da's: not written, may be NULL */
};

#endif
