/*
 * A step, on one rank or on several. A failure that only one rank meets is agreed upon before the
 * ranks next exchange something, so that none waits for one that has given up.
 */
#include "base/va_error.h"
#include "comm/va_comm.h"
#include "jobs/va_finetune_priv.h"
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
    t->be->ops->put_bytes(t->be, t->class, t->expression,
                          share.count * (int64_t)sizeof(*t->expression));
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

static double rate_of(const struct va_tuner *t, int64_t k)
{
    const struct va_finetune_config *c = &t->config;

    return va_schedule_mae(k, t->run.state.per_epoch, c->lr, fmin(c->min_lr, c->lr), c->epochs,
                           c->warmup_epochs);
}

/* The share of the CCC in the loss of valence and arousal; the rest is the squared error's. */
static double ccc_share(const struct va_finetune_config *c)
{
    return c->loss == VA_FINETUNE_MIX ? c->mix : c->loss == VA_FINETUNE_CCC;
}

/* The rank's share on its way to the device, with what is dropped of it. */
static int put_share(struct va_tuner *t, int64_t k)
{
    const struct va_finetune_config *c = &t->config;
    struct va_share share = va_share_of(t->sampler.batch);
    const float *patches = load(t, k);

    if (!patches)
        return -1;
    if (c->drop_path > 0)
        va_rater_drop_paths(&t->shape.encoder, c->drop_path, (uint64_t)c->seed, (uint64_t)k,
                            share.first, share.count, t->keep);
    va_rater_put(t->rater, share.count, patches, c->drop_path > 0 ? t->keep : NULL);
    return va_backend_peek(t->be);
}

/* The loss of valence and arousal. */
static void ccc_loss(struct va_tuner *t, int64_t n, void *step)
{
    struct va_ccc_moments moments;
    struct va_ccc loss = { .n = n,
                           .kind = VA_CCC_POPULATION,
                           .share = ccc_share(&t->config),
                           .pred = va_rater_pred(t->rater),
                           .label = t->va,
                           .valid = t->valid,
                           .dpred = t->dpred,
                           .step = step };

    va_share_ccc(t->be, &loss, &moments);
    t->be->ops->ccc_loss(t->be, &loss);
}

/* The part of this rank's share in the loss of expressions. */
static void class_loss(struct va_tuner *t, int64_t n, void *step)
{
    double total = 0;

    for (int64_t i = 0; va_comm_size() > 1 && i < n; i++)
        total += t->expression[i] < 0 ? 0 : t->class_weight[t->expression[i]];
    t->be->ops->cross_entropy(t->be,
                              &(struct va_cross_entropy){ .n = n,
                                                          .C = t->shape.classes,
                                                          .scale = t->config.expr_weight,
                                                          .total = va_share_sum(total),
                                                          .logits = va_rater_logits(t->rater),
                                                          .label = t->class,
                                                          .weight = t->weight_of_class,
                                                          .dlogits = t->dlogits,
                                                          .step = step });
}

/* A step under way. */
struct step {
    struct va_tuner *t;
    void *record; /* on the device */
};

/* Ratings, losses and gradients. */
static void both_ways(const struct step *s)
{
    struct va_tuner *t = s->t;
    int64_t n = va_share_of(t->sampler.batch).count;

    va_rater_forward(t->rater);
    ccc_loss(t, n, s->record);
    if (t->shape.classes)
        class_loss(t, n, s->record);
    va_params_zero_grad(t->run.state.params);
    va_rater_backward(t->rater, t->dpred, t->shape.classes ? t->dlogits : NULL);
}

/* The same and the update. */
static void whole_step(void *arg)
{
    const struct step *s = arg;

    both_ways(s);
    va_optimiser_update(s->t->optimiser);
}

/* What the step changes; the same on all ranks, but for the file of the log. */
static int finish(struct va_tuner *t, int64_t k)
{
    struct va_run_state *s = &t->run.state;
    double entropy, loss, share = ccc_share(&t->config);
    const char *bad;
    struct va_step_report r;

    if (va_share_settle(t->be) < 0 || va_share_report(t->optimiser, &r, &bad) < 0)
        return -1;
    entropy = r.class_weight > 0 ? r.cross_entropy / r.class_weight : 0;
    if (r.wrong || bad)
        return va_run_diverged(&t->run, r.wrong ? NULL : bad, NULL);
    s->batches++;
    if (r.learned == 0) {
        s->skipped++;
        return 0;
    }
    loss = share * (1 - r.ccc[0] + (1 - r.ccc[1])) + (1 - share) * r.error +
           t->config.expr_weight * entropy;
    return va_log_add(&s->train,
                      (double[VA_FINETUNE_TRAIN_COLUMNS]){
                          (double)s->batches, (double)(k / s->per_epoch + 1), rate_of(t, k),
                          loss, r.ccc[0], r.ccc[1], r.error, entropy, r.norm });
}

int va_tuner_step(void *arg)
{
    struct va_tuner *t = arg;
    struct va_run_state *s = &t->run.state;
    int64_t k = s->batches;
    struct step step = { t, va_optimiser_begin(t->optimiser, (uint64_t)t->config.seed,
                                               (uint64_t)k, rate_of(t, k)) };
    bool alone = va_comm_size() == 1;
    int status;

    if (va_comm_agree(put_share(t, k)) < 0)
        return -1;
    if (!alone) {
        both_ways(&step);
        if (va_share_well(t->be) < 0)
            return -1;
        va_share_gradients(s->params, t->run.room);
    }
    va_run_change_begin();
    if (alone)
        va_replay_make(&t->replay, t->be, t->sampler.batch, whole_step, &step);
    else
        va_optimiser_update(t->optimiser);
    status = finish(t, k);
    va_run_change_end();
    return va_comm_agree(status);
}
