#include "jobs/va_predict_frames.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_progress.h"
#include "data/va_origin.h"
#include "data/va_window_gather.h"
#include "feed/va_feed.h"
#include "model/va_embedder.h"
#include "weights/va_model_file.h"
#include <string.h>

enum { BATCH = 32 };

static int64_t order(const void *arg, int64_t k, struct va_feed_item *items)
{
    int64_t total = va_pictures_count(arg), n = 0;

    for (int64_t i = k * BATCH; i < total && n < BATCH; i++)
        items[n++] = (struct va_feed_item){ .picture = i };
    return n;
}

static struct va_embedder *open_encoder(struct va_backend *be, const char *path,
                                        const struct va_window_index *index, char **id)
{
    struct va_tensors *set = va_model_open(path, id);
    struct va_embedder *e = set ? va_embedder_new(be, set, path, BATCH) : NULL;
    struct va_origin origin;

    if (e) {
        va_origin_load(&origin, set, path, NULL);
        va_origin_compare_input(&origin, index, NULL);
    }
    if (e && !va_embedder_rates(e)) {
        va_error("%s: " VA_EMBEDDER_HEADLESS ", expected a model that predicts: one of "
                 "va-finetune, or a temporal model on its features",
                 path);
        va_embedder_free(e);
        e = NULL;
    }
    va_tensors_free(set);
    return e;
}

static struct va_pictures *open_pictures(const struct va_window_index *index)
{
    char **paths = va_new(index->video_count, sizeof(*paths));
    struct va_pictures *p = NULL;

    for (int64_t v = 0; paths && v < index->video_count; v++)
        paths[v] = index->videos[v].features;
    if (paths)
        p = va_pictures_open(paths, index->video_count,
                             &(struct va_pictures_options){ .every = 1 });
    va_free(paths);
    return p;
}

/* va [pictures, 2] of whole pictures in their order. */
static int rate(struct va_embedder *e, struct va_pictures *p, int64_t done, float *va)
{
    const struct va_feed_order o = { .augment = { .scale = { 1, 1 } },
                                     .order = order,
                                     .arg = p };
    struct va_feed *feed = va_feed_pictures(va_embedder_intake(e), BATCH, p, &o);
    const struct va_feed_batch *b;
    int got = feed ? 1 : -1;

    while (got > 0 && (got = va_feed_next(feed, &b)) > 0) {
        if (va_embedder_rate(e, b->count, b->cut, va + 2 * b->k * BATCH) < 0)
            got = -1;
        done += b->count;
        va_progress_update(done);
    }
    va_feed_free(feed);
    return got;
}

/* To the timeline of a video, whose pictures have va [.., 2]. */
static void spread(const struct va_window_index *index, int64_t video, const float *va,
                   double *sum)
{
    const struct va_index_video *v = &index->videos[video];

    for (int64_t i = 0; i < v->frames; i++) {
        const struct va_timeline_entry t = va_window_index_entry(index, video, i);
        double mix = t.next < 0 ? 0 : (double)t.mix;

        for (int d = 0; d < 2 && t.row >= 0; d++)
            sum[2 * (v->first + i) + d] += (1 - mix) * (double)va[2 * t.row + d] +
                                           (t.next < 0 ? 0 : mix * (double)va[2 * t.next + d]);
    }
}

static int predict_pictures(struct va_embedder *e, const struct va_window_index *index,
                            double *sum, int64_t done)
{
    struct va_pictures *p = open_pictures(index);
    float *va = p ? va_new(va_pictures_count(p), 2 * sizeof(*va)) : NULL;
    int status = va ? rate(e, p, done, va) : -1;

    for (int64_t v = 0; status == 0 && v < index->video_count; v++)
        spread(index, v, va + 2 * va_pictures_video(p, v)->first, sum);
    va_free(va);
    va_pictures_free(p);
    return status;
}

/* ---- features that the encoder made earlier --------------------------------------------------- */

/* Entries of the timeline without features stay as they are. */
static int predict_rows(struct va_embedder *e, const struct va_window_index *index,
                        int64_t video, double *sum)
{
    const struct va_index_video *v = &index->videos[video];
    float *x = va_new(BATCH * index->dim, sizeof(*x)), va[2 * BATCH];
    int status = x ? 0 : -1;

    for (int64_t t = 0; status == 0 && t < v->frames; t += BATCH) {
        int64_t n = v->frames - t < BATCH ? v->frames - t : BATCH;

        if (va_window_gather(index, video, t, n, x, NULL, NULL) < 0 ||
            va_embedder_rate_rows(e, n, x, va) < 0)
            status = -1;
        for (int64_t i = 0; status == 0 && i < 2 * n; i++)
            if (va_window_index_entry(index, video, t + i / 2).row >= 0)
                sum[2 * (v->first + t) + i] += (double)va[i];
    }
    va_window_index_forget(index, video);
    va_free(x);
    return status;
}

static int predict_features(struct va_embedder *e, const char *path, const char *id,
                            const struct va_window_index *index, double *sum, int64_t done)
{
    for (int64_t i = 0; i < index->video_count; i++) {
        const struct va_index_video *v = &index->videos[i];

        if (!v->encoder || strcmp(v->encoder, id) != 0 || index->dim != va_embedder_width(e))
            return va_error(
                "%s: found features of encoder %s, expected those of %s, which is %s",
                v->features, v->encoder ? v->encoder : "unknown", path, id);
        if (predict_rows(e, index, i, sum) < 0)
            return -1;
        done += v->frames;
        va_progress_update(done);
    }
    return 0;
}

int va_predict_frames(struct va_backend *be, const char *path,
                      const struct va_window_index *index, double *sum, int64_t done, char **id)
{
    struct va_embedder *e = open_encoder(be, path, index, id);
    int status = !e              ? -1
                 : index->frames ? predict_pictures(e, index, sum, done)
                                 : predict_features(e, path, *id, index, sum, done);

    va_embedder_free(e);
    return status;
}
