#include "train/va_train.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "cpu/va_device.h"
#include "io/va_model_file.h"
#include "nn/va_ccc.h"
#include "nn/va_optimiser.h"
#include "train/va_batch.h"
#include "train/va_train_state.h"
#include "train/va_validate.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The end of an epoch is worth a checkpoint, unless the last one is this young. */
#define SAVE_REST 10.0

struct trainer {
    const struct va_train_job *job;
    struct va_train_input in;
    char *state_path;
    struct va_backend *be;
    struct va_head *head;
    struct va_batch_order order;
    struct va_batch batch;
    void *pred, *dpred; /* [batch, W, 2] */
    struct va_validator *validator;
    struct va_optimiser *optimiser;
    struct va_train_state state;
    double saved, begun; /* seconds: last checkpoint, first step of this process */
    int64_t first;       /* batches done before this process */
};

/* ---- signals --------------------------------------------------------------------------- */

static volatile sig_atomic_t stop;

/* Finish the step and write a checkpoint; whoever asks twice is obeyed at once. */
static void on_signal(int number)
{
    stop = number;
    va_tempfile_catch_signals();
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

    for (size_t i = 0; i < VA_COUNT(numbers); i++) {
        struct sigaction old, act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

        sigemptyset(&act.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &act, NULL);
    }
}

/* ---- time ------------------------------------------------------------------------------ */

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

static int make_model(struct trainer *t)
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
    if (va_params_allocate_training(params) < 0 ||
        va_head_reserve(t->head, size, index->window, true) < 0 ||
        va_batch_init(&t->batch, t->be, index, size) < 0 ||
        va_batch_order_init(&t->order, index, t->in.train, c->batch, c->shuffle,
                            (uint64_t)c->seed) < 0)
        return -1;
    t->pred = t->be->ops->alloc(t->be, size * index->window * 2);
    t->dpred = t->be->ops->alloc(t->be, size * index->window * 2);
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

static int save(struct trainer *t)
{
    if (va_train_state_save(&t->state, t->state_path) < 0)
        return -1;
    t->saved = seconds();
    return 0;
}

/* Initial weights, and a checkpoint of them: it replaces one of an earlier run, which must not
 * meet the logs that begin now. */
static int begin(struct trainer *t)
{
    int drawn = t->in.init ? va_params_load(t->state.params, t->in.init, t->job->init)
                           : va_params_draw(t->state.params, (uint64_t)t->in.config.seed);

    if (drawn < 0)
        return -1;
    va_head_changed(t->head);
    return save(t);
}

static int begin_or_resume(struct trainer *t)
{
    va_train_log_init(&t->state.train);
    va_val_log_init(&t->state.val);
    if (t->job->resume && access(t->state_path, F_OK) == 0) {
        if (va_train_state_load(&t->state, t->state_path) < 0)
            return -1;
        va_head_changed(t->head);
        t->saved = seconds();
        va_info("%s: going on after step %lld", t->state_path, (long long)t->state.batches);
    } else if (begin(t) < 0) {
        return -1;
    }
    va_tensors_free(t->in.init); /* as large as the model */
    t->in.init = NULL;
    if (t->job->log_dir && (va_log_open(&t->state.train, t->job->log_dir, "train.tsv") < 0 ||
                            va_log_open(&t->state.val, t->job->log_dir, "val.tsv") < 0))
        return -1;
    return 0;
}

/* ---- a step ------------------------------------------------------------------------------ */

/* What made the loss not finite: the first parameter with such a value, or none. */
static const char *bad_parameter(const struct trainer *t)
{
    const struct va_params *params = t->state.params;
    for (int64_t i = 0; i < params->count; i++) {
        const struct va_param *p = &params->items[i];
        float *value = va_new(p->count, sizeof(*value));
        bool bad = false;

        if (value)
            t->be->ops->get_f32(t->be, value, p->value.data, p->count);
        for (int64_t j = 0; value && j < p->count && !bad; j++)
            bad = !isfinite(value[j]);
        va_free(value);
        if (bad)
            return p->name;
    }
    return "a prediction"; /* all parameters are in order */
}

