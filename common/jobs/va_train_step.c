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

/* Predictions, loss and gradients. */
static void both_ways(struct va_trainer *t, const struct work *w, void *step)
{
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
                           .step = step };

    if (n > 0)
        va_temporal_forward(t->model, n, W, t->batch.x, t->pred, c->dropout, step,
                            w->share.first);
    va_share_ccc(t->be, &loss, &moments);
    t->be->ops->ccc_loss(t->be, &loss);
    va_params_zero_grad(t->run.state.params);
    if (n > 0)
        va_temporal_backward(t->model, n, W, t->batch.x, t->dpred);
}

/* The same and the update. */
static void whole_step(struct va_trainer *t, const struct work *w, void *step)
{
    both_ways(t, w, step);
    va_optimiser_update(t->optimiser);
}

/* On a device that can make the calls of such a step again: the second of the largest is recorded, as a first
 * one may still ask for memory; the last of an epoch, if it is smaller, is made call by call. */
static void replay(struct va_trainer *t, const struct work *w, void *step)
{
    const struct va_ops *ops = t->be->ops;

    if (w->share.count > t->windows) {
        va_train_forget(t);
        t->windows = w->share.count;
        t->made = 0;
    }
    if (w->share.count < t->windows) {
        whole_step(t, w, step);
    } else if (t->calls) {
        ops->replay(t->be, t->calls);
    } else if (++t->made == 2) {
        ops->record(t->be);
        whole_step(t, w, step);
        t->calls = ops->recorded(t->be);
        if (t->calls)
            va_debug("steps of %lld windows: recorded, and replayed from now on",
                     (long long)t->windows);
    } else {
        whole_step(t, w, step);
    }
}

void va_train_forget(struct va_trainer *t)
{
    if (t->calls)
        t->be->ops->forget(t->be, t->calls);
    t->calls = NULL;
}

/* What the step has changed; the same on all ranks, but for the file of the log. */
static int finish(struct va_trainer *t, const struct work *w)
{
    struct va_run_state *s = &t->run.state;
    const char *bad;
    struct va_step_report r;

    if (va_optimiser_report(t->optimiser, &r, &bad) < 0)
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
    void *step = va_optimiser_begin(t->optimiser, (uint64_t)t->in.config.seed, (uint64_t)w.k,
                                    rate_of(t, w.k));
    bool replays = va_comm_size() == 1 && t->be->ops->replay;
    int status;

    w.count = va_batch_order_at(&t->order, w.k, &w.windows);
    w.share = va_share_of(w.count);
    if (va_comm_agree(load(t, &w)) < 0)
        return -1;
    if (!replays) {
        both_ways(t, &w, step);
        if (va_comm_agree(va_backend_peek(t->be)) < 0 ||
            va_share_gradients(s->params, t->run.room) < 0)
            return -1;
    }
    va_run_change_begin();
    if (replays)
        replay(t, &w, step);
    else
        va_optimiser_update(t->optimiser);
    status = finish(t, &w);
    va_run_change_end();
    return va_comm_agree(status);
}
