#include "run/va_run.h"

#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_progress.h"
#include "base/va_text.h"
#include "comm/va_comm.h"
#include "run/va_run_priv.h"
#include "run/va_share.h"
#include "weights/va_model_file.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The end of an epoch is worth a checkpoint, unless the last one is this young. */
#define SAVE_REST 10.0

bool va_run_save_every(struct va_run_job *job, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    int64_t n = digits && digits < 10 ? strtoll(text, NULL, 10) : 0;
    const char *unit = text + digits;

    if (!n || (*unit && unit[1]) ||
        !strchr("smh", *unit)) /* the end of the string is found too */
        return false;
    job->save_steps = *unit ? 0 : n;
    job->save_seconds = !*unit ? 0 : (double)n * (*unit == 'm' ? 60 : *unit == 'h' ? 3600 : 1);
    return true;
}

/* The first parameter with a value that is not finite, or NULL. */
static const char *bad_parameter(const struct va_params *params)
{
    for (int64_t i = 0; i < params->count; i++) {
        const struct va_param *p = &params->items[i];
        float *value = va_new(p->count, sizeof(*value));
        bool bad = false;

        if (value)
            params->be->ops->weight_get(params->be, &p->value, 0, p->count, value);
        for (int64_t j = 0; value && j < p->count && !bad; j++)
            bad = !isfinite(value[j]);
        va_free(value);
        if (bad)
            return p->name;
    }
    return NULL;
}

int va_run_diverged(const struct va_run *r, const char *tensor, const char *batch)
{
    const char *bad = tensor ? NULL : bad_parameter(r->state.params);

    return va_error_machine(
        "step %lld: %s%s is not finite%s%s%s: training diverged, mostly because the learning rate is "
        "too high: try a lower --lr or more --warmup-epochs%s%s",
        (long long)r->state.batches + 1, tensor ? "the gradient of " : "the loss",
        tensor ? tensor : "", tensor ? "" : " (nor is ",
        tensor ? ""
        : bad  ? bad
               : "a prediction",
        tensor ? "" : ")", batch ? "; batch: " : "", batch ? batch : "");
}

/* ---- checkpoints ------------------------------------------------------------------------- */

/* Rank 0 writes the checkpoint, if all ranks have the same weights. */
static int save(struct va_run *r)
{
    int64_t step = r->state.batches;
    double begun = va_clock();
    int status = 0;

    if (va_share_same_weights(r->state.params, step, r->room) < 0)
        return -1;
    va_run_change_begin();
    if (va_run_writes())
        status = va_run_state_save(&r->state, r->state_path);
    r->saved = va_clock();
    r->save_time = r->saved - begun;
    if (status == 0 && va_run_writes())
        r->saved_step = step;
    va_run_change_end();
    status = va_comm_agree(status);
    va_run_change_begin();
    if (status == 0) /* on the other ranks it is true only now */
        r->saved_step = step;
    va_run_change_end();
    return status;
}

/* Initial weights. Where an earlier run has left its result or a checkpoint, one of these weights is written
 * at once: --resume must not take what is left for what belongs to the logs that begin now. Elsewhere there is
 * none before the first is due: it would take as long as the result does. */
static int begin(struct va_run *r)
{
    const double slow = 1e8; /* bytes a second */
    bool left = access(r->state_path, F_OK) == 0 || access(r->job->output, F_OK) == 0;

    if (va_comm_agree(r->kind->draw(r->arg)) < 0)
        return -1;
    r->kind->changed(r->arg);
    r->fresh = true;
    r->saved = va_clock();
    r->save_time = (double)va_params_total(r->state.params) * sizeof(float) / slow;
    va_comm_broadcast(&left, sizeof(left));
    return left ? save(r) : va_share_same_weights(r->state.params, 0, r->room);
}

/* All ranks read the checkpoint. */
static int resume(struct va_run *r)
{
    double begun = va_clock();

    if (va_comm_agree(va_run_state_load(&r->state, r->state_path)) < 0)
        return -1;
    r->kind->changed(r->arg);
    r->saved = va_clock();
    r->saved_step = r->state.batches;
    r->save_time = r->saved - begun; /* about as long */
    va_info("%s: continuing after step %lld", r->state_path, (long long)r->state.batches);
    return va_share_same_weights(r->state.params, r->state.batches, r->room);
}

