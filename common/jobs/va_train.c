#include "jobs/va_train.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "jobs/va_models.h"
#include "jobs/va_train_priv.h"
#include "ops/va_device.h"
#include "run/va_share.h"
#include "weights/va_model_file.h"

/* ---- what the run asks of it ------------------------------------------------------------- */

static int draw(void *arg)
{
    struct va_trainer *t = arg;

    return t->in.init ? va_params_load(t->run.state.params, t->in.init, t->job->init)
                      : va_params_draw(t->run.state.params, (uint64_t)t->in.config.seed);
}

static void changed(void *arg)
{
    struct va_trainer *t = arg;

    va_tensors_free(
        t->in.init); /* as large as the model: before the prepared forms take room */
    t->in.init = NULL;
    va_params_changed(va_temporal_params(t->model));
}

static int evaluate(void *arg, const volatile sig_atomic_t *stop, double *score, double *row)
{
    struct va_trainer *t = arg;
    double ccc[2];
    int status = va_validator_run(t->validator, stop, ccc);

    if (status == 0)
        status = va_comm_agree(va_window_index_unchanged(t->in.index));
    if (status)
        return status;
    *score = (ccc[0] + ccc[1]) / 2;
    row[2] = ccc[0];
    row[3] = ccc[1];
    row[4] = *score;
    return 0;
}

static int write_model(void *arg, const struct va_tensors *weights)
{
    struct va_trainer *t = arg;
    const struct va_model_source from[] = { { t->job->windows, t->in.windows_id },
                                            { t->job->init, t->in.init_id } };

    if (va_window_index_unchanged(t->in.index) < 0 ||
        va_model_save(t->job->run.output, weights, &t->in.config.seed, from, VA_COUNT(from)) <
            0)
        return -1;
    va_run_summarise(&t->run, "labelled frame");
    return 0;
}

/* ---- setting up -------------------------------------------------------------------------- */

static void describe(struct va_trainer *t, struct va_params *params)
{
    const struct va_train_config *c = &t->in.config;
    struct va_run *r = &t->run;

    r->epochs = c->epochs;
    r->steps = c->steps;
    r->evaluations = c->evaluations;
    r->keep_best = c->select == VA_SELECT_BEST;
    r->state.params = params;
    r->state.optimiser = t->optimiser;
    r->state.input = t->job->windows;
    r->state.input_id = t->in.windows_id;
    r->state.seed = (uint64_t)c->seed;
    r->state.per_epoch = t->order.per_epoch;
    va_run_log_init(&r->state.train);
    va_val_log_init(&r->state.val);
}

static int make_model(void *arg)
{
    struct va_trainer *t = arg;
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

    t->be = va_device_open(t->job->device);
    if (!t->be)
        return -1;
    t->be->batch = c->batch;
    t->be->precision = (enum va_precision)c->precision;
    t->model = va_temporal_new(t->be, &t->in.model, (enum va_temporal_init)c->draw,
                               c->decay == VA_DECAY_ALL);
    if (!t->model)
        return -1;
    params = va_temporal_params(t->model);
    if (size > index->window_count)
        size = index->window_count; /* no batch will be larger */
    size = va_share_most(size);
    if (va_params_allocate_training(params) < 0 ||
        va_batch_init(&t->batch, t->be, index, size, t->in.model.lookahead) < 0 ||
        va_temporal_reserve(t->model, size, t->batch.rows, true) < 0 ||
        va_batch_order_init(&t->order, index, t->in.train, c->batch, c->shuffle,
                            (uint64_t)c->seed) < 0)
        return -1;
    t->pred = t->be->ops->alloc(t->be, size * t->batch.rows * 2);
    t->dpred = t->be->ops->alloc(t->be, size * t->batch.rows * 2);
    if (!t->pred || !t->dpred)
        return -1;
    t->validator = va_validator_new(t->model, &t->batch, t->pred, t->in.val,
                                    (enum va_validation)c->validation);
    t->optimiser = va_optimiser_new(params, &adam);
    if (!t->validator || !t->optimiser || va_batch_reside(&t->batch) < 0)
        return -1;
    describe(t, params);
    return 0;
}

static int open_input(void *arg, const struct va_tensors **identity)
{
    struct va_trainer *t = arg;
    int status = va_train_input_open(&t->in, t->job);

    *identity = t->in.identity;
    return va_comm_agree(status);
}

int va_train_run(const struct va_train_job *job)
{
    static const struct va_run_kind kind = {
        open_input, make_model, draw, changed, va_train_step, evaluate, write_model,
    };
    struct va_trainer t = { .job = job };
    int status = va_run_train(&t.run, &job->run, &kind, &t);

    va_run_release(&t.run);
    va_replay_release(&t.replay);
    va_optimiser_free(t.optimiser);
    va_validator_free(t.validator);
    va_batch_release(&t.batch);
    va_batch_order_release(&t.order);
    if (t.be) {
        t.be->ops->free(t.be, t.pred);
        t.be->ops->free(t.be, t.dpred);
    }
    va_temporal_free(t.model);
    va_train_input_release(&t.in);
    va_backend_free(t.be);
    return status;
}

int64_t va_train_breadth(const struct va_train_job *job)
{
    struct va_model init;
    int64_t breadth;

    if (!job->init)
        return va_temporal_breadth(&job->config.model);
    breadth = va_model_load(&init, job->init) < 0 ? -1 : va_model_breadth(init.set, init.path);
    va_model_release(&init);
    return breadth;
}
