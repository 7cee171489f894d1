/*
 * va_ccc.h - the loss (1 - CCC_valence) + (1 - CCC_arousal) over all labelled frames of a batch.
 *
 *   population: CCC = 2 cov / (var_p + var_y + (mean_p - mean_y)^2), moments over n
 *   sample:     moments over n - 1, the numerator times r / (r + eps), r = sqrt(Spp Syy):
 *               the authors' loss, Pearson's rho with eps in its denominator
 *
 * Fewer than two labelled frames or a denominator of 0: CCC 0 with zero gradient. No labelled
 * frame: loss 0, and the caller takes no step. Where a side is constant, `sample` has zero
 * gradient, `population` that of the covariance.
 */
#ifndef VA_CCC_H
#define VA_CCC_H

#include "ops/va_ops.h"

enum va_ccc_kind { VA_CCC_POPULATION, VA_CCC_SAMPLE };

struct va_ccc_loss {
    double loss, ccc[2]; /* valence, arousal */
    int64_t labelled;    /* frames */
};

/* Moments of two sets of frames together, in *into: what one rank has and what the next one has.
 * The order of the sets matters to the last bit only. */
void va_ccc_merge(struct va_ccc_moments *into, const struct va_ccc_moments *more);

/* Value of the loss and, unless NULL, the coefficients of its gradient for ops->ccc_grad. */
void va_ccc_loss(const struct va_ccc_moments *m, enum va_ccc_kind kind, double eps,
                 struct va_ccc_loss *loss, struct va_ccc_coefficients *gradient);

/*
 * The mean squared error of valence and arousal, from the same moments: its gradient has the same
 * form. loss->loss becomes share * loss + (1 - share) * error, the gradient likewise. Returns the
 * error; 0 without a labelled frame.
 */
double va_ccc_mix_error(const struct va_ccc_moments *m, double share, struct va_ccc_loss *loss,
                        struct va_ccc_coefficients *gradient);

#endif
