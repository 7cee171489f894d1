/*
 * va_submission.h - the challenge's submission file, row by row as in the official sample.
 *
 * Header `image_location,valence,arousal`, rows `<video>/<NNNNN>.jpg,v,a`: frame NNNNN of a video,
 * counted from 1. The sample says which rows are wanted, and in which order; what it holds as
 * numbers does not matter.
 */
#ifndef VA_SUBMISSION_H
#define VA_SUBMISSION_H

#include "base/va_attr.h"
#include "data/va_predictions.h"

/*
 * Write `output` with a row for each row of `sample`, values limited to [-1, 1]. Nothing is
 * written when a row of the sample is malformed or comes twice, or has no prediction: -1 after
 * reporting the row. *rows, if not NULL, gets their number.
 */
VA_MUST_USE int va_submission_write(const char *output, const char *sample,
                                    const struct va_predictions *set, int64_t *rows);

#endif
