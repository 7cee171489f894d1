/*
 * A step, on one rank or on several. A failure that only one rank meets is agreed upon before the
 * ranks next exchange something, so that none waits for one that has given up.
 */
#include "base/va_error.h"
#include "comm/va_comm.h"
#include "jobs/va_finetune_priv.h"
#include "nn/va_ccc.h"
#include "nn/va_schedule.h"
#include "run/va_share.h"
#include <math.h>

/* ---- pictures of a batch ---------------------------------------------------------------------- */

/* This rank's pictures of batch k. */
static int64_t order(const void *arg, int64_t k, struct va_feed_item *items)
{
    const struct va_tuner *t = arg;
    const struct va_sampler *s = &t->sampler;
    struct va_share share = va_share_of(s->batch);

    if (k >= t->config.epochs * s->per_epoch)
        return 0;
    for (int64_t i = 0; i < share.count; i++) {
        const struct va_rated_item *item = &s->set->items[va_sampler_at(s, k, share.first + i)];

        items[i] = (struct va_feed_item){ .picture = item->picture,
                                          .epoch = (uint64_t)(k / s->per_epoch) };
    }
    return share.count;
}

static int open_feed(struct va_tuner *t, int64_t k)
{
    if (!t->feed)
        t->feed = va_feed_pictures(va_vit_intake(va_rater_encoder(t->rater)), t->room,
                                   t->pictures,
                                   &(struct va_feed_order){ .threads = (int)t->job->readers,
                                                            .augment = t->config.augment,
                                                            .seed = (uint64_t)t->config.seed,
                                                            .first = k,
                                                            .order = order,
                                                            .arg = t });
    return t->feed ? 0 : -1;
}

/* Labels of this rank's share of batch k, and its patches; NULL after reporting. */
static const float *load(struct va_tuner *t, int64_t k)
{
    const struct va_feed_batch *b;
    struct va_share share = va_share_of(t->sampler.batch);
    int got;

    if (open_feed(t, k) < 0)
        return NULL;
    got = va_feed_next(t->feed, &b);
    if (got == 0 || (got > 0 && b->k != k))
        got = va_error_machine("step %lld: no pictures", (long long)k + 1);
    if (got < 0)
        return NULL;
    for (int64_t i = 0; i < share.count; i++) {
        va_tuner_labels(t, i, &t->train.items[va_sampler_at(&t->sampler, k, share.first + i)]);
        if (b->items[i].replaced) { /* the label is of another picture */
            t->ok[i] = 0;
            t->expression[i] = -1;
        }
    }
    t->be->ops->put_f32(t->be, t->va, t->label, share.count * 2);
    t->be->ops->put_f32(t->be, t->valid, t->ok, share.count);
    return b->cut;
}

void va_tuner_labels(struct va_tuner *t, int64_t i, const struct va_rated_item *item)
{
    t->label[2 * i] = item->va[0];
    t->label[2 * i + 1] = item->va[1];
    t->ok[i] = item->valid;
    t->expression[i] = item->expression;
}

/* ---- the step --------------------------------------------------------------------------------- */

struct losses {
    struct va_ccc_moments moments;
    struct va_cross_entropy entropy;
    struct va_ccc_loss va;
    struct va_ccc_coefficients gradient;
    double mse, cross_entropy, all;
    double entropy_scale; /* of its gradient */
};

/* What the rank's share contributes. */
static int forward(struct va_tuner *t, int64_t k, struct losses *l)
{
    const struct va_finetune_config *c = &t->config;
    struct va_share share = va_share_of(t->sampler.batch);
    const float *patches = load(t, k);

    if (!patches)
        return -1;
    if (c->drop_path > 0)
        va_rater_drop_paths(&t->shape.encoder, c->drop_path, (uint64_t)c->seed, (uint64_t)k,
                            share.first, share.count, t->keep);
    va_rater_forward(t->rater, share.count, patches, c->drop_path > 0 ? t->keep : NULL);
    t->be->ops->ccc_moments(t->be, share.count, va_rater_pred(t->rater), t->va, t->valid,
                            &l->moments);
    if (t->shape.classes)
        va_rater_cross_entropy(t->rater, t->expression, t->class_weight, t->prob, &l->entropy);
    return va_backend_peek(t->be); /* as the losses are here */
}

