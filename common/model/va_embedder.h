/*
 * va_embedder.h - an encoder at work: batches of cut pictures in, rows of features out.
 *
 * Threads:   va_vit_cut on va_embedder_vit() may run beside va_embedder_run
 */
#ifndef VA_EMBEDDER_H
#define VA_EMBEDDER_H

#include "model/va_vit.h"

struct va_embedder; /* opaque */

/* The encoder in a set, which may have heads, with room for `batch` pictures; `path` names it in messages. NULL after
 * reporting. The backend stays the caller's and must outlive it. */
VA_MUST_USE struct va_embedder *va_embedder_new(struct va_backend *be,
                                                const struct va_tensors *set, const char *path,
                                                int64_t batch);
void va_embedder_free(struct va_embedder *e); /* NULL is fine */
const struct va_vit *va_embedder_vit(const struct va_embedder *e);

/* Whether the set had a head for valence and arousal (model/va_rater.h). */
bool va_embedder_rates(const struct va_embedder *e);

/* rows [count, D] of patches [count, P, 3*p*p], both on the host. 0; -1 after reporting a device
 * that failed or a feature that is no finite number. */
VA_MUST_USE int va_embedder_run(struct va_embedder *e, int64_t count, const float *patches,
                                float *rows);
/* The same, but va [count, 2]: valence and arousal as that head gives them. */
VA_MUST_USE int va_embedder_rate(struct va_embedder *e, int64_t count, const float *patches,
                                 float *va);

#endif
