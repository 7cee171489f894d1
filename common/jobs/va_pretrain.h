/*
 * va_pretrain.h - one run of masked-autoencoder pretraining, from pictures to an encoder.
 *
 * Update s = 0, 1, ...: `accumulate` batches of pictures, cut, mirrored and coloured at random, of
 * each the share `mask-ratio` of patches hidden in the order of a noise; the loss of model/va_mae.h;
 * AdamW (.9, .95) at the rate of va_schedule_mae. An epoch is one pass in random order; what does
 * not fill an update is left out. Order, crops and masks are functions of the seed and the
 * counters, and of the picture's place in the update: the same job gives the same bytes, interrupted
 * and resumed or not, and two batches of 4 are one batch of 8 up to rounding.
 *
 *     train.tsv  step epoch lr loss grad_norm
 *
 * Ranks of one job (comm/va_comm.h) share every batch. Memory does not grow with the number of
 * pictures but by their names (feed/va_pictures.h).
 *
 * Source: He et al., "Masked autoencoders are scalable vision learners" (CVPR 2022), the settings of
 * their table 8 and of their public program
 */
#ifndef VA_PRETRAIN_H
#define VA_PRETRAIN_H

#include "media/va_augment.h"
#include "model/va_mae.h"
#include "run/va_run.h"

enum { VA_PRETRAIN_COLUMNS = 5 };

#define VA_PRETRAIN_BETA1 .9
#define VA_PRETRAIN_BETA2 .95
#define VA_PRETRAIN_EPS   1e-8

/* In the order in which metadata of a model file have them. */
struct va_pretrain_config {
    struct va_mae_config model;            /* sizes of the encoder that are 0 are arch's */
    int64_t epochs, warmup_epochs, steps;  /* steps: stop after so many updates; 0: never */
    int64_t batch, accumulate;             /* pictures; batches in an update */
    double blr, lr, min_lr;                /* lr 0: blr * batch * accumulate / 256 */
    double weight_decay, clip, mask_ratio; /* clip 0: none */
    bool norm_pix;
    struct va_augment_options augment;
    int64_t every;     /* of each video pictures 1, 1 + every, ... */
    bool keep_decoder; /* in the output */
    int precision;     /* enum va_precision of the forward pass, once chosen */
    int64_t seed;
    int arch; /* enum va_arch, an encoder's; not a setting of its own, since the sizes tell all */
    unsigned char source[VA_SETTINGS_MAX]; /* enum va_setting_source */
};
/* Of this struct; of them those of training; of its model. */
extern const struct va_settings va_pretrain_settings, va_pretrain_training, va_pretrain_sizes;

void va_pretrain_config_default(struct va_pretrain_config *c);

/*
 * Make settings complete that follow from others: sizes from `arch`, the rate from --blr, warm-up a
 * 20th of the epochs. With `init`, a set from file `path`, all sizes that it has are its, and options
 * that say them again are refused. -1 after reporting.
 */
VA_MUST_USE int va_pretrain_config_resolve(struct va_pretrain_config *c,
                                           const struct va_tensors *init, const char *path);

/* Paths are borrowed. */
struct va_pretrain_job {
    struct va_pretrain_config config;
    char *const *inputs; /* [input_count], see feed/va_pictures.h */
    int64_t input_count;
    const char *init;  /* va.model/1, an encoder or a masked autoencoder; or NULL */
    const char *cache; /* folder for decoded videos; NULL: videos are refused */
    const char *device;
    int64_t tolerate;    /* broken images and packets */
    int64_t readers;     /* threads that read pictures; 0: half of those there are, at most 8 */
    int64_t sheet_every; /* epochs; 0: no contact sheets */
    struct va_run_job run;
};

/* Collective. As va_run_train. */
VA_MUST_USE int va_pretrain_run(const struct va_pretrain_job *job);

/* --print-config: "setting value source" of everything, on stdout. The file of --init is read.
 * -1 after reporting. */
VA_MUST_USE int va_pretrain_config_show(const struct va_pretrain_job *job);

#endif
