/*
 * Each rank rates a share of the validation pictures, one behind the other, and all give each other
 * what they found. Then each has all of it and does the same sums in the same order.
 */
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "data/va_metrics.h"
#include "jobs/va_finetune_priv.h"
#include "run/va_share.h"
#include <math.h>
#include <string.h>

/* One evaluation. */
struct rating {
    struct va_tuner *t;
    struct va_share share; /* items of this rank */
    int64_t most, rounds;  /* items of the largest share; its batches */
    int64_t numbers;       /* of a picture: valence, arousal, class */
    float *mine, *all;     /* [most, numbers], [ranks, most, numbers] */
    struct va_feed *feed;
};

static int64_t order(const void *arg, int64_t k, struct va_feed_item *items)
{
    const struct rating *r = arg;
    int64_t count = 0;

    for (int64_t i = k * r->t->room; i < r->share.count && count < r->t->room; i++)
        items[count++] =
            (struct va_feed_item){ .picture = r->t->val.items[r->share.first + i].picture };
    return count;
}

/* Whole pictures, as they are. */
static int begin(struct rating *r)
{
    struct va_tuner *t = r->t;
    const struct va_feed_order o = { .threads = (int)t->job->readers,
                                     .augment = { .scale = { 1, 1 } },
                                     .order = order,
                                     .arg = r };

    r->share = va_share_of(t->val.count);
    r->most = va_share_most(t->val.count);
    r->rounds = (r->most + t->room - 1) / t->room;
    r->numbers = t->shape.classes ? 3 : 2;
    r->mine = va_new(r->most * r->numbers, sizeof(*r->mine));
    r->all = va_new(va_comm_size() * r->most * r->numbers, sizeof(*r->all));
    if (r->mine && r->all)
        r->feed = va_feed_pictures(va_vit_intake(va_rater_encoder(t->rater)), t->room,
                                   t->pictures, &o);
    return r->feed ? 0 : -1;
}

static void end(struct rating *r)
{
    va_feed_free(r->feed);
    va_free(r->mine);
    va_free(r->all);
}

static float likeliest(const double *logits, int64_t classes)
{
    int64_t best = 0;

    for (int64_t c = 1; c < classes; c++)
        if (logits[c] > logits[best])
            best = c;
    return (float)best;
}

/* The next batch of this rank, if it has one. */
static int rate(struct rating *r)
{
    struct va_tuner *t = r->t;
    const struct va_ops *ops = t->be->ops;
    int64_t C = t->shape.classes;
    const struct va_feed_batch *b;
    int got = va_feed_next(r->feed, &b);

    if (got <= 0)
        return got;
    va_rater_put(t->rater, b->count, b->cut, NULL);
    va_rater_forward(t->rater);
    ops->get_f32(t->be, t->label, va_rater_pred(t->rater), b->count * 2);
    if (C)
        ops->get_f64(t->be, t->prob, va_rater_logits(t->rater), b->count * C);
    for (int64_t i = 0; i < b->count; i++) {
        float *to = r->mine + (b->k * t->room + i) * r->numbers;

        to[0] = t->label[2 * i];
        to[1] = t->label[2 * i + 1];
        if (C)
            to[2] = likeliest(t->prob + i * C, C);
    }
    return va_backend_check(t->be);
}

/* Of item i, by whichever rank rated it. */
static const float *found_at(const struct rating *r, int64_t i)
{
    int rank = 0;
    struct va_share s = va_share_of_rank(r->t->val.count, rank);

    while (i >= s.first + s.count)
        s = va_share_of_rank(r->t->val.count, ++rank);
    return r->all + (rank * r->most + i - s.first) * r->numbers;
}

static int score_va(const struct rating *r, double *row)
{
    const struct va_rated *val = &r->t->val;
    double *pred = va_new(val->count, 2 * sizeof(*pred));
    double *label = va_new(val->count, 2 * sizeof(*label));
    struct va_score score;
    int64_t n = 0;

    for (int64_t i = 0; pred && label && i < val->count; i++) {
        const float *found = found_at(r, i);

        if (!val->items[i].valid)
            continue;
        for (int d = 0; d < 2; d++) {
            pred[2 * n + d] = (double)found[d];
            label[2 * n + d] = (double)val->items[i].va[d];
        }
        n++;
    }
    if (pred && label) {
        va_score_pairs(&score, n, pred, label);
        for (int d = 0; d < VA_DIMENSIONS; d++)
            row[2 + d] = score.value[d][VA_CCC];
    }
    va_free(pred);
    va_free(label);
    return pred && label ? 0 : -1;
}

/* The mean over the classes that occur of 2 hits / (said + true); NaN where none occurs. */
static double f1(const struct rating *r)
{
    static int64_t hits[VA_CLASSES_MAX], said[VA_CLASSES_MAX], real[VA_CLASSES_MAX];
    const struct va_rated *val = &r->t->val;
    double sum = 0;
    int64_t occur = 0;

    memset(hits, 0, sizeof(hits));
    memset(said, 0, sizeof(said));
    memset(real, 0, sizeof(real));
    for (int64_t i = 0; r->numbers == 3 && i < val->count; i++) {
        int own = val->items[i].expression, found = (int)found_at(r, i)[2];

        if (own < 0)
            continue;
        hits[own] += own == found;
        said[found]++;
        real[own]++;
    }
    for (int64_t c = 0; c < r->t->shape.classes; c++) {
        occur += real[c] > 0;
        sum += real[c] ? 2 * (double)hits[c] / (double)(said[c] + real[c]) : 0;
    }
    return occur ? sum / (double)occur : NAN;
}

int va_tuner_evaluate(void *arg, const volatile sig_atomic_t *stop, double *score, double *row)
{
    struct rating r = { .t = arg };
    int status = va_comm_agree(begin(&r));

    for (int64_t k = 0; status == 0 && k < r.rounds; k++) {
        if (va_comm_first(stop ? *stop : 0))
            status = 1;
        else
            status = va_comm_agree(rate(&r));
    }
    if (status == 0) {
        va_comm_gather(r.mine, sizeof(float) * (size_t)(r.most * r.numbers), r.all);
        status = va_comm_agree(score_va(&r, row));
    }
    if (status == 0) {
        *score = row[4];
        row[5] = f1(&r);
    }
    end(&r);
    return status;
}