/* From the shares to the batch. */
static void join(struct va_tuner *t, struct losses *l)
{
    static const double ccc_share[] = { 1, 0 };
    static struct va_cross_entropy all[VA_COMM_MAX];
    const struct va_finetune_config *c = &t->config;

    va_share_moments(&l->moments);
    va_ccc_loss(&l->moments, VA_CCC_POPULATION, 0, &l->va, &l->gradient);
    l->mse = va_ccc_mix_error(&l->moments,
                              c->loss == VA_FINETUNE_MIX ? c->mix : ccc_share[c->loss], &l->va,
                              &l->gradient);
    l->all = l->va.loss;
    if (!t->shape.classes)
        return;
    va_comm_gather(&l->entropy, sizeof(l->entropy), all);
    l->entropy = (struct va_cross_entropy){ 0 };
    for (int r = 0; r < va_comm_size(); r++) {
        l->entropy.loss += all[r].loss;
        l->entropy.weight += all[r].weight;
    }
    if (l->entropy.weight > 0) {
        l->cross_entropy = l->entropy.loss / l->entropy.weight;
        l->entropy_scale = c->expr_weight / l->entropy.weight;
        l->all += c->expr_weight * l->cross_entropy;
    }
}

static int backward(struct va_tuner *t, const struct losses *l)
{
    int64_t n = va_share_of(t->sampler.batch).count;

    va_params_zero_grad(t->run.state.params);
    t->be->ops->ccc_grad(t->be, n, va_rater_pred(t->rater), t->va, t->valid, &l->gradient,
                         t->dpred);
    if (t->shape.classes)
        va_rater_cross_entropy_grad(t->rater, t->expression, t->class_weight, l->entropy_scale,
                                    t->prob, t->dlogits);
    va_rater_backward(t->rater, t->dpred, t->shape.classes ? t->dlogits : NULL);
    return va_backend_peek(t->be);
}

/* What the step changes; the same on all ranks, but for the file of the log. */
static int update(struct va_tuner *t, int64_t k, const struct losses *l)
{
    const struct va_finetune_config *c = &t->config;
    struct va_run_state *s = &t->run.state;
    const char *bad = NULL;
    double norm = 0, rate = va_schedule_mae(k, s->per_epoch, c->lr, fmin(c->min_lr, c->lr),
                                            c->epochs, c->warmup_epochs);

    if (va_optimiser_step(t->optimiser, rate, &norm, &bad) < 0)
        return bad ? va_run_diverged(&t->run, bad, NULL) : -1;
    s->batches++;
    return va_log_add(&s->train,
                      (double[VA_FINETUNE_TRAIN_COLUMNS]){
                          (double)s->batches, (double)(k / s->per_epoch + 1), rate, l->all,
                          l->va.ccc[0], l->va.ccc[1], l->mse, l->cross_entropy, norm });
}

static void skip(struct va_run_state *s)
{
    va_run_change_begin();
    s->skipped++;
    s->batches++;
    va_run_change_end();
}

int va_tuner_step(void *arg)
{
    struct va_tuner *t = arg;
    struct va_run_state *s = &t->run.state;
    struct losses l = { .mse = 0 };
    int64_t k = s->batches;
    int status;

    if (va_comm_agree(forward(t, k, &l)) < 0)
        return -1;
    join(t, &l);
    if (l.va.labelled == 0 && l.entropy.weight == 0) {
        skip(s);
        return 0;
    }
    if (!isfinite(l.all)) {
        return va_comm_agree(va_run_diverged(&t->run, NULL, NULL));
    }
    if (va_comm_agree(backward(t, &l)) < 0)
        return -1;
    va_share_gradients(s->params, t->run.room);
    va_run_change_begin();
    status = update(t, k, &l);
    va_run_change_end();
    return va_comm_agree(status);
}