static int open_logs(struct va_run *r)
{
    if (!r->job->log_dir || !va_run_writes())
        return 0;
    return va_log_open(&r->state.train, r->job->log_dir, "train.tsv") < 0 ||
                   (r->kind->evaluate &&
                    va_log_open(&r->state.val, r->job->log_dir, "val.tsv") < 0)
               ? -1
               : 0;
}

static int begin_or_resume(struct va_run *r)
{
    bool found = r->job->resume && access(r->state_path, F_OK) == 0;

    va_comm_broadcast(&found, sizeof(found));
    if ((found ? resume(r) : begin(r)) < 0)
        return -1;
    return va_comm_agree(open_logs(r));
}

static bool save_due(const struct va_run *r)
{
    const struct va_run_job *job = r->job;
    int64_t k = r->state.batches;
    double age = va_clock() - r->saved;

    if (k == r->first)
        return false; /* begun or read a moment ago */
    return (job->save_steps && k % job->save_steps == 0) ||
           (job->save_seconds > 0 && age >= job->save_seconds) ||
           (k % r->state.per_epoch == 0 && age >= SAVE_REST);
}

/* ---- evaluation ---------------------------------------------------------------------------- */

int64_t va_run_epoch(const struct va_run_state *s)
{
    return (s->batches + s->per_epoch - 1) / s->per_epoch;
}

static bool finished(const struct va_run *r)
{
    return r->state.batches >= r->epochs * r->state.per_epoch ||
           (r->steps && va_optimiser_updates(r->state.optimiser) >= r->steps);
}

/* Evaluations lie evenly in an epoch, the last one at its end. */
static bool evaluation_due(const struct va_run *r)
{
    int64_t k = r->state.batches, n = r->state.per_epoch, E = r->evaluations;
    int64_t at = k ? (k - 1) % n + 1 : 0; /* batches of this epoch */
    const double *last = va_log_last(&r->state.val);

    if (!r->kind->evaluate || (last && (int64_t)last[0] == k))
        return false; /* done before the checkpoint */
    return finished(r) || (k && at * E / n > (at - 1) * E / n);
}

static int keep_best(struct va_run_state *s)
{
    va_tensors_free(s->best_weights);
    s->best_weights = va_tensors_new();
    return s->best_weights ? va_params_keep(s->params, s->best_weights) : -1;
}

/* Take in the result of an evaluation; on all ranks the same. */
static int record(struct va_run *r, double score, double *row)
{
    struct va_run_state *s = &r->state;

    /* An undefined score is better than none at all, and worse than any number. */
    if (!s->best_step || score > s->best || (isnan(s->best) && !isnan(score))) {
        s->best = score;
        s->best_step = s->batches;
        if (r->keep_best && va_run_writes() && keep_best(s) < 0)
            return -1;
    }
    row[0] = (double)s->batches;
    row[1] = (double)va_run_epoch(s);
    row[s->val.columns - 1] = s->best;
    va_debug("epoch %lld of %lld, step %lld: score %.4f, best %.4f at step %lld, %.2f steps/s",
             (long long)va_run_epoch(s), (long long)r->epochs, (long long)s->batches, score,
             s->best, (long long)s->best_step,
             (double)(s->batches - r->first) / fmax(va_clock() - r->begun, 1e-9));
    return va_log_add(&s->val, row);
}

/* 0, -1 after reporting, or 1 when a signal came first. */
static int evaluate(struct va_run *r)
{
    double row[VA_RUN_COLUMNS_MAX] = { 0 }, score;
    int status = r->kind->evaluate(r->arg, &va_run_stop, &score, row);

    if (status)
        return status;
    va_run_change_begin();
    status = record(r, score, row);
    va_run_change_end();
    return va_comm_agree(status);
}

/* ---- the run ------------------------------------------------------------------------------- */

/* The signal after which all ranks stop now, or 0. */
static int stopped(struct va_run *r)
{
    int number = va_comm_first(va_run_stop);

    if (number) {
        va_run_change_begin();
        r->ending = true;
        va_run_change_end();
    }
    return number;
}

/* Where the run stands, beside the rate: the epoch, the last loss and the best score so far. */
static void show(const struct va_run *r)
{
    const struct va_run_state *s = &r->state;
    const double *row = va_log_last(&s->train);
    char best[32] = "";

    if (s->best_step)
        snprintf(best, sizeof(best), ", best CCC %.3f", s->best);
    va_progress_note("epoch %lld of %lld, loss %.4f%s", (long long)va_run_epoch(s),
                     (long long)r->epochs, row ? row[VA_RUN_LOSS] : NAN, best);
    va_progress_update(s->batches - r->first);
}

