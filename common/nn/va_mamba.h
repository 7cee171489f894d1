/*
 * va_mamba.h - one Mamba layer with residual and LayerNorm after the sum.
 *
 *     xz    = in_proj(x)                       [M, 2E]: inner signal, then gate z
 *     u     = silu(conv1d(xz[:, :E]))          depthwise, causal
 *     dbc   = x_proj(u)                        [M, R + 2N]: low-rank step, Bm, Cm
 *     delta = softplus(pre), pre = dt_proj(dbc[:, :R])
 *     y     = (scan(u, delta, -exp(A_log), Bm, Cm) + skip u) silu(z)
 *     out   = norm(sum), sum = out_proj(y) + x
 *
 * M = B T rows, width D. Source: Gu and Dao 2023.
 */
#ifndef VA_MAMBA_H
#define VA_MAMBA_H

#include "ops/va_arena.h"
#include "ops/va_params.h"

struct va_mamba_sizes {
    int64_t D, E, N, R, taps; /* taps of the depthwise convolution */
};

struct va_mamba {
    struct va_params *params;
    struct va_mamba_sizes s;
    int64_t in_proj, conv_w, conv_b, x_proj, dt_w, dt_b, A_log, skip, out_proj, norm_w, norm_b;
    int64_t A; /* derived: -exp(A_log), [E, N] */
};

/* Where the activations of a layer go; all apart. xz may lie in a buffer with history in front. */
struct va_mamba_acts {
    void *xz;          /* [M, 2E] */
    void *u, *y;       /* [M, E] */
    void *dbc;         /* [M, R + 2N] */
    void *pre, *delta; /* [M, E]; without a backward pass they may be one */
    void *sum, *out;   /* [M, D] */
    void *stats;       /* [M, 2]; NULL without a backward pass */
    void *marks; /* of the scan; NULL without a backward pass, or where the device has none */
};

/* State of one sequence between blocks of frames (streaming). */
struct va_mamba_state {
    int64_t lead; /* rows of history before acts->xz: up to taps - 1 */
    void *h;      /* [1, E, N], read and written; NULL: from zero, kept nowhere */
};

struct va_mamba_scratch {
    void *dy, *du, *ddelta; /* [M, E] */
    void *dxz;              /* [M, 2E] */
    void *ddbc;             /* [M, R + 2N] */
};

enum va_mamba_init { VA_MAMBA_INIT_PAPER, VA_MAMBA_INIT_AUTHORS };

/* Append PREFIX.in_proj.weight and so on. -1 after reporting. */
VA_MUST_USE int va_mamba_declare(struct va_mamba *l, struct va_params *list, const char *prefix,
                                 const struct va_mamba_sizes *s, enum va_mamba_init init);
/* Places for B sequences of T rows. pre and delta, stats, marks: see va_mamba_acts. */
void va_mamba_plan(const struct va_mamba *l, int64_t B, int64_t T, bool training,
                   struct va_arena *a, struct va_mamba_acts *acts);
void va_mamba_plan_backward(const struct va_mamba *l, int64_t M, struct va_arena *a,
                            struct va_mamba_scratch *s);

void va_mamba_forward(const struct va_mamba *l, int64_t B, int64_t T, const void *x,
                      const struct va_mamba_acts *acts, const struct va_mamba_state *state);

/* dx [M, D] from dout [M, D]; they must not be the same. */
void va_mamba_backward(const struct va_mamba *l, int64_t B, int64_t T, const void *x,
                       const struct va_mamba_acts *acts, const void *dout, void *dx,
                       const struct va_mamba_scratch *s);

#endif
