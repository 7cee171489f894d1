/*
 * va_predictions_priv.h - what writer and reader of predictions share: the datasets with a row per frame.
 *
 * The same ones lie below /videos/NAME for each video (va.predictions/1), or in the root for all of them
 * (va.predictions/2): schemas/va.predictions.md.
 */
#ifndef VA_PREDICTIONS_PRIV_H
#define VA_PREDICTIONS_PRIV_H

#include "base/va_tensors.h"

enum va_predicted_what {
    VA_PREDICTED_VA,
    VA_PREDICTED_PTS,
    VA_PREDICTED_FACE,
    VA_PREDICTED_CONFIDENCE,
    VA_PREDICTED_SPREAD,
    VA_PREDICTED_LOWER,
    VA_PREDICTED_UPPER,
    VA_PREDICTED
};

/* Shapes are [T, 2] for rank 2, [T] for rank 1. */
extern const struct va_predicted_column {
    const char *name;
    enum va_dtype type;
    int rank;
} va_predicted_columns[VA_PREDICTED];

#define VA_PREDICTIONS_GROUPS "va.predictions/1"
#define VA_PREDICTIONS_FLAT   "va.predictions/2"

#endif
