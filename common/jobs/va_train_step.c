/*
 * A step, on one rank or on several. A failure that only one rank meets is agreed upon before the
 * ranks next exchange something, so that none waits for one that has given up.
 */
#include "base/va_error.h"
#include "comm/va_comm.h"
#include "jobs/va_train_priv.h"
#include "run/va_share.h"
#include <math.h>

/* Of the gradient of a tensor, or (NULL) of the loss; with the batch: "a 1-300, b 201-500" (frames).
 * Returns -1. All ranks come to this, with the same words. */
static int not_finite(const struct va_trainer *t, const char *tensor, const int64_t *windows,
                      int64_t count)
{
    char batch[1024];
    size_t n = 0;

    for (int64_t i = 0; i < count && n < sizeof(batch); i++) {
        const struct va_window *w = &t->in.index->windows[windows[i]];

        n += (size_t)snprintf(batch + n, sizeof(batch) - n, "%s%s %d-%d", i ? ", " : "",
                              t->in.index->videos[w->video].name, w->start + 1,
                              w->start + w->length);
    }
    return va_run_diverged(&t->run, tensor, batch);
}

/* The windows of batch k, and this rank's share of them. */
struct work {
    int64_t k, count;
    const int64_t *windows; /* [count] */
    struct va_share share;
};

static double rate_of(const struct va_trainer *t, int64_t k)
{
    const struct va_train_config *c = &t->in.config;

    return va_schedule_rate((enum va_schedule)c->schedule, k, t->run.state.per_epoch, c->lr,
                            c->epochs, c->warmup_epochs);
}

/* The share's windows, on their way to the device. */
static int load(struct va_trainer *t, const struct work *w)
{
    const struct va_batch_drop drop = { t->in.model.stream_dropout, (uint64_t)t->in.config.seed,
                                        w->k, w->share.first };

    return w->share.count == 0
               ? 0
               : va_batch_load(&t->batch, w->windows + w->share.first, w->share.count, &drop);
}

/* A step under way. */
struct step {
    struct va_trainer *t;
    const struct work *w;
    void *record; /* on the device */
};

/* Predictions, loss and gradients. */
static void both_ways(const struct step *s)
{
    struct va_trainer *t = s->t;
    const struct work *w = s->w;
    const struct va_train_config *c = &t->in.config;
    int64_t n = w->share.count, W = t->batch.rows;
    struct va_ccc_moments moments;
    struct va_ccc loss = { .n = n * W,
                           .kind = (enum va_ccc_kind)c->loss,
                           .eps = c->loss_eps,
                           .share = 1,
                           .pred = t->pred,
                           .label = t->batch.label,
                           .valid = t->batch.valid,
                           .dpred = t->dpred,
                           .step = s->record };

    if (n > 0)
        va_temporal_forward(t->model, n, W, t->batch.x, t->pred, c->dropout, s->record,
                            w->share.first);
    va_share_ccc(t->be, &loss, &moments);
    t->be->ops->ccc_loss(t->be, &loss);
    va_params_zero_grad(t->run.state.params);
    if (n > 0)
        va_temporal_backward(t->model, n, W, t->batch.x, t->dpred);
}

/* The same and the update. */
static void whole_step(void *arg)
{
    const struct step *s = arg;

    both_ways(s);
    va_optimiser_update(s->t->optimiser);
}

/* What the step has changed; the same on all ranks, but for the file of the log. */
static int finish(struct va_trainer *t, const struct work *w)
{
    struct va_run_state *s = &t->run.state;
    const char *bad;
    struct va_step_report r;

    if (va_share_settle(t->be) < 0 || va_optimiser_report(t->optimiser, &r, &bad) < 0)
        return -1;
    if (bad || !isfinite(r.loss))
        return not_finite(t, isfinite(r.loss) ? bad : NULL, w->windows, w->count);
    s->batches++;
    if (r.learned == 0) {
        s->skipped++;
        return 0;
    }
    return va_log_add(&s->train, (double[VA_TRAIN_COLUMNS]){
                                     (double)s->batches, (double)(w->k / s->per_epoch + 1),
                                     rate_of(t, w->k), r.loss, r.ccc[0], r.ccc[1], r.norm });
}

int va_train_step(void *arg)
{
    struct va_trainer *t = arg;
    struct va_run_state *s = &t->run.state;
    struct work w = { .k = s->batches };
    struct step step = { t, &w, NULL };
    bool alone = va_comm_size() == 1;
    int status;

    step.record = va_optimiser_begin(t->optimiser, (uint64_t)t->in.config.seed, (uint64_t)w.k,
                                     rate_of(t, w.k));
    w.count = va_batch_order_at(&t->order, w.k, &w.windows);
    w.share = va_share_of(w.count);
    if (va_comm_agree(load(t, &w)) < 0)
        return -1;
    if (!alone) {
        both_ways(&step);
        if (va_share_well(t->be) < 0)
            return -1;
        va_share_gradients(s->params, t->run.room);
    }
    va_run_change_begin();
    if (alone)
        va_replay_make(&t->replay, t->be, w.count, whole_step, &step);
    else
        va_optimiser_update(t->optimiser);
    status = finish(t, &w);
    va_run_change_end();
    return va_comm_agree(status);
}
