/*
 * va_positions.h - the table of positions of an encoder, for pictures of another size.
 *
 * Positions [1, prefix + g^2, D]: rows of the CLS token and others that are no patch, then a square of
 * patches, row by row.
 * Source: timm, resample_abs_pos_embed (bicubic, antialiased).
 */
#ifndef VA_POSITIONS_H
#define VA_POSITIONS_H

#include "base/va_tensors.h"

/* Make a table for `grid` patches a side of one of another side, in place; it becomes float32. The first
 * `prefix` rows stay, and so does everything where the side does. 0, or -1 after reporting a tensor that is no
 * such table (`path` names its file) or memory. */
VA_MUST_USE int va_positions_resample(struct va_tensor *table, int64_t prefix, int64_t grid,
                                      const char *path);

#endif
