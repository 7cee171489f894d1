/*
 * va_live_model.h - the models of live prediction: crops of faces or their features in, valence and arousal
 * out, for several people whose frames come by turns.
 *
 * Either an encoder and a temporal model on its features, whose state is carried for each slot
 * (model/va_live.h), or one model that rates pictures by themselves, or a temporal model whose features
 * the caller has. A person who is not seen keeps the last
 * features, or the last rating, as va-predict --missing previous does.
 */
#ifndef VA_LIVE_MODEL_H
#define VA_LIVE_MODEL_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_live_model_options {
    const char *encoder; /* file; NULL: `model` rates pictures itself, */
    bool features;       /* or may be a temporal model, whose features the caller has */
    const char *
        stream; /* name of the model's stream that the encoder makes, where streams have names: all
                            others are absent; or NULL */
    const char *model;  /* file */
    bool any_encoder;   /* take another encoder than that of the model's training */
    const char *device; /* of va_device_open */
    int precision;      /* of both: index into va_float_precision_names */
    int64_t slots;      /* people at a time */
};

struct va_live_model; /* opaque */

/* Prints what the model says of its own values. NULL after reporting. */
VA_MUST_USE struct va_live_model *va_live_model_new(const struct va_live_model_options *o);
void va_live_model_free(struct va_live_model *m); /* NULL is fine */

/* The prediction of a frame comes so many frames after it. */
int64_t va_live_model_ahead(const struct va_live_model *m);
/* Whether frames come at a rate far from that of the model's training (data/va_origin.h). */
bool va_live_model_far(const struct va_live_model *m, double fps);

/* Features of a person and frame; 0 if the model rates pictures itself. */
int64_t va_live_model_width(const struct va_live_model *m);
/* Whether it takes crops. */
bool va_live_model_sees(const struct va_live_model *m);

/* Somebody new is in this slot. -1 after reporting. */
VA_MUST_USE int va_live_model_begin(struct va_live_model *m, int64_t slot);
/* Crops [count] of [height, width, 3] of the next frame of slots [count], each once. -1 after reporting. */
VA_MUST_USE int va_live_model_see(struct va_live_model *m, int64_t count, const int64_t *slots,
                                  const uint8_t *const *crops, int64_t width, int64_t height);
/* The same, but features [width] of one slot; of a model that has a temporal one. */
void va_live_model_take(struct va_live_model *m, int64_t slot, const float *features);
/* va [2], from -1 to 1, of the slot's next frame with what was seen last. -1 after reporting; bad
 * input, not finite: until va_live_model_begin the slot is worth nothing. */
VA_MUST_USE int va_live_model_step(struct va_live_model *m, int64_t slot, float *va);

#endif