/* Until finished: 0, -1 after reporting, or the signal that came. */
static int loop(struct va_run *r)
{
    int64_t total = r->epochs * r->state.per_epoch;

    if (r->steps && r->steps < total)
        total = r->steps;
    r->first = r->state.batches;
    r->begun = va_clock();
    if (va_run_writes())
        va_progress_begin("steps", total - r->first);
    for (;;) {
        int status = evaluation_due(r) ? evaluate(r) : 0, number;
        bool due;

        if (status < 0)
            return -1;
        if ((number = stopped(r)))
            return save(r) < 0 ? -1 : number;
        if (finished(r))
            return 0;
        due = save_due(r); /* by the clock of rank 0 */
        va_comm_broadcast(&due, sizeof(due));
        if ((due && save(r) < 0) || r->kind->step(r->arg) < 0)
            return -1;
        show(r);
    }
}

/* How well the weights that are written did in their own validation. */
static int put_own_ccc(const struct va_run *r, struct va_tensors *set)
{
    const double *last = va_log_last(&r->state.val);
    double ccc = r->keep_best ? r->state.best : last ? last[VA_VAL_MEAN] : NAN;

    return last ? va_model_put_own_ccc(set, ccc) : 0;
}

/* The output is there, by rank 0, and the checkpoint no longer. */
static int finish(struct va_run *r)
{
    struct va_tensors *set;
    int status = -1;

    if (!va_run_writes())
        return 0;
    set = va_tensors_new();
    if (set && va_params_lend(r->state.params, r->state.best_weights, set) == 0 &&
        va_train_identity_copy(set, r->state.identity) == 0 && put_own_ccc(r, set) == 0)
        status = r->kind->write(r->arg, set);
    va_tensors_free(set);
    if (status < 0)
        return -1;
    return unlink(r->state_path) < 0 && errno != ENOENT
               ? va_error_write(r->state_path, "remove")
               : 0;
}

/* A run that failed before it saved a step leaves no checkpoint: there is nothing to go on from, and
 * whoever mends what was wrong begins anew. */
static int failed(const struct va_run *r)
{
    if (va_run_writes() && r->fresh && r->saved_step == 0)
        (void)!unlink(r->state_path); /* the failure that is reported counts */
    return -1;
}

static int go(struct va_run *r)
{
    int status;

    if (begin_or_resume(r) < 0 || va_comm_agree(va_run_watch_begin(r)) < 0)
        return failed(r);
    status = va_share_join(r->state.params->be);
    if (status == 0)
        status = loop(r);
    va_run_watch_end();
    va_progress_end();
    if (status < 0)
        return failed(r);
    if (status > 0)
        va_info("stopped after step %lld; checkpoint in %s; continue with --resume",
                (long long)r->state.batches, r->state_path);
    return status ? status : va_comm_agree(finish(r));
}

int va_run_train(struct va_run *r, const struct va_run_job *job, const struct va_run_kind *kind,
                 void *arg)
{
    const struct va_tensors *identity = NULL;
    int status;

    r->kind = kind;
    r->arg = arg;
    va_share_rounding();
    if (kind->open(arg, &identity) < 0)
        return -1;
    status = va_run_open(r, job, identity);
    if (status)
        return status < 0 ? -1 : 0;
    return va_comm_agree(kind->make(arg)) < 0 ? -1 : go(r);
}

void va_run_summarise(const struct va_run *r, const char *lacking)
{
    const struct va_run_state *s = &r->state;
    int64_t updates = va_optimiser_updates(s->optimiser), epochs = va_run_epoch(s);

    if (s->skipped)
        va_info("%lld of %lld batches had no %s and made no update", (long long)s->skipped,
                (long long)s->batches, lacking);
    va_info("%s: %lld update%s in %lld epoch%s, best mean CCC %.4f at step %lld",
            r->job->output, (long long)updates, va_plural(updates), (long long)epochs,
            va_plural(epochs), s->best, (long long)s->best_step);
}

void va_run_release(struct va_run *r)
{
    va_run_watch_end();
    va_run_state_release(&r->state);
    while (r->lock_count)
        va_lock_release(r->locks[--r->lock_count]);
    va_free(r->room);
    va_free(r->state_path);
    *r = (struct va_run){ 0 };
}