/* "step 7: WHAT TENSOR is not finite; batch: a 1-300, b 201-500" (frames). Returns -1. */
static int not_finite(const struct trainer *t, const char *what, const char *tensor,
                      const int64_t *windows, int64_t count)
{
    char batch[1024];
    size_t n = 0;

    for (int64_t i = 0; i < count && n < sizeof(batch); i++) {
        const struct va_window *w = &t->in.index->windows[windows[i]];

        n += (size_t)snprintf(batch + n, sizeof(batch) - n, "%s%s %d-%d", i ? ", " : "",
                              t->in.index->videos[w->video].name, w->start + 1,
                              w->start + w->length);
    }
    return va_error_machine("step %lld: %s %s is not finite; batch: %s",
                            (long long)t->state.batches + 1, what, tensor, batch);
}

/* Forward, loss, backward, update of batch k, which becomes k + 1. */
static int step(struct trainer *t)
{
    const struct va_train_config *c = &t->in.config;
    struct va_backend *be = t->be;
    struct va_train_state *s = &t->state;
    int64_t k = s->batches, W = t->batch.W, count;
    struct va_ccc_moments moments;
    struct va_ccc_coefficients gradient;
    struct va_ccc_loss loss;
    const int64_t *windows;
    const char *bad = NULL;
    double norm = 0, rate = va_schedule_rate((enum va_schedule)c->schedule, k, s->per_epoch,
                                             c->lr, c->epochs, c->warmup_epochs);

    count = va_batch_order_at(&t->order, k, &windows);
    if (va_batch_load(&t->batch, windows, count) < 0)
        return -1;
    va_head_forward(t->head, count, W, t->batch.x, t->pred, c->dropout, (uint64_t)c->seed,
                    (uint64_t)k, 0);
    be->ops->ccc_moments(be, count * W, t->pred, t->batch.label, t->batch.valid, &moments);
    if (va_backend_check(be) < 0)
        return -1;
    va_ccc_loss(&moments, (enum va_ccc_kind)c->loss, c->loss_eps, &loss, &gradient);
    if (loss.labelled == 0) {
        s->skipped++;
        s->batches++;
        return 0;
    }
    if (!isfinite(loss.loss))
        return not_finite(t, "no loss, since", bad_parameter(t), windows, count);
    va_params_zero_grad(s->params);
    be->ops->ccc_grad(be, count * W, t->pred, t->batch.label, t->batch.valid, &gradient,
                      t->dpred);
    va_head_backward(t->head, count, W, t->batch.x, t->dpred);
    if (va_backend_check(be) < 0)
        return -1;
    if (va_optimiser_step(t->optimiser, rate, &norm, &bad) < 0)
        return bad ? not_finite(t, "the gradient of", bad, windows, count) : -1;
    va_head_changed(t->head);
    s->batches++;
    return va_log_add(&s->train, (double[VA_TRAIN_COLUMNS]){
                                     (double)s->batches, (double)(k / s->per_epoch + 1), rate,
                                     loss.loss, loss.ccc[0], loss.ccc[1], norm });
}

/* ---- evaluation ---------------------------------------------------------------------------- */

static int64_t epoch_of(const struct va_train_state *s) /* of the last batch, from 1 */
{
    return (s->batches + s->per_epoch - 1) / s->per_epoch;
}

static bool finished(const struct trainer *t)
{
    const struct va_train_config *c = &t->in.config;

    return t->state.batches >= c->epochs * t->state.per_epoch ||
           (c->steps && va_optimiser_updates(t->optimiser) >= c->steps);
}

/* Evaluations lie evenly in an epoch, the last one at its end. */
static bool evaluation_due(const struct trainer *t)
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

