/*
 * va_op_train.h - what the operations of training compute beside the layers (va_op.h): losses,
 * weights that follow from parameters, the update; and the record of a step, by which they work.
 */
#ifndef VA_OP_TRAIN_H
#define VA_OP_TRAIN_H

#include "base/va_attr.h"
#include "ops/va_op.h"
#include <math.h>

/* What the operations of a step find, for the host to read at its end. */
struct va_step_report {
    double loss;          /* the sum of its losses */
    double learned;       /* what they were over: labelled frames, weights of classes, rows */
    int64_t losses;       /* how many there were, */
    int64_t wrong;        /* and the first of them, from 1, that was not finite; 0: none */
    double ccc[2], error; /* of ccc_loss: valence, arousal; the mean squared error */
    double cross_entropy, class_weight; /* of cross_entropy: both sums */
    double norm;                        /* of update: the L2 norm of all gradients together */
    int64_t worst; /* the first tensor of its list whose gradient is not finite; -1: none */
};

/*
 * The record of a step, in a buffer of the device. The host puts it before each step, up to
 * `halted`, and reads it after the step: that is all it has to wait for. Everything that varies from
 * one step to the next, but for the inputs, is here; operations get no such thing by value.
 */
struct va_step {
    uint64_t seed, step; /* of dropout */
    double rate;         /* learning rate */
    int64_t t;           /* updates, with this one */
    struct va_step_report report;
    int64_t halted; /* not 0: some step was not finite. No update since then changed anything */
};

/* One more loss of this step, over `learned`. */
VA_SHARED void va_step_loss(struct va_step *s, double loss, double learned)
{
    s->report.losses++;
    s->report.loss += loss;
    s->report.learned += learned;
    if (!isfinite(loss) && !s->report.wrong)
        s->report.wrong = s->report.losses;
}

/* Whether the update of this step goes ahead, with norm and worst in the report: all is finite, and
 * was, and its losses, if there were any, were over something. */
VA_SHARED bool va_step_updates(struct va_step *s)
{
    const struct va_step_report *r = &s->report;

    if (!isfinite(r->loss) || !isfinite(r->norm) || r->worst >= 0)
        s->halted = 1;
    return !s->halted && (r->losses == 0 || r->learned > 0);
}

/* Squared error of rows of C numbers, each with its weight [rows]:
 *   loss = scale * sum over r, c of weight[r] (pred - target)^2
 *   dpred = 2 scale weight[r] (pred - target)            (or NULL) */
struct va_squares {
    int64_t rows, C;
    double scale;
    const void *pred, *target, *weight;
    void *dpred;
    void *step; /* its loss goes there */
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

/*
 * The loss over all labelled frames of a batch: share (2 - CCC_valence - CCC_arousal)
 * + (1 - share) (mean squared error of both), and its gradient. Formulas: ops/va_ccc_loss.h.
 */
enum va_ccc_kind { VA_CCC_POPULATION, VA_CCC_SAMPLE };

struct va_ccc {
    int64_t n;
    enum va_ccc_kind kind;
    double eps, share;
    const void *pred, *label, *valid; /* as above */
    const struct va_ccc_moments
        *moments; /* on the host, of these frames and more; NULL: of these */
    void *dpred;  /* [n, 2] */
    void *step;
    /* Moments are those of these frames and of the other ranks', which va_ranks.moments has begun. */
    bool joined;
};

/*
 * Cross-entropy of n rows of logits [n, C], those of class -1 left out, weighted by class:
 *   sum = sum over r of weight[label[r]] (-log softmax(logits[r])[label[r]])
 *   loss = scale sum / total       dlogits = scale / total times the gradient of the sum
 */
struct va_cross_entropy {
    int64_t n, C;
    double scale, total; /* total: of the weights; 0: their sum over these rows */
    const void *logits;
    const int32_t *label; /* [n] its class, or -1, */
    const double *weight; /* [C], in buffers of the device */
    void *dlogits;        /* [n, C] */
    void *step;
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
    double decay;             /* weight decay of this tensor; 0 for none */
    double rate;              /* its learning rate over that of all */
    struct va_weight *weight; /* whose data is `value`, or NULL */
};

/* AdamW, decoupled decay (Loshchilov and Hutter 2019), as PyTorch orders it; lr is the step's rate
 * times the tensor's, t the step's, norm the L2 norm of all gradients together:
 *   s = clip / (norm + 1e-6) where clip > 0 and this is below 1, else 1
 *   g = s * grad;  w -= lr * decay * w;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps),  t counted from 1
 * Before, the gradients of derived weights are taken to those of what they follow from, as derive_grad does, but
 * dv may keep what it held. Then derived weights and prepared forms are made anew. Values, moments and weights stay
 * as they are where va_step_updates says so. */
struct va_adamw {
    double beta1, beta2, eps, clip;
    const struct va_update *list;
    int64_t count;
    const struct va_derived *derived;
    int64_t derived_count;
    void *step; /* norm and worst go there */
};

#endif
