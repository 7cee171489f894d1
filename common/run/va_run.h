/*
 * va_run.h - a training run, whatever it trains: steps until there are enough, evaluations,
 * checkpoints, and what ends it early.
 *
 *   va_run_open.c   what it will write is its own; what is there already
 *   va_run.c        the loop, checkpoints, best weights, the end
 *   va_run_watch.c  signals, ranks that are lost
 *
 * Whoever trains says what a step, an evaluation and the result are. A run that is interrupted and
 * resumed ends with the same bytes as one that was not, if steps depend on nothing but the state
 * (run/va_run_state.h). Ranks of one job (comm/va_comm.h) go through it together; rank 0 alone
 * writes.
 */
#ifndef VA_RUN_H
#define VA_RUN_H

#include "run/va_run_state.h"
#include <signal.h>
#include <stdbool.h>

struct va_lock;

/* What the command line says of a run. Paths are borrowed. */
struct va_run_job {
    const char *output;  /* va.model/1 */
    const char *state;   /* checkpoint; NULL: OUTPUT.state */
    const char *log_dir; /* for train.tsv and val.tsv, or NULL */
    int64_t save_steps;  /* a checkpoint each so many batches; 0: by time */
    double save_seconds; /* or after so many seconds; 0: by batches */
    bool resume;         /* go on from the checkpoint, if there is one */
    bool restart;        /* begin anew, though there is one */
};

/* All get `arg`, are called on all ranks, and return 0, or -1 after reporting. */
struct va_run_kind {
    /* Read and check the inputs, without a device. Collective; *identity becomes what decides the result, as
     * metadata, which outlives the run. */
    int (*open)(void *arg, const struct va_tensors **identity);
    /* Open the device and make the model. Epochs of the run and what its state borrows are then
     * set, its logs initialised. */
    int (*make)(void *arg);
    int (*draw)(void *arg);     /* the initial weights */
    void (*changed)(void *arg); /* weights were drawn or read */
    /*
     * Batch number state.batches: forward, loss, backward, update. What changes the state stands
     * between va_run_change_begin and _end. After a failure of one rank all return -1.
     */
    int (*step)(void *arg);
    /*
     * How good the weights are: score, higher is better, NaN if undefined; row [columns of
     * state.val], of which the run fills step and epoch, the first two, and the best score so far,
     * the last. Looks at *stop now and then: once it is not 0 on some rank, 1 on all. NULL: no
     * evaluations.
     */
    int (*evaluate)(void *arg, const volatile sig_atomic_t *stop, double *score, double *row);
    /* On rank 0, once the run is complete: the output with these weights and the metadata of the
     * identity. */
    int (*write)(void *arg, const struct va_tensors *weights);
};

enum { VA_RUN_COLUMNS_MAX = 16, VA_RUN_LOSS = 3 }; /* of a log; the column of the loss */

struct va_run {
    const struct va_run_job *job;
    const struct va_run_kind *kind;
    void *arg;
    struct va_run_state state;
    int64_t epochs, steps; /* it ends after so many passes, or updates (0: no bound) */
    int64_t evaluations;   /* in an epoch */
    bool keep_best;        /* the result has the weights of the best evaluation */
    /* the run's own */
    char *state_path;
    struct va_lock *locks[3]; /* [lock_count] output, checkpoint, logs: until released */
    int lock_count;
    float *room; /* [VA_SHARE_ROOM], with several ranks */
    bool fresh;  /* the checkpoint on the disk, if any, is this process's, not one it read */
    int64_t saved_step;      /* of the checkpoint on the disk; 0 where there is none yet */
    double saved, save_time; /* seconds: when that was written, how long it took or will take */
    double begun;            /* seconds: first step of this process */
    int64_t first;           /* batches done before this process */
    bool ending;             /* ranks have agreed to stop */
};

/* "7" batches, "30s", "5m", "1h" into the job; false when it is none of these. */
bool va_run_save_every(struct va_run_job *job, const char *text);

/*
 * A whole run; `r` is zeroed. Collective. 0: the output is written and the checkpoint removed. -1 after
 * reporting. Otherwise the number of the signal (SIGINT, SIGTERM, SIGHUP) that ended it after a
 * checkpoint was written.
 */
VA_MUST_USE int va_run_train(struct va_run *r, const struct va_run_job *job,
                             const struct va_run_kind *kind, void *arg);
void va_run_release(struct va_run *r); /* also when zeroed; with the state */

/* The state changes only between these. */
void va_run_change_begin(void);
void va_run_change_end(void);

int64_t va_run_epoch(const struct va_run_state *s); /* of the last batch, from 1 */

/* Say that the run is complete: updates, epochs, the best mean CCC; and how many batches had nothing of what
 * is trained on ("labelled frame"). */
void va_run_summarise(const struct va_run *r, const char *lacking);

/* Report that the gradient of `tensor`, or (NULL) the loss, is not finite in this step, and what helps;
 * `batch` says what was in it, or is NULL. Returns -1. */
int va_run_diverged(const struct va_run *r, const char *tensor, const char *batch);

#endif
