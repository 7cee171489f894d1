#include "train/va_train.h"

#include "base/va_comm.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_progress.h"
#include "cpu/va_device.h"
#include "cpu/va_hot.h"
#include "io/va_model_file.h"
#include "train/va_share.h"
#include "train/va_train_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The end of an epoch is worth a checkpoint, unless the last one is this young. */
#define SAVE_REST 10.0

static bool writes(void) /* rank 0 alone writes files */
{
    return va_comm_rank() == 0;
}

bool va_train_save_every(struct va_train_job *job, const char *text)
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

/* ---- setting up -------------------------------------------------------------------------- */

static int make_model(struct va_trainer *t)
{
    const struct va_train_config *c = &t->in.config;
    const struct va_window_index *index = t->in.index;
    struct va_optimiser_config adam = {
        .decay = c->weight_decay,
        .clip = c->clip,
        .beta1 = VA_ADAM_BETA1,
        .beta2 = VA_ADAM_BETA2,
        .eps = c->adam_eps,
    };
    struct va_params *params;
    int64_t size = c->batch;

    t->head = va_head_new(t->be, &t->in.head, (enum va_head_init)c->draw,
                          c->decay == VA_DECAY_ALL);
    if (!t->head)
        return -1;
    params = va_head_params(t->head);
    if (size > index->window_count)
        size = index->window_count; /* no batch will be larger */
    size = va_share_most(size);
    if (va_comm_size() > 1 && !(t->room = va_new(VA_SHARE_ROOM, sizeof(*t->room))))
        return -1;
    if (va_params_allocate_training(params) < 0 ||
        va_batch_init(&t->batch, t->be, index, size, t->in.head.lookahead) < 0 ||
        va_head_reserve(t->head, size, t->batch.rows, true) < 0 ||
        va_batch_order_init(&t->order, index, t->in.train, c->batch, c->shuffle,
                            (uint64_t)c->seed) < 0)
        return -1;
    t->pred = t->be->ops->alloc(t->be, size * t->batch.rows * 2);
    t->dpred = t->be->ops->alloc(t->be, size * t->batch.rows * 2);
    if (!t->pred || !t->dpred)
        return -1;
    t->validator = va_validator_new(t->head, &t->batch, t->pred, t->in.val,
                                    (enum va_validation)c->validation);
    t->optimiser = va_optimiser_new(params, &adam);
    if (!t->validator || !t->optimiser)
        return -1;
    t->state.params = params;
    t->state.optimiser = t->optimiser;
    t->state.identity = t->in.identity;
    t->state.windows = t->job->windows;
    t->state.windows_id = t->in.windows_id;
    t->state.seed = (uint64_t)c->seed;
    t->state.per_epoch = t->order.per_epoch;
    return 0;
}

/* Rank 0 writes the checkpoint, if all ranks have the same weights. */
static int save(struct va_trainer *t)
{
    int64_t step = t->state.batches;
    double begun = va_train_seconds();
    int status = 0;

    if (va_share_same_weights(t->state.params, step, t->room) < 0)
        return -1;
    va_train_change_begin();
    if (writes())
        status = va_train_state_save(&t->state, t->state_path);
    t->saved = va_train_seconds();
    t->save_time = t->saved - begun;
    if (status == 0 && writes())
        t->saved_step = step;
    va_train_change_end();
    status = va_comm_agree(status);
    va_train_change_begin();
    if (status == 0) /* on the other ranks it is true only now */
        t->saved_step = step;
    va_train_change_end();
    return status;
}

/* Initial weights, and a checkpoint of them: it replaces one of an earlier run, which must not
 * meet the logs that begin now. */
static int begin(struct va_trainer *t)
{
    int drawn = t->in.init ? va_params_load(t->state.params, t->in.init, t->job->init)
                           : va_params_draw(t->state.params, (uint64_t)t->in.config.seed);

    if (va_comm_agree(drawn) < 0)
        return -1;
    va_head_changed(t->head);
    return save(t);
}

/* All ranks read the checkpoint. */
static int resume(struct va_trainer *t)
{
    double begun = va_train_seconds();

    if (va_comm_agree(va_train_state_load(&t->state, t->state_path)) < 0)
        return -1;
    va_head_changed(t->head);
    t->saved = va_train_seconds();
    t->saved_step = t->state.batches;
    t->save_time = t->saved - begun; /* about as long */
    va_info("%s: going on after step %lld", t->state_path, (long long)t->state.batches);
    return va_share_same_weights(t->state.params, t->state.batches, t->room);
}

static int open_logs(struct va_trainer *t)
{
    if (!t->job->log_dir || !writes())
        return 0;
    return va_log_open(&t->state.train, t->job->log_dir, "train.tsv") < 0 ||
                   va_log_open(&t->state.val, t->job->log_dir, "val.tsv") < 0
               ? -1
               : 0;
}

static int begin_or_resume(struct va_trainer *t)
{
    bool found = t->job->resume && access(t->state_path, F_OK) == 0;

    va_comm_broadcast(&found, sizeof(found));
    va_train_log_init(&t->state.train);
    va_val_log_init(&t->state.val);
    if ((found ? resume(t) : begin(t)) < 0)
        return -1;
    va_tensors_free(t->in.init); /* as large as the model */
    t->in.init = NULL;
    return va_comm_agree(open_logs(t));
}

