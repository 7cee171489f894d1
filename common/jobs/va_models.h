/*
 * va_models.h - whether models that are given together work together, before anything is done with them.
 *
 * Either an encoder and temporal models on its features, or a model that rates pictures by itself. What is looked
 * at are kinds, configurations, names and shapes; values stay in their files.
 *
 * Errors:    all report
 */
#ifndef VA_MODELS_H
#define VA_MODELS_H

#include "base/va_tensors.h"
#include <stdbool.h>
#include <stdint.h>

/* An open model file. Begins as { .path = ... }; release is fine then, and after an open that failed. */
struct va_model {
    const char *path; /* borrowed */
    struct va_tensors *set;
    char *id; /* content id */
};

VA_MUST_USE int va_model_load(struct va_model *m, const char *path);
void va_model_release(struct va_model *m);
bool va_model_is_temporal(const struct va_model *m);

/*
 * How broad the products of a model are, for va_precision_choose: those of a convolutional encoder do not follow
 * --precision (VA_BREADTH_NONE), other encoders are VA_BREADTH_WIDE, a temporal model is as broad as its widest
 * layer. -1 after reporting.
 */
VA_MUST_USE int64_t va_model_breadth(const struct va_tensors *set, const char *path);
struct va_temporal_config;
int64_t va_temporal_breadth(const struct va_temporal_config *config);

/* Whether `model` works with `encoder`; NULL: whether it rates pictures. Features of another encoder than that of its
 * training are refused, unless `any`. `stream` is the name of the model's stream that the encoder makes, if
 * its streams have names (else NULL): the others may be absent then. -1 after reporting. */
VA_MUST_USE int va_models_fit(const struct va_model *encoder, const struct va_model *model,
                              const char *stream, bool any);

/* Features per frame that a temporal model takes: all of them, or those of its named stream. -1 after reporting, also
 * that it cannot predict from that stream alone. */
VA_MUST_USE int64_t va_models_width(const struct va_model *model, const char *stream);

/* va_models_fit for files: of models [count] each with the encoder (NULL: none). Without an encoder there may be one
 * model. -1 after reporting. */
VA_MUST_USE int va_models_check(const char *encoder, const char *const *models, int64_t count,
                                bool any);

/* Whether a file is a detector of faces. -1 after reporting. */
VA_MUST_USE int va_models_check_detector(const char *path);

#endif
