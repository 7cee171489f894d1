/*
 * va_pretrain_priv.h - what the files of pretraining share.
 *
 *   va_pretrain.c         inputs, model, the model file
 *   va_pretrain_config.c  settings
 *   va_pretrain_batch.c   pictures of a batch, cut and masked
 *   va_pretrain_step.c    one update
 */
#ifndef VA_PRETRAIN_PRIV_H
#define VA_PRETRAIN_PRIV_H

#include "feed/va_feed.h"
#include "jobs/va_pretrain.h"
#include "jobs/va_sheet.h"
#include "ops/va_replay.h"
#include "run/va_share.h"

/* Room for a rank's share of a batch: n pictures at most, P patches, V visible, S numbers each. */
struct va_masked {
    float *patches, *target; /* [n, V, S], [n, P, S] */
    float *noise;            /* [n, P] */
    int32_t *visible, *rank; /* [n, V], [n, P] */
};
VA_MUST_USE int va_masked_init(struct va_masked *m, const struct va_mae_config *c, int64_t n,
                               double ratio);
void va_masked_release(struct va_masked *m); /* also when zeroed */

struct va_pretrainer {
    const struct va_pretrain_job *job;
    struct va_pretrain_config config; /* complete */
    struct va_run run;
    struct va_backend *be;

    struct va_pictures *pictures;
    struct va_tensors *init; /* until the run begins */
    char *init_id;
    char digest[VA_HASH_TEXT]; /* of the collection */
    struct va_tensors *identity;

    struct va_mae *mae;
    struct va_optimiser *optimiser;
    struct va_feed *feed; /* NULL before the first step */
    struct va_masked room;
    struct va_replay replay; /* of both passes */
    struct va_sheet *sheet;  /* on rank 0, with --sheet-every */
    double began;            /* seconds: the first step of this process, */
    int64_t begun;           /* and the updates before it */

    /* This rank's part of batch k (k = update * accumulate + a), of `share`. */
    int (*fill)(struct va_pretrainer *t, int64_t k, const struct va_share *share,
                struct va_mae_batch *batch);
};

/* Which picture, in which epoch, is number i of batch k. */
struct va_feed_item va_pretrain_item(const struct va_pretrainer *t, int64_t k, int64_t i);

/* `fill` from the collection. -1 after reporting. */
VA_MUST_USE int va_pretrain_fill(struct va_pretrainer *t, int64_t k,
                                 const struct va_share *share, struct va_mae_batch *batch);

/* Of va_run_kind; arg is the pretrainer. */
VA_MUST_USE int va_pretrain_step(void *arg);

/* A contact sheet, if one belongs after the epoch that has just ended. On rank 0. */
VA_MUST_USE int va_pretrain_sheet(struct va_pretrainer *t);

#endif
