/*
 * An update, on one rank or on several. A failure that only one rank meets is agreed upon before the
 * ranks next exchange something, so that none waits for one that has given up.
 */
#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "jobs/va_pretrain_priv.h"
#include "nn/va_schedule.h"
#include "run/va_run_priv.h"
#include <math.h>

/* Of the gradient of a tensor, or (NULL) of the loss; with the pictures of batches k to last: "a 12, b
 * 3". Returns -1. All ranks come to this, with the same words. */
static int not_finite(const struct va_pretrainer *t, const char *tensor, int64_t k,
                      int64_t last)
{
    char batch[1024];
    size_t n = 0;

    for (; t->pictures && k <= last; k++)
        for (int64_t i = 0; i < t->config.batch && n < sizeof(batch); i++) {
            struct va_feed_item item = va_pretrain_item(t, k, i);
            const struct va_picture *p = va_pictures_at(t->pictures, item.picture);

            n += (size_t)snprintf(batch + n, sizeof(batch) - n, "%s%s %lld", n ? ", " : "",
                                  va_pictures_video(t->pictures, p->video)->name,
                                  p->number ? (long long)p->number : (long long)p->row + 1);
        }
    return va_run_diverged(&t->run, tensor, n ? batch : "?");
}

/* ---- what makes an update --------------------------------------------------------------------- */

struct passes {
    struct va_pretrainer *t;
    double scale; /* of the loss */
    void *step;   /* the record on the device */
};

static void both_passes(void *arg)
{
    const struct passes *p = arg;

    va_mae_forward(p->t->mae, p->scale, p->step);
    va_mae_backward(p->t->mae);
}

/* This rank's share of batch k, on its way to the device. */
static int load(struct va_pretrainer *t, int64_t k, const struct va_share *share)
{
    struct va_mae_batch batch;

    if (t->fill(t, k, share, &batch) < 0)
        return -1;
    va_mae_put(t->mae, &batch);
    return va_backend_peek(t->be);
}

/* Loss and gradients of one batch out of `accumulate`, added to those before. */
static int add_batch(struct va_pretrainer *t, int64_t k, void *step)
{
    const struct va_pretrain_config *c = &t->config;
    struct va_share share = va_share_of(c->batch);
    struct passes p = { t, (double)share.count / (double)(c->batch * c->accumulate), step };

    if (va_comm_agree(load(t, k, &share)) < 0)
        return -1;
    va_replay_make(&t->replay, t->be, share.count, both_passes, &p);
    return va_comm_agree(va_backend_peek(t->be));
}

static double rate_of(const struct va_pretrainer *t)
{
    const struct va_pretrain_config *c = &t->config;

    return va_schedule_mae(t->run.state.batches, t->run.state.per_epoch, c->lr, c->min_lr,
                           c->epochs, c->warmup_epochs);
}

static void tell(const struct va_pretrainer *t, double loss, double rate)
{
    const struct va_run_state *s = &t->run.state;
    double seconds = va_clock() - t->began;

    va_debug("epoch %lld of %lld, step %lld: loss %.4f, rate %.3g, %.1f pictures/s",
             (long long)va_run_epoch(s), (long long)t->config.epochs, (long long)s->batches,
             loss, rate,
             (double)(s->batches - t->begun) *
                 (double)(t->config.batch * t->config.accumulate) / fmax(seconds, 1e-9));
}

/* What the step changes; the same on all ranks, but for the file of the log. */
static int update(struct va_pretrainer *t)
{
    struct va_run_state *s = &t->run.state;
    int64_t accumulate = t->config.accumulate, k = s->batches * accumulate;
    double rate = rate_of(t);
    const char *bad;
    struct va_step_report r;

    va_optimiser_update(t->optimiser);
    if (va_share_settle(t->be) < 0 || va_share_report(t->optimiser, &r, &bad) < 0)
        return -1;
    if (r.wrong)
        return not_finite(t, NULL, k + r.wrong - 1, k + r.wrong - 1);
    if (bad)
        return not_finite(t, bad, k, k + accumulate - 1);
    s->batches++;
    if (s->batches % s->per_epoch == 0)
        tell(t, r.loss, rate);
    return va_log_add(&s->train, (double[VA_PRETRAIN_COLUMNS]){ (double)s->batches,
                                                                (double)va_run_epoch(s), rate,
                                                                r.loss, r.norm });
}

int va_pretrain_step(void *arg)
{
    struct va_pretrainer *t = arg;
    struct va_run_state *s = &t->run.state;
    int64_t accumulate = t->config.accumulate;
    void *step;
    int status;

    if (va_comm_agree(va_pretrain_sheet(t)) < 0)
        return -1;
    if (t->began == 0) {
        t->began = va_clock();
        t->begun = s->batches;
    }
    step = va_optimiser_begin(t->optimiser, (uint64_t)t->config.seed, (uint64_t)s->batches,
                              rate_of(t));
    va_params_zero_grad(s->params);
    for (int64_t a = 0; a < accumulate; a++)
        if (add_batch(t, s->batches * accumulate + a, step) < 0)
            return -1;
    va_share_gradients(s->params, t->run.room);
    va_run_change_begin();
    status = update(t);
    va_run_change_end();
    return va_comm_agree(status);
}

/* It is made before the next step, and at the end: so it is there whatever checkpoint the run went on
 * from. */
int va_pretrain_sheet(struct va_pretrainer *t)
{
    const struct va_run_state *s = &t->run.state;
    int64_t epoch = s->batches / s->per_epoch;
    char *path;
    int status;

    if (!t->sheet || !epoch || s->batches % s->per_epoch || epoch % t->job->sheet_every)
        return 0;
    path = va_format("%s/sheet-%04lld.png", t->job->run.log_dir, (long long)epoch);
    status = path ? va_sheet_write(t->sheet, t->mae, path) : -1;
    va_free(path);
    return status;
}
