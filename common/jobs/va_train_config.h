/*
 * va_train_config.h - everything that decides what a training run computes, and where each
 * value came from (base/va_settings.h).
 */
#ifndef VA_TRAIN_CONFIG_H
#define VA_TRAIN_CONFIG_H

#include "base/va_settings.h"
#include "data/va_preset.h"
#include "model/va_temporal.h"
#include "nn/va_schedule.h"
#include <stdio.h>

enum va_select { VA_SELECT_BEST, VA_SELECT_LAST };
enum va_decay { VA_DECAY_WEIGHTS, VA_DECAY_ALL }; /* sparing A_log, D, norms, biases; none */
enum va_validation {
    VA_VALIDATION_ONCE,    /* each labelled frame once, overlapping windows averaged */
    VA_VALIDATION_WINDOWS, /* windows one behind the other, frames in an overlap twice */
};
/* In enum order, NULL last. */
extern const char *const va_select_names[];
extern const char *const va_decay_names[];
extern const char *const va_validation_names[];
extern const char *const va_loss_names[];
extern const char *const va_draw_names[];

/* Of AdamW; no preset differs. */
#define VA_ADAM_BETA1 .9
#define VA_ADAM_BETA2 .999

/* In the order in which metadata of a model file have them. */
struct va_train_config {
    int preset;                           /* enum va_preset */
    int64_t epochs, warmup_epochs, batch; /* batch: windows */
    int64_t steps;                        /* stop after so many updates; 0: never */
    double lr;
    int schedule; /* enum va_schedule */
    double weight_decay;
    int decay;            /* enum va_decay */
    double dropout, clip; /* clip 0: none */
    double adam_eps;
    int loss; /* enum va_ccc_kind */
    double loss_eps;
    int draw;                        /* enum va_temporal_init */
    int validation;                  /* enum va_validation */
    int64_t evaluations;             /* per epoch */
    int select;                      /* enum va_select */
    bool shuffle;                    /* a new order of the windows in each epoch */
    struct va_temporal_config model; /* the shape of the model */
    int precision;                   /* enum va_precision, once chosen */
    int64_t seed;
    unsigned char source[VA_SETTINGS_MAX]; /* enum va_setting_source */
};
/* Of this struct; of them those that are options of the groups "training" and "model". */
extern const struct va_settings va_train_settings, va_train_training;

/* All values of a preset; what presets do not name gets its default. */
void va_train_config_preset(struct va_train_config *c, enum va_preset preset);

/*
 * The model to train on features of `in_dim` numbers, those of named `streams` or (NULL, or none) of one. With `init` (the tensors of file `path`)
 * its shape is that of the file: settings of shape become the file's, an option that says
 * otherwise is reported; only --in-norm may differ. -1 after reporting.
 */
VA_MUST_USE int va_train_config_model(struct va_train_config *c, int64_t in_dim,
                                      const struct va_streams *streams,
                                      const struct va_tensors *init, const char *path,
                                      struct va_temporal_config *model);

#endif
