/*
 * va_finetune_priv.h - what the files of fine-tuning share.
 *
 *   va_finetune.c        inputs, model, the model file
 *   va_finetune_step.c   one step
 *   va_finetune_rate.c   rating of the validation pictures
 */
#ifndef VA_FINETUNE_PRIV_H
#define VA_FINETUNE_PRIV_H

#include "feed/va_feed.h"
#include "feed/va_rated.h"
#include "jobs/va_finetune.h"
#include "model/va_rater.h"
#include "ops/va_replay.h"

enum { VA_FINETUNE_TRAIN_COLUMNS = 9, VA_FINETUNE_VAL_COLUMNS = 7 };

struct va_tuner {
    const struct va_finetune_job *job;
    struct va_finetune_config config; /* with what the files decide */
    struct va_run run;
    struct va_backend *be;

    struct va_pictures *pictures;
    struct va_rated train, val;
    struct va_tensors *weights; /* until the run begins */
    char *weights_id;
    struct va_rater_config shape;
    struct va_tensors *identity;
    double class_weight[VA_CLASSES_MAX];

    struct va_rater *rater;
    struct va_optimiser *optimiser;
    struct va_sampler sampler;
    struct va_feed *feed;    /* of training; NULL before the first step */
    int64_t room;            /* pictures of the largest share of a batch */
    double *keep, *prob;     /* [depth, 2, room], [room, classes] */
    float *label, *ok;       /* [room, 2], [room] on the host, */
    void *va, *valid;        /* and on the device */
    int32_t *expression;     /* [room] */
    void *class;             /* [room] the same on the device */
    void *weight_of_class;   /* class_weight on the device */
    void *dpred, *dlogits;   /* [room, 2], [room, classes] */
    struct va_replay replay; /* of whole steps */
};

/* Of va_run_kind; arg is the tuner. */
VA_MUST_USE int va_tuner_step(void *arg);
VA_MUST_USE int va_tuner_evaluate(void *arg, const volatile sig_atomic_t *stop, double *score,
                                  double *row);

/* Items i of a batch [count] as labels on the host. */
void va_tuner_labels(struct va_tuner *t, int64_t i, const struct va_rated_item *item);

#endif
