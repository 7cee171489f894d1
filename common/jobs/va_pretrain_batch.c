/*
 * Pictures become what the model wants of them: visible patches, places, what has to be found.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_thread.h"
#include "jobs/va_pretrain_priv.h"
#include <stdatomic.h>
#include <string.h>

/* ---- which ------------------------------------------------------------------------------------ */

struct va_feed_item va_pretrain_item(const struct va_pretrainer *t, int64_t k, int64_t i)
{
    const struct va_pretrain_config *c = &t->config;
    int64_t per_epoch = t->run.state.per_epoch * c->accumulate; /* batches */
    uint64_t epoch = (uint64_t)(k / per_epoch), at = (uint64_t)(k % per_epoch * c->batch + i);
    uint64_t count = (uint64_t)va_pictures_count(t->pictures);

    return (struct va_feed_item){
        .picture = (int64_t)va_rand_permute((uint64_t)c->seed, VA_RAND_SHUFFLE, epoch, at,
                                            count),
        .epoch = epoch,
    };
}

/* No further than the run goes: a broken picture behind its end is none of its business. */
static int64_t order(const void *arg, int64_t k, struct va_feed_item *items)
{
    const struct va_pretrainer *t = arg;
    const struct va_pretrain_config *c = &t->config;
    struct va_share share = va_share_of(c->batch);
    int64_t updates = c->epochs * t->run.state.per_epoch;

    if (c->steps && c->steps < updates)
        updates = c->steps;
    if (k >= updates * c->accumulate)
        return 0;
    for (int64_t i = 0; i < share.count; i++)
        items[i] = va_pretrain_item(t, k, share.first + i);
    return share.count;
}

static int open_feed(struct va_pretrainer *t, int64_t k)
{
    if (!t->feed)
        t->feed = va_feed_pictures(va_vit_intake(va_mae_encoder(t->mae)),
                                   va_share_most(t->config.batch), t->pictures,
                                   &(struct va_feed_order){ .threads = (int)t->job->readers,
                                                            .augment = t->config.augment,
                                                            .seed = (uint64_t)t->config.seed,
                                                            .first = k,
                                                            .order = order,
                                                            .arg = t });
    return t->feed ? 0 : -1;
}

/* ---- masks ------------------------------------------------------------------------------------ */

int va_masked_init(struct va_masked *m, const struct va_mae_config *c, int64_t n, double ratio)
{
    int64_t P = va_vit_patches(&c->encoder), S = va_vit_patch_size(&c->encoder);
    int64_t V = va_mae_visible(P, ratio);

    *m = (struct va_masked){
        .patches = va_new(n, (size_t)(V * S) * sizeof(float)),
        .target = va_new(n, (size_t)(P * S) * sizeof(float)),
        .noise = va_new(n, (size_t)P * sizeof(float)),
        .visible = va_new(n, (size_t)V * sizeof(int32_t)),
        .rank = va_new(n, (size_t)P * sizeof(int32_t)),
    };
    return m->patches && m->target && m->noise && m->visible && m->rank ? 0 : -1;
}

void va_masked_release(struct va_masked *m)
{
    va_free(m->patches);
    va_free(m->target);
    va_free(m->noise);
    va_free(m->visible);
    va_free(m->rank);
    *m = (struct va_masked){ 0 };
}

struct mask {
    struct va_pretrainer *t;
    const float *all;       /* [n, P, S] patches of whole pictures */
    uint64_t update, first; /* place of the first picture in the update */
    atomic_bool failed;
};

static void mask_one(void *arg, int64_t i, int thread)
{
    struct mask *job = arg;
    const struct va_pretrainer *t = job->t;
    const struct va_masked *m = &t->room;
    int64_t P = va_vit_patches(&t->config.model.encoder),
            S = va_vit_patch_size(&t->config.model.encoder);
    int64_t V = va_mae_visible(P, t->config.mask_ratio);
    float *noise = m->noise + i * P;
    int32_t *visible = m->visible + i * V;

    (void)thread;
    for (int64_t p = 0; p < P; p++)
        noise[p] = (float)va_rand_uniform((uint64_t)t->config.seed, VA_RAND_MASK, job->update,
                                          (job->first + (uint64_t)i) * (uint64_t)P +
                                              (uint64_t)p);
    if (va_mae_mask(P, V, noise, visible, m->rank + i * P) < 0) {
        atomic_store(&job->failed, true);
        return;
    }
    for (int64_t v = 0; v < V; v++)
        memcpy(m->patches + (i * V + v) * S, job->all + (i * P + visible[v]) * S,
               (size_t)S * sizeof(float));
    va_mae_target(&t->config.model.encoder, job->all + i * P * S, t->config.norm_pix,
                  m->target + i * P * S);
}

int va_pretrain_fill(struct va_pretrainer *t, int64_t k, const struct va_share *share,
                     struct va_mae_batch *batch)
{
    int64_t accumulate = t->config.accumulate;
    struct mask job = { .t = t,
                        .update = (uint64_t)(k / accumulate),
                        .first = (uint64_t)(k % accumulate * t->config.batch + share->first) };
    const struct va_masked *m = &t->room;
    const struct va_feed_batch *b;
    int got;

    if (open_feed(t, k) < 0 || (got = va_feed_next(t->feed, &b)) < 0)
        return -1;
    if (got == 0 || b->k != k || b->count != share->count)
        return va_error_machine("step %lld: found the pictures of another batch",
                                (long long)job.update + 1);
    job.all = b->cut;
    va_parallel(share->count, mask_one, &job);
    *batch = (struct va_mae_batch){ share->count, m->visible, m->rank, m->patches, m->target };
    return atomic_load(&job.failed) ? -1 : 0;
}
