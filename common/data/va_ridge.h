/*
 * va_ridge.h - a linear map from the features of one frame to valence and arousal: the baseline
 * that a model with memory has to beat.
 *
 * Closed form in double: features standardised, beta = (R + lambda I)^-1 r with R their
 * correlations and r those with the label, so lambda does not depend on the number of frames or
 * on units. Everything is done from moments, which add: leaving a part out is a subtraction, and
 * the CCC on that part needs no second pass over its frames.
 *
 * Letters:   D features, 2 dimensions (valence, arousal)
 * Ownership: structs are the caller's; release frees what they own
 */
#ifndef VA_RIDGE_H
#define VA_RIDGE_H

#include "base/va_attr.h"
#include <stdint.h>

enum { VA_RIDGE_WIDTH_MAX = 4096 };

/* Sums over labelled frames. */
struct va_moments {
    int64_t D, frames;
    double *x, *xx, *xy; /* [D], [D, D] lower triangle, [D, 2] */
    double y[2], yy[2];
};
VA_MUST_USE int va_moments_init(struct va_moments *m, int64_t D); /* -1 after reporting */
void va_moments_release(struct va_moments *m);

/* Add `count` frames, x [count, D], label [count, 2]; frames with valid 0 are ignored. */
VA_MUST_USE int va_moments_add(struct va_moments *m, int64_t count, const float *x,
                               const float *label, const float *valid);
void va_moments_sum(struct va_moments *to, const struct va_moments *part, int sign); /* 1, -1 */

struct va_ridge {
    int64_t D;
    double *w;   /* [2, D] */
    double b[2]; /* prediction d = w[d] . x + b[d] */
};

/* Fit with one lambda (>= 0) per dimension; w comes new. -1 after reporting: no frames, or a
 * lambda so small that the features do not determine the map. */
VA_MUST_USE int va_ridge_fit(struct va_ridge *ridge, const struct va_moments *m,
                             const double lambda[2]);
/* The map that says the mean of the labels always. */
VA_MUST_USE int va_ridge_constant(struct va_ridge *ridge, const struct va_moments *m);
void va_ridge_release(struct va_ridge *ridge);

/* va [2] for x [D], limited to [-1, 1]. */
void va_ridge_predict(const struct va_ridge *ridge, const float *x, float va[2]);

/* How well each part is predicted from all others, over all parts together, per dimension: CCC, and
 * Pearson's correlation, which does not mind that a penalised map says too little. */
struct va_ridge_scores {
    double ccc[2], r[2];
};
VA_MUST_USE int va_ridge_cross(const struct va_moments *parts, int64_t count, double lambda,
                               struct va_ridge_scores *s);

/*
 * Choose features for dimension d one after the other: each time the one whose addition raises
 * the correlation of va_ridge_cross most, until none raises it by VA_RIDGE_WORTH. A feature is a
 * run of `run` columns (its context). features [most]; their number goes to *n, at least one.
 */
#define VA_RIDGE_WORTH .005
VA_MUST_USE int va_ridge_select(const struct va_moments *parts, int64_t count, int64_t run,
                                int d, int64_t most, int64_t *features, int64_t *n);

/* The moments of some features alone: columns of features[0], features[1], ... */
VA_MUST_USE int va_moments_pick(struct va_moments *to, const struct va_moments *from,
                                int64_t run, const int64_t *features, int64_t n);

/* Choose lambda for each dimension among fixed candidates: the one with the highest CCC when each
 * part is predicted from all others. */
VA_MUST_USE int va_ridge_choose(const struct va_moments *parts, int64_t count,
                                double lambda[2]);

#endif
