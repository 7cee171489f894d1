/*
 * va_ccc.h - moments of predictions and labels, put together from several sets of frames.
 */
#ifndef VA_CCC_H
#define VA_CCC_H

#include "ops/va_ccc_loss.h"

/* Moments of two sets of frames together, in *into: what one rank has and what the next one has.
 * The order of the sets matters to the last bit only. */
void va_ccc_merge(struct va_ccc_moments *into, const struct va_ccc_moments *more);

#endif
