/*
 * va_train.h - one training run of the temporal model, from its inputs to the model file.
 *
 * For batch k = 0, 1, ...: learning rate of k, forward with the dropout masks of (seed, k), loss
 * over all labelled frames, backward, norm of the gradient, clipping, AdamW. A batch without a
 * labelled frame changes nothing but k. An epoch is one pass over the windows of the training
 * videos. The same job gives the same bytes, interrupted and resumed or not.
 *
 * Ranks of one job (comm/va_comm.h) share every batch and make the same updates (run/va_share.h);
 * rank 0 alone writes.
 */
#ifndef VA_TRAIN_H
#define VA_TRAIN_H

#include "jobs/va_train_input.h"

/*
 * Collective. 0: the model is written and the checkpoint removed. -1 after reporting. Otherwise the
 * number of the signal (SIGINT, SIGTERM, SIGHUP) that ended it after a checkpoint was written.
 */
VA_MUST_USE int va_train_run(const struct va_train_job *job);

/* How broad the model will be (jobs/va_models.h). -1 after reporting. */
VA_MUST_USE int64_t va_train_breadth(const struct va_train_job *job);

#endif
