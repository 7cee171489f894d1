/*
 * va_sheet.h - a contact sheet of what a masked autoencoder sees: original, masked, reconstruction.
 *
 * One row a picture, drawn evenly from a collection, whole and resized to a square. The masks stay
 * the same from sheet to sheet. Of the reconstruction the visible patches are the original's.
 */
#ifndef VA_SHEET_H
#define VA_SHEET_H

#include "feed/va_pictures.h"
#include "model/va_mae.h"

enum { VA_SHEET_ROWS = 8 };

struct va_sheet; /* opaque: the pictures and their masks */

/* NULL after reporting. The masks are functions of the seed. */
VA_MUST_USE struct va_sheet *va_sheet_new(const struct va_mae *m, struct va_pictures *p,
                                          double mask_ratio, bool norm_pix, uint64_t seed);
/* Reconstruct with the weights there are; `m` has room for one picture at least, with the same mask
 * ratio, and forgets its last batch. The PNG at `path` appears when it is complete. */
VA_MUST_USE int va_sheet_write(const struct va_sheet *s, struct va_mae *m, const char *path);
void va_sheet_free(struct va_sheet *s); /* NULL is fine */

/* What the decoder said of one patch [S] as pixels of the picture, normalised as the encoder's: with
 * norm_pix mean and deviation are those of the target, see va_mae_target. */
void va_sheet_denormalise(const float *patch, int64_t S, float *pred);

#endif
