/*
 * An update, on one rank or on several. A failure that only one rank meets is agreed upon before the
 * ranks next exchange something, so that none waits for one that has given up.
 */
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

/* The part that this rank's share has in the loss of batch k. */
static int forward(struct va_pretrainer *t, int64_t k, const struct va_share *share,
                   double *loss)
{
    const struct va_pretrain_config *c = &t->config;
    double scale = (double)share->count / (double)(c->batch * c->accumulate);
    struct va_mae_batch batch;

    if (t->fill(t, k, share, &batch) < 0)
        return -1;
    *loss = va_mae_forward(t->mae, &batch, scale) * (double)share->count / (double)c->batch;
    return va_backend_peek(t->be); /* as the loss is here */
}

/* From the parts of the ranks to the loss of the batch, in their order. */
static double join(double loss)
{
    static double all[VA_COMM_MAX];
    double sum = 0;

    va_comm_gather(&loss, sizeof(loss), all);
    for (int r = 0; r < va_comm_size(); r++)
        sum += all[r];
    return sum;
}

/* Loss and gradients of one batch out of `accumulate`, added to those before. */
static int add_batch(struct va_pretrainer *t, int64_t k, double *loss)
{
    const struct va_pretrain_config *c = &t->config;
    struct va_share share = va_share_of(c->batch);
    double part = 0;

    if (va_comm_agree(forward(t, k, &share, &part)) < 0)
        return -1;
    part = join(part);
    if (!isfinite(part)) {
        return va_comm_agree(not_finite(t, NULL, k, k));
    }
    *loss += part / (double)c->accumulate;
    va_mae_backward(t->mae);
    return va_comm_agree(va_backend_peek(t->be));
}

static void tell(const struct va_pretrainer *t, double loss, double rate)
{
    const struct va_run_state *s = &t->run.state;
    double seconds = va_run_seconds() - t->began;

    va_debug("epoch %lld of %lld, step %lld: loss %.4f, rate %.3g, %.1f pictures/s",
             (long long)va_run_epoch(s), (long long)t->config.epochs, (long long)s->batches,
             loss, rate,
             (double)(s->batches - t->begun) *
                 (double)(t->config.batch * t->config.accumulate) / fmax(seconds, 1e-9));
}

/* What the step changes; the same on all ranks, but for the file of the log. */
static int update(struct va_pretrainer *t, double loss)
{
    const struct va_pretrain_config *c = &t->config;
    struct va_run_state *s = &t->run.state;
    int64_t k = s->batches * c->accumulate;
    const char *bad = NULL;
    double norm = 0, rate = va_schedule_mae(s->batches, s->per_epoch, c->lr, c->min_lr,
                                            c->epochs, c->warmup_epochs);

    if (va_optimiser_step(t->optimiser, rate, &norm, &bad) < 0)
        return bad ? not_finite(t, bad, k, k + c->accumulate - 1) : -1;
    s->batches++;
    if (s->batches % s->per_epoch == 0)
        tell(t, loss, rate);
    return va_log_add(&s->train, (double[VA_PRETRAIN_COLUMNS]){ (double)s->batches,
                                                                (double)va_run_epoch(s), rate,
                                                                loss, norm });
}

int va_pretrain_step(void *arg)
{
    struct va_pretrainer *t = arg;
    struct va_run_state *s = &t->run.state;
    int64_t accumulate = t->config.accumulate;
    double loss = 0;
    int status;

    if (va_comm_agree(va_pretrain_sheet(t)) < 0)
        return -1;
    if (t->began == 0) {
        t->began = va_run_seconds();
        t->begun = s->batches;
    }
    va_params_zero_grad(s->params);
    for (int64_t a = 0; a < accumulate; a++)
        if (add_batch(t, s->batches * accumulate + a, &loss) < 0)
            return -1;
    va_share_gradients(s->params, t->run.room);
    va_run_change_begin();
    status = update(t, loss);
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
