/*
 * va_validate.h - CCC of a model on the validation videos while it is being trained.
 *
 * The windows of those videos go through the model without dropout; then, of all labelled
 * frames pooled,
 *   once     each frame counts once, predictions of overlapping windows averaged
 *   windows  windows stand one behind the other, a frame in two of them counts twice
 * CCC has population moments in double. Frames in no window have no prediction and are left out.
 *
 * With several ranks (comm/va_comm.h) each runs a share of the windows, and the result is the same
 * on all, bit for bit.
 *
 * Ownership: keeps pointers to index, model and batch, which must outlive it
 */
#ifndef VA_VALIDATE_H
#define VA_VALIDATE_H

#include "feed/va_batch.h"
#include "jobs/va_train_config.h"
#include "model/va_temporal.h"
#include <signal.h>

struct va_validator; /* opaque */

/* For the videos marked in `chosen` [video_count]; `batch` gives room and size, `pred` is a
 * backend buffer [batch size, rows, 2]. NULL after reporting. */
VA_MUST_USE struct va_validator *va_validator_new(struct va_temporal *model,
                                                  struct va_batch *batch, void *pred,
                                                  const bool *chosen,
                                                  enum va_validation protocol);
void va_validator_free(struct va_validator *v); /* NULL is fine */

/*
 * Collective. ccc [2], valence and arousal; NaN where undefined. `stop` (or NULL) is looked at
 * between batches: when it becomes non-zero on some rank the result is 1 on all and ccc is not
 * set. 0, or -1 after reporting.
 */
VA_MUST_USE int va_validator_run(struct va_validator *v, const volatile sig_atomic_t *stop,
                                 double *ccc);

#endif