/* ---- evaluation ---------------------------------------------------------------------------- */

static int64_t epoch_of(const struct va_train_state *s) /* of the last batch, from 1 */
{
    return (s->batches + s->per_epoch - 1) / s->per_epoch;
}

static bool finished(const struct va_trainer *t)
{
    const struct va_train_config *c = &t->in.config;

    return t->state.batches >= c->epochs * t->state.per_epoch ||
           (c->steps && va_optimiser_updates(t->optimiser) >= c->steps);
}

/* Evaluations lie evenly in an epoch, the last one at its end. */
static bool evaluation_due(const struct va_trainer *t)
{
    int64_t k = t->state.batches, n = t->state.per_epoch, E = t->in.config.evaluations;
    int64_t at = k ? (k - 1) % n + 1 : 0; /* batches of this epoch */
    const double *last = va_log_last(&t->state.val);

    if (last && (int64_t)last[0] == k)
        return false; /* done before the checkpoint */
    return finished(t) || (k && at * E / n > (at - 1) * E / n);
}

static int keep_best(struct va_train_state *s)
{
    va_tensors_free(s->best_weights);
    s->best_weights = va_tensors_new();
    return s->best_weights ? va_params_store(s->params, s->best_weights) : -1;
}

/* Take in the result of an evaluation; on all ranks the same. */
static int record(struct va_trainer *t, const double *ccc)
{
    struct va_train_state *s = &t->state;
    double mean = (ccc[0] + ccc[1]) / 2;

    /* An undefined CCC is better than none at all, and worse than any number. */
    if (!s->best_step || mean > s->best || (isnan(s->best) && !isnan(mean))) {
        s->best = mean;
        s->best_step = s->batches;
        if (t->in.config.select == VA_SELECT_BEST && writes() && keep_best(s) < 0)
            return -1;
    }
    va_debug(
        "epoch %lld of %lld, step %lld: CCC valence %.4f arousal %.4f mean %.4f, best %.4f "
        "at step %lld, %.2f steps/s",
        (long long)epoch_of(s), (long long)t->in.config.epochs, (long long)s->batches, ccc[0],
        ccc[1], mean, s->best, (long long)s->best_step,
        (double)(s->batches - t->first) / fmax(va_train_seconds() - t->begun, 1e-9));
    return va_log_add(&s->val,
                      (double[VA_VAL_COLUMNS]){ (double)s->batches, (double)epoch_of(s), ccc[0],
                                                ccc[1], mean, s->best });
}

/* 0, -1 after reporting, or 1 when a signal came first. */
static int evaluate(struct va_trainer *t)
{
    double ccc[2];
    int status = va_validator_run(t->validator, &va_train_stop, ccc);

    if (status)
        return status;
    va_train_change_begin();
    status = record(t, ccc);
    va_train_change_end();
    return va_comm_agree(status);
}

/* ---- the run ------------------------------------------------------------------------------- */

static bool save_due(const struct va_trainer *t)
{
    const struct va_train_job *job = t->job;
    int64_t k = t->state.batches;
    double age = va_train_seconds() - t->saved;

    if (k == t->first)
        return false; /* begun or read a moment ago */
    return (job->save_steps && k % job->save_steps == 0) ||
           (job->save_seconds > 0 && age >= job->save_seconds) ||
           (k % t->state.per_epoch == 0 && age >= SAVE_REST);
}

/* The signal after which all ranks stop now, or 0. */
static int stopped(struct va_trainer *t)
{
    int number = va_comm_first(va_train_stop);

    if (number) {
        va_train_change_begin();
        t->ending = true;
        va_train_change_end();
    }
    return number;
}

/* Until finished: 0, -1 after reporting, or the signal that came. */
static int loop(struct va_trainer *t)
{
    int64_t total = t->in.config.epochs * t->state.per_epoch;

    if (t->in.config.steps && t->in.config.steps < total)
        total = t->in.config.steps;
    t->first = t->state.batches;
    t->begun = va_train_seconds();
    if (writes())
        va_progress_begin("steps", total - t->first);
    for (;;) {
        int status = evaluation_due(t) ? evaluate(t) : 0, number;
        bool due;

        if (status < 0)
            return -1;
        if ((number = stopped(t)))
            return save(t) < 0 ? -1 : number;
        if (finished(t))
            return 0;
        due = save_due(t); /* by the clock of rank 0 */
        va_comm_broadcast(&due, sizeof(due));
        if ((due && save(t) < 0) || va_train_step(t) < 0)
            return -1;
        va_progress_update(t->state.batches - t->first);
    }
}

