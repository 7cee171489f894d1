/*
 * va_ensemble.h - predictions of several models for the same videos, one video at a time.
 *
 * Letters:   K files, each of one model or of several averaged already; T frames of a video
 * Ownership: the ensemble owns the video loaded last; begins as { 0 }
 */
#ifndef VA_ENSEMBLE_H
#define VA_ENSEMBLE_H

#include "base/va_attr.h"
#include "data/va_predictions.h"
#include <stdint.h>

enum { VA_ENSEMBLE_MAX = 64 };

/* Treatment of a video that is missing from some files: refuse it, leave it out, or average the rest. */
enum va_ensemble_missing { VA_ENSEMBLE_ERROR, VA_ENSEMBLE_SKIP, VA_ENSEMBLE_AVERAGE };

struct va_ensemble {
    struct va_predictions_in *files[VA_ENSEMBLE_MAX]; /* [count] */
    int64_t count;                                    /* K */
    char **names; /* [name_count] of the videos in any of them, bytewise sorted */
    int64_t name_count, name_room;
    /* the video loaded last */
    int64_t frames;                /* T */
    int64_t present;               /* files that have it */
    int64_t from[VA_ENSEMBLE_MAX]; /* [present] which those are */
    double *va[VA_ENSEMBLE_MAX];   /* [present] of [T, 2] */
    struct va_predicted
        known; /* without va: times, faces and confidence, each of the first file that has it */
};

/* Open `count` va.predictions files, 1 .. VA_ENSEMBLE_MAX. 0, or -1 after reporting. */
VA_MUST_USE int va_ensemble_open(struct va_ensemble *e, char *const *paths, int64_t count);
void va_ensemble_release(struct va_ensemble *e);

/* Whether any of the files has video `name`. */
bool va_ensemble_has(const struct va_ensemble *e, const char *name);

/*
 * Load a video for which va_ensemble_has is true. Returns 1; 0 after naming the file from which a video
 * to leave out is missing; -1 after reporting: missing from a file, of different lengths, or of other times.
 */
VA_MUST_USE int va_ensemble_load(struct va_ensemble *e, const char *name,
                                 enum va_ensemble_missing missing);

/* The sum of weight[k][d] va_k / the sum of weight[k][d] over the files that have the video, into
 * mean [T, 2]. NULL: equal weights. -1 after reporting that these files have no weight. */
VA_MUST_USE int va_ensemble_mean(const struct va_ensemble *e, const char *name,
                                 const double (*weight)[2], double *mean);

/*
 * CCC centring of K series va[k] [T, 2], each dimension separately. The agreement a_k of a series is
 * the mean of its CCCs with the others, the target the mean of the series' means weighted by it:
 *     target = sum a_k mean_k / sum a_k
 * Each series is shifted to have the target as its mean, then they are averaged. Since only the
 * means change, the result is the plain average plus one number for the whole video: shift[d] =
 * target - the plain mean of the means.
 *
 * Moments are those of the population, as in data/va_metrics.h: with variances over T - 1 beside
 * covariances over T, as published scripts have it, agreements differ by a share of 1 / T.
 * An undefined CCC (two series of one and the same constant) counts 0: models that no longer move
 * must not outvote the others. So does an agreement below 0: as a weight it would carry the target
 * beyond all means, without bound where the sum comes near 0. If no agreement is above 0, as for
 * one series alone, shift is 0.
 */
void va_ensemble_centre(int64_t K, int64_t T, double *const *va, double shift[2]);

#endif
