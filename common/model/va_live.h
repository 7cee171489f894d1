/*
 * va_live.h - one frame in, one (valence, arousal) out: for those who predict while they film.
 *
 *     struct va_live *live = va_live_new(model);
 *     while (next_frame(features))
 *         if (va_live_frame(live, features, va) == 0)
 *             show(va);
 *
 * Equal to the whole sequence at once up to rounding (1e-5). The state is carried in the object:
 * memory and time of a frame do not depend on how many came before (but for transformers).
 *
 * Ownership: keeps the pointer to the temporal model, which must outlive it; several may take turns with
 *            one model, a state each
 */
#ifndef VA_LIVE_H
#define VA_LIVE_H

#include "model/va_temporal.h"

struct va_live; /* opaque */

VA_MUST_USE struct va_live *va_live_new(struct va_temporal *model); /* NULL after reporting */
void va_live_free(struct va_live *l);                               /* NULL is fine */
void va_live_reset(struct va_live *l);                              /* another video begins */

/*
 * features [in_dim] of the next frame; va [2] valence and arousal, not clipped, of the frame
 * `lookahead` before it (of a model that looks ahead, the first so many results are about
 * nothing). 0, or -1 after reporting.
 */
VA_MUST_USE int va_live_frame(struct va_live *l, const float *features, float *va);

#endif
