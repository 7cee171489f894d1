/*
 * va_ops.h - the operation table: everything a model asks of a device.
 *
 * A model holds buffers and calls the table; it does not know the device. Backends:
 *   cpu  (cpu/va_cpu_ops.h)  float32, all cores, oneDNN and SIMD
 *   ref  (cpu/va_ref_ops.h)  float64, plain loops: the judge of the others in the tests
 *
 * Numbers:   a buffer is a void * to `elem` bytes per number (4, or 8 in ref); use va_at() to
 *            step through it. Only get_* may be asked for the values.
 * Layout:    row-major, time-major sequences [B, T, C]; shapes below outermost first
 * Gradients: named d + tensor. Parameter gradients ADD to what is there, activation gradients
 *            OVERWRITE. A NULL gradient pointer means "not wanted".
 * Errors:    operations return nothing and may be asynchronous. A failure (memory, device)
 *            sticks: later operations do nothing and va_backend_check() returns -1 after it was
 *            reported once. Sizes are the caller's promise, taken from a checked configuration.
 * Aliasing:  outputs may be the same buffer as an input only where it says "in place".
 * Results:   equal inputs give equal bytes for the same number of threads
 */
#ifndef VA_OPS_H
#define VA_OPS_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct va_backend;

/*
 * A weight matrix or kernel whose values change rarely compared with its uses. `prepared` is
 * the backend's own form of it (packed, transposed, bf16, spectrum); the backend makes it at
 * the first use after weight_changed() and owns it until weight_release().
 */
struct va_weight {
    void *data; /* values, in the layout the operation states */
    void *prepared;
    bool stale; /* data changed since `prepared` was made */
};

enum va_unary {
    VA_IDENTITY,
    VA_RELU,     /* max(x, 0) */
    VA_SILU,     /* x / (1 + exp(-x)) */
    VA_GELU,     /* exact: x * Phi(x), by erf */
    VA_SOFTPLUS, /* log(1 + exp(x)); x above 20 as PyTorch does */
    VA_NEG_EXP,  /* -exp(x) */
};

/* y = act(x W^T + b) + residual.   x [M, K], W [N, K], b [N], y and residual [M, N] */
struct va_linear {
    int64_t M, N, K;
    const void *x;
    int64_t ldx; /* elements from row to row of x, >= K */
    struct va_weight *w;
    const void *bias; /* or NULL */
    enum va_unary act;
    const void *residual; /* or NULL; rows ldy apart; may be y (in place) */
    void *y;
    int64_t ldy; /* >= N */
};

/* Backward of x W^T + b, given dy [M, N]: dx = dy W, dW += dy^T x, db += sum over M of dy. */
struct va_linear_grad {
    int64_t M, N, K;
    const void *dy;
    int64_t lddy;
    const void *x; /* needed for dW */
    int64_t ldx;
    struct va_weight *w; /* needed for dx */
    void *dx;
    int64_t lddx;
    bool add_dx; /* dx += instead of dx = */
    void *dw, *dbias;
};

/*
 * Causal dilated convolution over time:
 *   y[b, t, o] = bias[o] + sum over k, c of W[o, c, k] * x[b, t - (K-1-k) * dilation, c]
 * x [B, lead + T, Cin]: `lead` rows of history stand before the first frame of each sequence
 * (streaming); what lies further back is zero. y [B, T, Cout], W [Cout, Cin, K].
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
 */
struct va_scan {
    int64_t B, T, E, N;
    const void *u, *delta, *A, *Bm, *Cm, *skip, *z; /* z NULL: no gate */
    int64_t ldu, lddelta, ldB, ldC, ldz;
    const void *h0; /* or NULL */
    void *y;        /* packed [B, T, E] */
    void *h_last;   /* or NULL; may be h0 (in place) */
};