/* 0, -1 after reporting, or 1 when a signal came first. */
static int evaluate(struct trainer *t)
{
    struct va_train_state *s = &t->state;
    double ccc[2], mean;
    int status = va_validator_run(t->validator, &stop, ccc);

    if (status)
        return status;
    mean = (ccc[0] + ccc[1]) / 2;
    /* An undefined CCC is better than none at all, and worse than any number. */
    if (!s->best_step || mean > s->best || (isnan(s->best) && !isnan(mean))) {
        s->best = mean;
        s->best_step = s->batches;
        if (t->in.config.select == VA_SELECT_BEST && keep_best(s) < 0)
            return -1;
    }
    va_debug(
        "epoch %lld of %lld, step %lld: CCC valence %.4f arousal %.4f mean %.4f, best %.4f "
        "at step %lld, %.2f steps/s",
        (long long)epoch_of(s), (long long)t->in.config.epochs, (long long)s->batches, ccc[0],
        ccc[1], mean, s->best, (long long)s->best_step,
        (double)(s->batches - t->first) / fmax(seconds() - t->begun, 1e-9));
    return va_log_add(&s->val,
                      (double[VA_VAL_COLUMNS]){ (double)s->batches, (double)epoch_of(s), ccc[0],
                                                ccc[1], mean, s->best });
}

/* ---- the run ------------------------------------------------------------------------------- */

static bool save_due(const struct trainer *t)
{
    const struct va_train_job *job = t->job;
    int64_t k = t->state.batches;
    double age = seconds() - t->saved;

    if (k == t->first)
        return false; /* begun or read a moment ago */
    return (job->save_steps && k % job->save_steps == 0) ||
           (job->save_seconds > 0 && age >= job->save_seconds) ||
           (k % t->state.per_epoch == 0 && age >= SAVE_REST);
}

/* Until finished: 0, -1 after reporting, or the signal that came. */
static int loop(struct trainer *t)
{
    int64_t total = t->in.config.epochs * t->state.per_epoch;

    if (t->in.config.steps && t->in.config.steps < total)
        total = t->in.config.steps;
    t->first = t->state.batches;
    t->begun = seconds();
    va_progress_begin("steps", total - t->first);
    for (;;) {
        int status = evaluation_due(t) ? evaluate(t) : 0;

        if (status < 0)
            return -1;
        if (stop)
            return save(t) < 0 ? -1 : (int)stop;
        if (finished(t))
            return 0;
        if ((save_due(t) && save(t) < 0) || step(t) < 0)
            return -1;
        va_progress_update(t->state.batches - t->first);
    }
}

static int write_model(struct trainer *t)
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

static void summarise(const struct trainer *t)
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
static bool already_done(const struct trainer *t)
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

static int run(struct trainer *t)
{
    int status;

    t->be = va_device_open(t->job->device);
    if (!t->be || va_train_input_open(&t->in, t->job) < 0)
        return -1;
    if (already_done(t)) {
        va_info("%s: is complete", t->job->output);
        /* Make compares times, and this is now newer than the inputs it was checked against. */
        return utimensat(AT_FDCWD, t->job->output, NULL, 0) < 0
                   ? va_error_write(t->job->output, "touch")
                   : 0;
    }
    if (make_model(t) < 0 || begin_or_resume(t) < 0)
        return -1;
    catch_signals();
    status = loop(t);
    va_tempfile_catch_signals();
    va_progress_end();
    if (status)
        return status;
    if (write_model(t) < 0)
        return -1;
    summarise(t);
    return unlink(t->state_path) < 0 && errno != ENOENT
               ? va_error_write(t->state_path, "remove")
               : 0;
}

int va_train_run(const struct va_train_job *job)
{
    struct trainer t = { .job = job };
    int status = -1;

    stop = 0;
    t.state_path = job->state ? va_strdup(job->state) : va_format("%s.state", job->output);
    if (t.state_path)
        status = run(&t);
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
    va_free(t.state_path);
    return status;
}
