/*
 * va_run_state.h - where a training run stands, and its checkpoint.
 *
 * All that changes from step to step: weights, moments, counters, logs, best weights so far.
 * The order of the data and the dropout masks are functions of the counters and the seed.
 * What must not change is the run's identity: settings, shapes, ids of the inputs. A
 * checkpoint carries it, and is refused by a run that differs.
 *
 * Schema:    va.state/1 (schemas/va.state.md)
 */
#ifndef VA_RUN_STATE_H
#define VA_RUN_STATE_H

#include "base/va_tensors.h"
#include "nn/va_optimiser.h"
#include "run/va_run_log.h"

struct va_run_state {
    struct va_params *params;          /* borrowed: weights and moments */
    struct va_optimiser *optimiser;    /* borrowed: counts the updates */
    const struct va_tensors *identity; /* borrowed: metadata only */
    const char *input, *input_id;      /* borrowed: named in the provenance; may be NULL */
    uint64_t seed;                     /* for the provenance */
    int64_t batches;                   /* done; the next one is number `batches` */
    int64_t skipped;                   /* of them, those without a labelled frame */
    int64_t per_epoch;                 /* batches in an epoch */
    double best;                       /* mean CCC of the best evaluation, NaN if undefined */
    int64_t best_step;                 /* batches done then; 0: none yet */
    struct va_tensors *best_weights;   /* trained ones, of then; NULL when not asked for */
    struct va_log train, val;
};

/* Frees what the state owns: best weights and logs. */
void va_run_state_release(struct va_run_state *s);

/* Write the checkpoint; the previous one stays until it is complete. */
VA_MUST_USE int va_run_state_save(const struct va_run_state *s, const char *path);

/* Read a checkpoint into a state whose borrowed members are set and whose logs are initialised
 * and empty. -1 after reporting: not a checkpoint, damaged, or of another run. */
VA_MUST_USE int va_run_state_load(struct va_run_state *s, const char *path);

/*
 * Compare identities: 0 when `found` has every pair of `expected`; else -1 with the first
 * difference reported as "path: KEY is X, expected Y ...".
 */
VA_MUST_USE int va_train_identity_check(const struct va_tensors *found,
                                        const struct va_tensors *expected, const char *path);

/* The metadata of `from` into `to`. */
VA_MUST_USE int va_train_identity_copy(struct va_tensors *to, const struct va_tensors *from);

#endif