struct va_scan_grad {
    int64_t B, T, E, N;
    const void *dy; /* packed [B, T, E] */
    const void *u, *delta, *A, *Bm, *Cm, *skip, *z;
    int64_t ldu, lddelta, ldB, ldC, ldz;
    void *du, *ddelta, *dBm, *dCm, *dz; /* overwritten */
    int64_t lddu, ldddelta, lddB, lddC, lddz;
    void *dA, *dskip; /* added to */
};

/* y = (x - mean) / sqrt(var + eps) * gamma + beta over the C numbers of each of M rows;
 * biased variance; gamma and beta may be NULL together. stats [M, 2] (mean, 1/deviation) may be
 * NULL when there is no backward. */
struct va_norm {
    int64_t M, C;
    double eps;
    const void *x, *gamma, *beta;
    void *y, *stats;
};

struct va_norm_grad {
    int64_t M, C;
    const void *dy, *x, *gamma, *stats;
    void *dx;
    void *dgamma, *dbeta; /* NULL together */
};

/*
 * Multi-head attention on packed projections: qkv [B, T, 3, H, D] (q, k, v), y [B, Tq, H, D]
 *   y = softmax(q k^T / sqrt(D)) v
 * Only the first `queries` rows of each sequence are computed (Tq = queries): the last block
 * of an encoder needs the CLS row alone.
 */
struct va_attention {
    int64_t B, T, H, D, queries;
    const void *qkv;
    void *y;
};

/* Inverted dropout: y = x / (1-p) where the element is kept, else 0. The mask is a function of
 * (seed, step, element): word i % 4 of the Philox block i / 4 for VA_RAND_DROPOUT, kept when it
 * is >= p * 2^32. x[0] is element `first`, so that a part of a larger activation gets its part of
 * the mask. Called with the same key on dy it is its own backward. In place allowed. */
struct va_dropout {
    int64_t count;
    double p;
    uint64_t seed, step;
    const void *x;
    void *y;
    int64_t first; /* >= 0, any number */
};

/*
 * Moments of predictions and labels over the labelled frames, for the CCC, in double:
 * pred, label [n, 2] (valence, arousal), valid [n] (1 where labelled).
 */
struct va_ccc_moments {
    double count;                  /* labelled frames */
    double mean_p[2], mean_y[2];   /* 0 when count is 0 */
    double spp[2], syy[2], spy[2]; /* centred sums: sum (p - mean)^2 and so on */
};

/* dpred[i, d] = valid[i] * (c0[d] + cp[d] * (pred - mean_p[d]) + cy[d] * (label - mean_y[d])) */
struct va_ccc_coefficients {
    double c0[2], cp[2], cy[2], mean_p[2], mean_y[2];
};

/* One tensor of the optimiser; all buffers [count]. */
struct va_update {
    int64_t count;
    void *value, *grad, *m, *v;
    double decay; /* weight decay of this tensor; 0 for none */
};

/* AdamW, decoupled decay (Loshchilov and Hutter 2019), as PyTorch orders it:
 *   g = clip_scale * grad;  w -= lr * decay * w;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps),  t counted from 1 */
struct va_adamw {
    double lr, beta1, beta2, eps, clip_scale;
    int64_t t;
};

struct va_ops {
    const char *name;
    size_t elem; /* bytes of one number */

    /* Memory. alloc: zeroed; NULL after reporting. copy: device to device. */
    void *(*alloc)(struct va_backend *be, int64_t count);
    void (*free)(struct va_backend *be, void *buffer);
    void (*zero)(struct va_backend *be, void *buffer, int64_t count);
    void (*copy)(struct va_backend *be, void *dst, const void *src, int64_t count);
    void (*put_f32)(struct va_backend *be, void *dst, const float *src, int64_t count);
    void (*put_f64)(struct va_backend *be, void *dst, const double *src, int64_t count);
    void (*get_f32)(struct va_backend *be, float *dst, const void *src, int64_t count);
    void (*get_f64)(struct va_backend *be, double *dst, const void *src, int64_t count);

