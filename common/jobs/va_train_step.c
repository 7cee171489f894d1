/*
 * A step, on one rank or on several. A failure that only one rank meets is agreed upon before the
 * ranks next exchange something, so that none waits for one that has given up.
 */
#include "base/va_error.h"
#include "comm/va_comm.h"
#include "jobs/va_train_priv.h"
#include "nn/va_ccc.h"
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

/* Predictions and moments of the share. */
static int forward(struct va_trainer *t, const struct work *w, struct va_ccc_moments *m)
{
    const struct va_train_config *c = &t->in.config;
    struct va_backend *be = t->be;
    int64_t n = w->share.count, W = t->batch.rows;

    *m = (struct va_ccc_moments){ 0 };
    if (n == 0)
        return 0;
    if (va_batch_load(&t->batch, w->windows + w->share.first, n) < 0)
        return -1;
    va_temporal_forward(t->model, n, W, t->batch.x, t->pred, c->dropout, (uint64_t)c->seed,
                        (uint64_t)w->k, w->share.first);
    be->ops->ccc_moments(be, n * W, t->pred, t->batch.label, t->batch.valid, m);
    return va_backend_peek(be); /* as the moments are here */
}

/* Gradients of the share. */
static int backward(struct va_trainer *t, const struct work *w,
                    const struct va_ccc_coefficients *gradient)
{
    struct va_backend *be = t->be;
    int64_t n = w->share.count, W = t->batch.rows;

    va_params_zero_grad(t->run.state.params);
    if (n > 0) {
        be->ops->ccc_grad(be, n * W, t->pred, t->batch.label, t->batch.valid, gradient,
                          t->dpred);
        va_temporal_backward(t->model, n, W, t->batch.x, t->dpred);
        va_params_derive_grad(t->run.state.params);
    }
    return va_backend_peek(be);
}

/* What the step changes; the same on all ranks, but for the file of the log. */
static int update(struct va_trainer *t, const struct work *w, const struct va_ccc_loss *loss)
{
    const struct va_train_config *c = &t->in.config;
    struct va_run_state *s = &t->run.state;
    const char *bad = NULL;
    double norm = 0, rate = va_schedule_rate((enum va_schedule)c->schedule, w->k, s->per_epoch,
                                             c->lr, c->epochs, c->warmup_epochs);

    if (va_optimiser_step(t->optimiser, rate, &norm, &bad) < 0)
        return bad ? not_finite(t, bad, w->windows, w->count) : -1;
    s->batches++;
    return va_log_add(&s->train, (double[VA_TRAIN_COLUMNS]){
                                     (double)s->batches, (double)(w->k / s->per_epoch + 1),
                                     rate, loss->loss, loss->ccc[0], loss->ccc[1], norm });
}

int va_train_step(void *arg)
{
    struct va_trainer *t = arg;
    const struct va_train_config *c = &t->in.config;
    struct va_run_state *s = &t->run.state;
    struct work w = { .k = s->batches };
    struct va_ccc_moments moments;
    struct va_ccc_coefficients gradient;
    struct va_ccc_loss loss;
    int status;

    w.count = va_batch_order_at(&t->order, w.k, &w.windows);
    w.share = va_share_of(w.count);
    if (va_comm_agree(forward(t, &w, &moments)) < 0)
        return -1;
    va_share_moments(&moments);
    va_ccc_loss(&moments, (enum va_ccc_kind)c->loss, c->loss_eps, &loss, &gradient);
    if (loss.labelled == 0) {
        va_run_change_begin();
        s->skipped++;
        s->batches++;
        va_run_change_end();
        return 0;
    }
    if (!isfinite(loss.loss)) {
        return va_comm_agree(not_finite(t, NULL, w.windows, w.count));
    }
    if (va_comm_agree(backward(t, &w, &gradient)) < 0)
        return -1;
    va_share_gradients(s->params, t->run.room);
    va_run_change_begin();
    status = update(t, &w, &loss);
    va_run_change_end();
    return va_comm_agree(status);
}
