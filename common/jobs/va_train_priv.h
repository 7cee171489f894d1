/*
 * va_train_priv.h - what the files of the temporal model's training share.
 *
 *   va_train.c        inputs, model, evaluation, the model file
 *   va_train_step.c   one step
 */
#ifndef VA_TRAIN_PRIV_H
#define VA_TRAIN_PRIV_H

#include "feed/va_batch.h"
#include "jobs/va_train_input.h"
#include "jobs/va_validate.h"
#include "nn/va_optimiser.h"
#include "ops/va_replay.h"
#include "run/va_run.h"

struct va_trainer {
    const struct va_train_job *job;
    struct va_train_input in;
    struct va_run run;
    struct va_backend *be;
    struct va_temporal *model;
    struct va_batch_order order;
    struct va_batch batch; /* room for the largest share of a batch */
    void *pred, *dpred;    /* [batch.size, W, 2] */
    struct va_validator *validator;
    struct va_optimiser *optimiser;
    struct va_replay replay; /* of whole steps, by windows */
};

/* Of va_run_kind; arg is the trainer. */
VA_MUST_USE int va_train_step(void *arg);

#endif