static int write_model(struct va_trainer *t)
{
    struct va_tensors *set = t->state.best_weights;
    struct va_h5_out *out = NULL;
    int status = -1;

    t->state.best_weights = NULL;
    if (!set && (!(set = va_tensors_new()) || va_params_store(t->state.params, set) < 0))
        goto done;
    if (va_train_identity_copy(set, t->in.identity) < 0 ||
        !(out = va_h5_create(t->job->output, "va.model/1")))
        goto done;
    va_h5_set_seed(out, (uint64_t)t->in.config.seed);
    if (va_h5_add_input(out, t->job->windows, t->in.windows_id) < 0 ||
        (t->job->init && va_h5_add_input(out, t->job->init, t->in.init_id) < 0) ||
        va_model_put(out, set) < 0)
        goto done;
    status = va_h5_commit(&out);
done:
    va_h5_abort(out);
    va_tensors_free(set);
    return status;
}

static void summarise(const struct va_trainer *t)
{
    const struct va_train_state *s = &t->state;

    if (s->skipped)
        va_info("%lld of %lld batches had no labelled frame and made no update",
                (long long)s->skipped, (long long)s->batches);
    va_info("%s: %lld updates in %lld epochs, best mean CCC %.4f at step %lld", t->job->output,
            (long long)va_optimiser_updates(t->optimiser), (long long)epoch_of(s), s->best,
            (long long)s->best_step);
}

/* Whether --resume finds the result of this very run, and no checkpoint that says otherwise. */
static bool already_done(const struct va_trainer *t)
{
    char line[256];
    struct va_tensors *set;
    bool same;

    if (!t->job->resume || access(t->state_path, F_OK) == 0 || access(t->job->output, F_OK) < 0)
        return false;
    va_error_catch_begin(line, sizeof(line));
    set = va_model_read(t->job->output, NULL);
    same = set && va_train_identity_check(set, t->in.identity, t->job->output) == 0;
    va_error_catch_end();
    va_tensors_free(set);
    return same;
}

/* The update has to round alike on all ranks, or weights drift apart: machines of a cluster may
 * differ, so all use the instruction set that all have. */
static void same_rounding(void)
{
    static int all[VA_COMM_MAX];
    int least = (int)va_cpu_isa();

    va_comm_gather(&least, sizeof(least), all);
    for (int r = 0; r < va_comm_size(); r++)
        least = all[r] < least ? all[r] : least;
    va_hot_use((enum va_isa)least);
}

/* Settings and inputs, and what they are to become, are the same on all ranks. */
static int same_job(const struct va_trainer *t)
{
    const struct va_tensors *identity = t->in.identity;
    struct va_hash h;

    va_hash_init(&h);
    for (int64_t i = 0; i < identity->meta_count; i++) {
        va_hash_add(&h, identity->meta[i].key, strlen(identity->meta[i].key) + 1);
        va_hash_add(&h, identity->meta[i].value, strlen(identity->meta[i].value) + 1);
    }
    va_hash_add(&h, t->job->output, strlen(t->job->output) + 1);
    va_hash_add(&h, t->state_path, strlen(t->state_path));
    va_hash_add(&h, &t->job->resume, sizeof(t->job->resume));
    return va_share_same(&h, "settings and inputs");
}

/* The model is there, by rank 0, and whatever else a finished run leaves. */
static int finish(struct va_trainer *t)
{
    if (!writes())
        return 0;
    if (write_model(t) < 0)
        return -1;
    summarise(t);
    return unlink(t->state_path) < 0 && errno != ENOENT
               ? va_error_write(t->state_path, "remove")
               : 0;
}

static int run(struct va_trainer *t)
{
    bool done;
    int status;

    same_rounding();
    t->be = va_device_open(t->job->device);
    status = t->be ? va_train_input_open(&t->in, t->job) : -1;
    if (va_comm_agree(status) < 0 || same_job(t) < 0)
        return -1;
    done = already_done(t);
    va_comm_broadcast(&done, sizeof(done));
    if (done) {
        va_info("%s: is complete", t->job->output);
        /* Make compares times, and this is now newer than the inputs it was checked against. */
        return va_comm_agree(writes() && utimensat(AT_FDCWD, t->job->output, NULL, 0) < 0
                                 ? va_error_write(t->job->output, "touch")
                                 : 0);
    }
    if (va_comm_agree(make_model(t)) < 0 || begin_or_resume(t) < 0 ||
        va_comm_agree(va_train_watch_begin(t)) < 0)
        return -1;
    status = loop(t);
    va_train_watch_end();
    va_progress_end();
    return status ? status : va_comm_agree(finish(t));
}

int va_train_run(const struct va_train_job *job)
{
    struct va_trainer t = { .job = job };
    int status = -1;

    t.state_path = job->state ? va_strdup(job->state) : va_format("%s.state", job->output);
    if (va_comm_agree(t.state_path ? 0 : -1) == 0)
        status = run(&t);
    va_train_watch_end();
    va_progress_end();
    va_train_state_release(&t.state);
    va_optimiser_free(t.optimiser);
    va_validator_free(t.validator);
    va_batch_release(&t.batch);
    va_batch_order_release(&t.order);
    if (t.be) {
        t.be->ops->free(t.be, t.pred);
        t.be->ops->free(t.be, t.dpred);
    }
    va_head_free(t.head);
    va_train_input_release(&t.in);
    va_backend_free(t.be);
    va_free(t.room);
    va_free(t.state_path);
    return status;
}