    /* Weights */
    void (*weight_release)(struct va_backend *be, struct va_weight *w);

    /* Elementwise over n numbers; in place allowed where x (or dy) is y (or dx). */
    void (*unary)(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y);
    /* dx = dy * f'(x); y = f(x) is given as well, since some derivatives need only it. */
    void (*unary_grad)(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx);
    void (*add)(struct va_backend *be, int64_t n, const void *a, const void *b, void *y);
    /* y = x > 0 ? x : slope * x, one slope for all; dslope [1] is added to. At 0 the gradient
     * of x is slope * dy. */
    void (*prelu)(struct va_backend *be, int64_t n, const void *x, const void *slope, void *y);
    void (*prelu_grad)(struct va_backend *be, int64_t n, const void *x, const void *slope,
                       const void *dy, void *dx, void *dslope);
    void (*dropout)(struct va_backend *be, const struct va_dropout *p);

    void (*linear)(struct va_backend *be, const struct va_linear *p);
    void (*linear_grad)(struct va_backend *be, const struct va_linear_grad *p);
    void (*conv)(struct va_backend *be, const struct va_conv *p);
    void (*conv_grad)(struct va_backend *be, const struct va_conv_grad *p);
    void (*dwconv)(struct va_backend *be, const struct va_dwconv *p);
    void (*dwconv_grad)(struct va_backend *be, const struct va_dwconv_grad *p);
    /* w[r] = g[r] v[r] / |v[r]| for `rows` rows of `cols`; a zero row of v gives zeros. */
    void (*weight_norm)(struct va_backend *be, int64_t rows, int64_t cols, const void *v,
                        const void *g, void *w);
    /* dv +=, dg += from dw */
    void (*weight_norm_grad)(struct va_backend *be, int64_t rows, int64_t cols, const void *v,
                             const void *g, const void *dw, void *dv, void *dg);
    void (*scan)(struct va_backend *be, const struct va_scan *p);
    void (*scan_grad)(struct va_backend *be, const struct va_scan_grad *p);
    void (*norm)(struct va_backend *be, const struct va_norm *p);
    void (*norm_grad)(struct va_backend *be, const struct va_norm_grad *p);
    void (*attention)(struct va_backend *be, const struct va_attention *p);

    /* These wait for the device: their results are on the host. */
    void (*ccc_moments)(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out);
    double (*sum_squares)(struct va_backend *be, const struct va_update *list, int64_t count,
                          int64_t *worst); /* of all gradients; *worst: first entry with a
                                              non-finite sum, or -1 */

    void (*ccc_grad)(struct va_backend *be, int64_t n, const void *pred, const void *label,
                     const void *valid, const struct va_ccc_coefficients *c, void *dpred);
    void (*adamw)(struct va_backend *be, const struct va_adamw *h, const struct va_update *list,
                  int64_t count);

    int (*sync)(struct va_backend *be); /* wait; -1 after a failure was reported */
    void (*destroy)(struct va_backend *be);
};

struct va_backend {
    const struct va_ops *ops;
    bool failed;  /* an operation failed, and it was reported */
    int64_t held; /* bytes allocated now, and the most so far */
    int64_t held_max;
};

/* Element i of a buffer. */
static inline void *va_at(const struct va_backend *be, const void *buffer, int64_t i)
{
    return (char *)buffer + i * (int64_t)be->ops->elem;
}

/* Values of w->data were written: its prepared form is made anew at the next use. */
static inline void va_weight_changed(struct va_weight *w)
{
    w->stale = true;
}

/* Wait for the device; 0, or -1 when some operation failed (already reported). */
VA_MUST_USE static inline int va_backend_check(struct va_backend *be)
{
    return be->ops->sync(be) < 0 || be->failed ? -1 : 0;
}

static inline void va_backend_free(struct va_backend *be) /* NULL is fine */
{
    if (be)
        be->ops->destroy(be);
}

#endif
