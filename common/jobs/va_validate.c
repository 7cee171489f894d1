/*
 * Several ranks go through the windows together, a batch for each at a time, and give each other
 * their predictions: a few numbers per frame. Then each has all of them and does the same sums in
 * the same order, as one rank alone would.
 */
#include "jobs/va_validate.h"

#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "run/va_share.h"
#include <math.h>

struct va_validator {
    struct va_temporal *model;
    struct va_batch *batch;
    void *pred;  /* [size, rows, 2], borrowed */
    float *host; /* [ranks, size, rows, 2] on the host; first this rank's, then all */
    float *mine; /* [size, rows, 2] of this rank */
    enum va_validation protocol;
    struct va_batch_order order; /* batches of ranks * size windows */
    int64_t *first; /* [video_count] where the frames of a video lie in `sum`, -1: not chosen */
    int64_t frames; /* of all chosen videos */
    double *sum;    /* [frames, 2] of predictions */
    int32_t *count; /* [frames] */
};

/* Labelled pairs of prediction and label, for one CCC. */
struct moments {
    double n, p, y, pp, yy, py; /* count, means, centred sums */
};

/* One more pair: Welford's update, exact enough for millions of frames. */
static void add_pair(struct moments *m, double p, double y)
{
    double dp = p - m->p, dy = y - m->y;

    m->n += 1;
    m->p += dp / m->n;
    m->y += dy / m->n;
    m->pp += dp * (p - m->p);
    m->yy += dy * (y - m->y);
    m->py += dp * (y - m->y);
}

static double ccc_of(const struct moments *m)
{
    double gap = m->p - m->y, bottom = m->pp + m->yy + m->n * gap * gap;

    return bottom > 0 ? 2 * m->py / bottom : NAN;
}

struct va_validator *va_validator_new(struct va_temporal *model, struct va_batch *batch,
                                      void *pred, const bool *chosen,
                                      enum va_validation protocol)
{
    const struct va_window_index *index = batch->index;
    struct va_validator *v = va_new(1, sizeof(*v));

    if (!v)
        return NULL;
    v->model = model;
    v->batch = batch;
    v->pred = pred;
    v->protocol = protocol;
    v->first = va_new(index->video_count, sizeof(*v->first));
    if (!v->first || va_batch_order_init(&v->order, index, chosen, va_comm_size() * batch->size,
                                         false, 0) < 0)
        goto failed;
    for (int64_t i = 0; i < index->video_count; i++) {
        v->first[i] = chosen[i] ? v->frames : -1;
        v->frames += chosen[i] ? index->videos[i].frames : 0;
    }
    v->mine = va_new(batch->size * batch->rows, 2 * sizeof(float));
    v->host = va_new(va_comm_size() * batch->size * batch->rows, 2 * sizeof(float));
    v->sum = va_new(v->frames, 2 * sizeof(double));
    v->count = va_new(v->frames, sizeof(*v->count));
    if (v->mine && v->host && v->sum && v->count)
        return v;
failed:
    va_validator_free(v);
    return NULL;
}

void va_validator_free(struct va_validator *v)
{
    if (!v)
        return;
    va_batch_order_release(&v->order);
    va_free(v->first);
    va_free(v->host);
    va_free(v->mine);
    va_free(v->sum);
    va_free(v->count);
    va_free(v);
}

/* Take in the predictions of one window, from its first frame on. */
static void take_window(struct va_validator *v, const struct va_window *w, const float *pred,
                        struct moments m[2])
{
    const struct va_window_index *index = v->batch->index;
    const struct va_timeline_entry *e = index->timeline + index->videos[w->video].first +
                                        w->start;
    int64_t at = v->first[w->video] + w->start;

    for (int64_t t = 0; t < w->length; t++) {
        if (!e[t].valid)
            continue;
        v->count[at + t]++;
        for (int d = 0; d < 2; d++) {
            v->sum[2 * (at + t) + d] += (double)pred[2 * t + d];
            if (v->protocol == VA_VALIDATION_WINDOWS)
                add_pair(&m[d], (double)pred[2 * t + d], (double)e[t].label[d]);
        }
    }
}

/* Each frame once, from the sums. */
static void take_frames(struct va_validator *v, struct moments m[2])
{
    const struct va_window_index *index = v->batch->index;

    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_timeline_entry *e = index->timeline + index->videos[i].first;

        for (int64_t t = 0; v->first[i] >= 0 && t < index->videos[i].frames; t++)
            for (int d = 0; d < 2 && v->count[v->first[i] + t]; d++)
                add_pair(&m[d], v->sum[2 * (v->first[i] + t) + d] / v->count[v->first[i] + t],
                         (double)e[t].label[d]);
    }
}

/* Predictions of this rank's share, which begins at windows[0]. */
static int forward(struct va_validator *v, const int64_t *windows, int64_t count)
{
    struct va_batch *b = v->batch;
    struct va_backend *be = b->be;

    if (count == 0)
        return 0;
    if (va_batch_load(b, windows, count, NULL) < 0)
        return -1;
    va_temporal_forward(v->model, count, b->rows, b->x, v->pred, 0, NULL, 0);
    be->ops->get_f32(be, v->mine, v->pred, count * b->rows * 2);
    return va_backend_check(be);
}

/* Run `count` windows on all ranks and take in the predictions of each, in the order of windows. */
static int run_batch(struct va_validator *v, const int64_t *windows, int64_t count,
                     struct moments m[2])
{
    const struct va_batch *b = v->batch;
    struct va_share mine = va_share_of(count);
    int64_t window = b->rows * 2, done = 0; /* numbers in a window */

    if (va_comm_agree(forward(v, windows + mine.first, mine.count)) < 0)
        return -1;
    va_comm_gather(v->mine, sizeof(float) * (size_t)(b->size * window), v->host);
    for (int r = 0; r < va_comm_size(); r++)
        for (int64_t i = 0, n = va_share_of_rank(count, r).count; i < n; i++, done++)
            take_window(v, &b->index->windows[windows[done]],
                        v->host + (r * b->size + i) * window + b->ahead * 2, m);
    return 0;
}

int va_validator_run(struct va_validator *v, const volatile sig_atomic_t *stop, double *ccc)
{
    struct moments m[2] = { { 0 } };

    for (int64_t i = 0; i < v->frames; i++) {
        v->sum[2 * i] = v->sum[2 * i + 1] = 0;
        v->count[i] = 0;
    }
    for (int64_t k = 0; k < v->order.per_epoch; k++) {
        const int64_t *windows;
        int64_t count = va_batch_order_at(&v->order, k, &windows);

        if (va_comm_first(stop ? *stop : 0))
            return 1;
        if (run_batch(v, windows, count, m) < 0)
            return -1;
    }
    if (v->protocol == VA_VALIDATION_ONCE)
        take_frames(v, m);
    ccc[0] = ccc_of(&m[0]);
    ccc[1] = ccc_of(&m[1]);
    return 0;
}
