/*
 * va_finetune.h - one run of fine-tuning: an encoder learns to rate faces, picture by picture.
 *
 * Batch k = 0, 1, ...: as many pictures of each video of the training list (feed/va_rated.h), cut,
 * mirrored and coloured at random; valence and arousal from the CLS row (model/va_rater.h); the loss
 *
 *     ccc  (1 - CCC_valence) + (1 - CCC_arousal) over the annotated pictures of the batch
 *     mse  their mean squared error
 *     mix  W ccc + (1 - W) mse
 *
 * plus, with annotated expressions, their cross-entropy, weighted by inverse frequency of the
 * classes; then AdamW (.9, .999) at the rate of va_schedule_mae, lower from layer to layer. Patch
 * embedding and lower blocks stay as they are. After each epoch the annotated pictures of the
 * validation videos are rated; the weights with the best mean CCC are kept. Order, crops and dropped
 * paths are functions of the seed and the counters: the same job gives the same bytes, interrupted
 * and resumed or not.
 *
 *     train.tsv  step epoch lr loss ccc_valence ccc_arousal mse cross_entropy grad_norm
 *     val.tsv    step epoch valence arousal mean f1 best
 *
 * f1 is the mean F1 of the classes that occur, nan without expressions, where cross_entropy is 0.
 *
 * Ranks of one job (comm/va_comm.h) share every batch.
 *
 * Source: Liang et al., "Mamba-VA" (CVPR workshops 2025); He et al. 2022 for schedule, rates by
 * layer and drop path
 */
#ifndef VA_FINETUNE_H
#define VA_FINETUNE_H

#include "media/va_augment.h"
#include "run/va_run.h"

enum va_finetune_loss { VA_FINETUNE_CCC, VA_FINETUNE_MSE, VA_FINETUNE_MIX };
extern const char *const va_finetune_loss_names[]; /* in enum order, NULL last */

/* In the order in which metadata of a model file have them. */
struct va_finetune_config {
    int64_t freeze;                       /* blocks; -1: two thirds of them */
    int64_t epochs, warmup_epochs, steps; /* steps: stop after so many updates; 0: never */
    int64_t batch, per_video;             /* pictures; of each video in an epoch */
    double lr, min_lr, layer_decay, weight_decay, drop_path, clip; /* clip 0: none */
    int loss;                                                      /* enum va_finetune_loss */
    double mix;         /* share of the CCC in loss `mix` */
    double expr_weight; /* of the cross-entropy beside that loss */
    int64_t classes;    /* of expressions */
    struct va_augment_options augment;
    int64_t val_every; /* of each validation video annotated pictures 1, 1 + val_every, ... */
    int unmatched;     /* enum va_unmatched */
    int select;        /* enum va_select */
    int precision;     /* enum va_precision of the forward pass, once chosen */
    int64_t seed;
    unsigned char source[VA_SETTINGS_MAX]; /* enum va_setting_source */
};
/* Of this struct; of them those of training. */
extern const struct va_settings va_finetune_settings, va_finetune_training;

void va_finetune_config_default(struct va_finetune_config *c);

/* Paths are borrowed. */
struct va_finetune_job {
    struct va_finetune_config config;
    char *const
        *inputs; /* [input_count] va.frames/1 files and folders, see feed/va_pictures.h */
    int64_t input_count;
    const char *weights;           /* va.model/1: an encoder, with or without heads */
    struct va_strings labels;      /* folders */
    double label_fps;              /* their rows per second; 0: a row is a frame */
    struct va_strings expressions; /* folders; none: valence and arousal only */
    const char *train, *val;       /* lists of videos */
    const char *device;
    int64_t tolerate; /* broken images; in training they have no label, in validation the next
                       * whole picture of the video is rated in their place */
    int64_t readers;  /* threads that read pictures; 0: half of those there are, at most 8 */
    struct va_run_job run;
};

/* Collective. As va_run_train. */
VA_MUST_USE int va_finetune_run(const struct va_finetune_job *job);

#endif
