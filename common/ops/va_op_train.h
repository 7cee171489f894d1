/*
 * va_op_train.h - what the operations of training compute beside the layers (va_op.h): losses,
 * weights that follow from parameters, the update.
 */
#ifndef VA_OP_TRAIN_H
#define VA_OP_TRAIN_H

#include "ops/va_op.h"

/* Squared error of rows of C numbers, each with its weight [rows]:
 *   loss = scale * sum over r, c of weight[r] (pred - target)^2
 *   dpred = 2 grad_scale weight[r] (pred - target)            (or NULL) */
struct va_squares {
    int64_t rows, C;
    double scale, grad_scale;
    const void *pred, *target, *weight;
    void *dpred;
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

/*
 * A weight w [rows, cols] that follows from parameters:
 *   VA_LAW_WEIGHT_NORM   w[r] = g[r] v[r] / |v[r]| (a zero row of v gives zeros)
 *   VA_LAW_NEG_EXP       w = -exp(v), without g
 * A backward pass adds the gradient of w to dv, which then becomes that of v in place; dg += .
 */
enum va_law { VA_LAW_WEIGHT_NORM, VA_LAW_NEG_EXP };

struct va_derived {
    enum va_law law;
    int64_t rows, cols;
    const void *v, *g;
    struct va_weight w;
    void *dv, *dg; /* NULL without training */
};

/* One tensor of the optimiser; all buffers [count]. */
struct va_update {
    int64_t count;
    void *value, *grad, *m, *v;
    double decay; /* weight decay of this tensor; 0 for none */
    double rate;  /* its learning rate over that of all */
};

/* AdamW, decoupled decay (Loshchilov and Hutter 2019), as PyTorch orders it; lr times the tensor's
 * rate, norm the L2 norm of all gradients together:
 *   s = clip / (norm + 1e-6) where clip > 0 and this is below 1, else 1
 *   g = s * grad;  w -= lr * decay * w;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps),  t counted from 1
 * Then the derived weights are made anew. Where a gradient is not finite, nothing is changed. */
struct va_adamw {
    double lr, beta1, beta2, eps, clip;
    int64_t t;
    const struct va_update *list;
    int64_t count;
    const struct va_derived *derived;
    int64_t derived_count;
};

struct va_adamw_result {
    double norm;
    int64_t worst; /* the first tensor of the list whose gradient is not finite; -1: none */
};

#endif
