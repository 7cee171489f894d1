/*
 * va_train_priv.h - what the files of a training run share.
 *
 *   va_train.c        inputs, model, the loop, evaluation, the model file
 *   va_train_step.c   one step
 *   va_train_watch.c  what ends a run early: signals, ranks that are lost
 */
#ifndef VA_TRAIN_PRIV_H
#define VA_TRAIN_PRIV_H

#include "nn/va_optimiser.h"
#include "train/va_batch.h"
#include "train/va_train_input.h"
#include "train/va_train_state.h"
#include "train/va_validate.h"
#include <time.h>

struct va_trainer {
    const struct va_train_job *job;
    struct va_train_input in;
    char *state_path;
    struct va_backend *be;
    struct va_head *head;
    struct va_batch_order order;
    struct va_batch batch; /* room for the largest share of a batch */
    void *pred, *dpred;    /* [batch.size, rows, 2] */
    float *room;           /* [VA_SHARE_ROOM], with several ranks */
    struct va_validator *validator;
    struct va_optimiser *optimiser;
    struct va_train_state state;
    int64_t saved_step;      /* of the checkpoint on the disk */
    double saved, save_time; /* seconds: when that was written, how long it took */
    double begun;            /* seconds: first step of this process */
    int64_t first;           /* batches done before this process */
    bool ending;             /* ranks have agreed to stop */
};

/* ---- va_train_step.c --------------------------------------------------------------------- */

/* Batch number state.batches: forward, loss, backward, update. Collective; 0, or -1 on all ranks
 * after one of them reported. */
VA_MUST_USE int va_train_step(struct va_trainer *t);

/* ---- va_train_watch.c -------------------------------------------------------------------- */

/* The signal that asked this rank to stop, or 0. */
extern volatile sig_atomic_t va_train_stop;

/*
 * From begin to end a signal only sets va_train_stop; with several ranks a thread looks for ones
 * that are lost, and ends the process when a step cannot be finished: see va_train_watch.c.
 * The state changes only between va_train_change_begin and _end.
 */
VA_MUST_USE int va_train_watch_begin(struct va_trainer *t);
void va_train_watch_end(void);
void va_train_change_begin(void);
void va_train_change_end(void);

static inline double va_train_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
