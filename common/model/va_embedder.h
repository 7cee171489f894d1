/*
 * va_embedder.h - a model of single pictures at work: batches of cut pictures in, rows of features or
 * valence and arousal out. An encoder (model/va_rater.h), mini-Xception (model/va_xception.h), or
 * another convolutional net (model/va_cnn.h).
 *
 * Threads:   the intake's cut may run beside va_embedder_run
 */
#ifndef VA_EMBEDDER_H
#define VA_EMBEDDER_H

#include "base/va_tensors.h"
#include "model/va_intake.h"
#include "ops/va_ops.h"
#include <stdbool.h>

struct va_embedding_config {
    int64_t
        width; /* numbers of a row of features: the encoder's width, or a probability per expression */
    bool rates; /* it gives valence and arousal */
};

/* From a set: that it is such a model, whose names and shapes are all there. Values are not read. -1 after
 * reporting. */
VA_MUST_USE int va_embedder_config_load(struct va_embedding_config *c,
                                        const struct va_tensors *set, const char *path);

/* Whether its products are in float32, whatever the precision of the backend: it is a convolutional net. */
bool va_embedder_in_f32(const struct va_tensors *set);

/* Of one that gives no valence and arousal, for a message. */
#define VA_EMBEDDER_HEADLESS "is an encoder without a head for valence and arousal"

struct va_embedder; /* opaque */

/* The encoder in a set, which may have heads, with room for `batch` pictures; `path` names it in messages. NULL after
 * reporting. The backend stays the caller's and must outlive it. */
VA_MUST_USE struct va_embedder *va_embedder_new(struct va_backend *be,
                                                const struct va_tensors *set, const char *path,
                                                int64_t batch);
void va_embedder_free(struct va_embedder *e); /* NULL is fine */
struct va_intake va_embedder_intake(const struct va_embedder *e);

/* Numbers of a row of features: the encoder's width, or a probability per expression. */
int64_t va_embedder_width(const struct va_embedder *e);
/* Whether it gives valence and arousal. */
bool va_embedder_rates(const struct va_embedder *e);

/* rows [count, width] of cut pictures [count, numbers], both on the host. 0; -1 after reporting a device
 * that failed or a feature that is no finite number. */
VA_MUST_USE int va_embedder_run(struct va_embedder *e, int64_t count, const float *cut,
                                float *rows);
/* The same, but va [count, 2]: valence and arousal. */
VA_MUST_USE int va_embedder_rate(struct va_embedder *e, int64_t count, const float *cut,
                                 float *va);
/* The same from rows [count, width] that it made of pictures, at most a batch of them. */
VA_MUST_USE int va_embedder_rate_rows(struct va_embedder *e, int64_t count, const float *rows,
                                      float *va);

#endif
