/*
 * va_blend.h - fit the weights of a weighted sum of predictions to labels.
 *
 * For p = sum over k of w[k] x_k with w[k] >= 0 and sum 1, the CCC of p with the labels y is a
 * function of means and covariances, which one pass over the frames gives:
 *
 *     CCC(w) = 2 w'g / w'Q w,   g[k] = cov(x_k, y),
 *     Q[k, l] = cov(x_k, x_l) + (mean x_k - mean y) (mean x_l - mean y) + var y
 *
 * An affine map after it that gives p the mean and deviation of y makes the CCC the correlation,
 *
 *     r(w) = w'g / sqrt(w'C w var y),   C[k, l] = cov(x_k, x_l)
 *
 * A linear function above 0 divided by a convex one is pseudoconcave: where moving weight from one
 * model to another no longer helps, nothing does. So the fit moves weight between the pair that
 * gains most, as far as is best (closed form), until no pair gains a share of 1e-13; begun at the
 * best single model and at equal weights, the better end counts. Where no model has a positive
 * covariance, one alone or equal weights are best. No randomness: equal moments, equal weights.
 *
 * Letters:   K predictions; moments are those of the population, one dimension each
 * Ownership: the caller's struct; release frees what it owns
 */
#ifndef VA_BLEND_H
#define VA_BLEND_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

enum { VA_BLEND_MAX = 64 }; /* of K */

struct va_blend {
    int64_t K, frames;
    double
        *origin; /* [K + 1] the first frame: deviations from it, so that constants stay exact */
    double *mean; /* [K + 1] of what is above the origin; the label is last */
    double *co;   /* [K + 1, K + 1] sums of products of deviations from the mean */
};

VA_MUST_USE int va_blend_init(struct va_blend *b, int64_t K); /* -1 after reporting */
void va_blend_release(struct va_blend *b);

/* Add a labelled frame: z [K + 1], the predictions and last the label. */
void va_blend_add(struct va_blend *b, const double *z);

/* CCC of the sum weighted by w [K], which sums to 1, and of that mapped to scale * p + shift. NaN
 * where it is undefined: no frames, or both are the same constant. */
double va_blend_ccc(const struct va_blend *b, const double *w, double scale, double shift);

/* The best weights w [K]: of CCC, or with `affine` of what is to be mapped. */
void va_blend_fit(const struct va_blend *b, bool affine, double *w);

/* The map after which mean and deviation are those of the labels; 1 and 0 where a deviation is 0. */
void va_blend_affine(const struct va_blend *b, const double *w, double *scale, double *shift);

#endif
