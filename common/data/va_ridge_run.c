#include "data/va_ridge_run.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_mem.h"
#include "data/va_context.h"
#include "data/va_folds.h"
#include "data/va_origin.h"
#include "data/va_predictions.h"
#include "data/va_ridge.h"
#include "data/va_window_gather.h"
#include <string.h>

enum { PARTS = 5, BLOCK = 256 };

struct work {
    const struct va_ridge_job *job;
    struct va_window_index *index;
    char *id; /* of the index */
    struct va_ridge ridge;
    double lambda[2];
    /* of BLOCK frames: */
    struct va_context context;
    float *x, *label, *valid; /* x [BLOCK, D, L] */
};

/* ---- fit ---------------------------------------------------------------------------------- */

static int add_video(struct work *w, struct va_moments *m, int64_t video)
{
    int64_t T = w->index->videos[video].frames;

    for (int64_t i = 0; i < T; i += BLOCK) {
        int64_t n = T - i < BLOCK ? T - i : BLOCK;

        if (va_context_gather(&w->context, video, i, n, w->x, w->label, w->valid) < 0 ||
            va_moments_add(m, n, w->x, w->label, w->valid) < 0)
            return -1;
    }
    va_window_index_forget(w->index, video);
    return 0;
}

/* Put the training videos into at most PARTS parts, people kept together. */
static int deal(const struct work *w, const int64_t *videos, int64_t count,
                struct va_fold_plan *plan, int64_t *parts)
{
    *parts = 0;
    for (int64_t i = 0; i < count; i++)
        if (va_folds_add_video(plan, w->index->videos[videos[i]].name,
                               w->index->videos[videos[i]].frames, false) < 0)
            return -1;
    if ((w->job->groups && va_folds_group(plan, w->job->groups) < 0) ||
        (w->job->pattern && va_folds_group_by(plan, w->job->pattern) < 0))
        return -1;
    return va_folds_parts(plan, PARTS, parts);
}

/* Dimension d by a few features, chosen among all; the others get weights of zero. */
static int fit_selected(struct work *w, struct va_moments *part, int64_t parts, int d)
{
    struct va_moments picked[PARTS] = { 0 }, all = { 0 };
    int64_t features[VA_RIDGE_FEATURES_MAX], n = 0, run = w->context.L;
    double both[2] = { w->lambda[d], w->lambda[d] };
    struct va_ridge few = { 0 };
    int status = va_ridge_select(part, parts, run, d, w->job->features, features, &n);

    for (int64_t i = 0; status == 0 && i < parts; i++)
        status = va_moments_pick(&picked[i], &part[i], run, features, n);
    if (status == 0 && w->job->lambda < 0)
        status = va_ridge_choose(picked, parts, both);
    if (status == 0)
        status = va_moments_init(&all, n * run);
    for (int64_t i = 0; status == 0 && i < parts; i++)
        va_moments_sum(&all, &picked[i], 1);
    if (status == 0)
        status = va_ridge_fit(&few, &all, both);
    for (int64_t i = 0; status == 0 && i < n; i++) {
        memcpy(w->ridge.w + d * w->ridge.D + features[i] * run, few.w + d * few.D + i * run,
               (size_t)run * sizeof(*few.w));
        va_debug("%s: feature %lld", d ? "arousal" : "valence", (long long)features[i]);
    }
    if (status == 0)
        w->ridge.b[d] = few.b[d];
    w->lambda[d] = both[d];
    va_ridge_release(&few);
    va_moments_release(&all);
    for (int64_t i = 0; i < parts; i++)
        va_moments_release(&picked[i]);
    return status;
}

/* All features, which a penalty holds in check. */
static int fit_all(struct work *w, struct va_moments *part, int64_t parts,
                   const struct va_moments *all)
{
    if (w->job->lambda < 0) {
        w->lambda[0] = w->lambda[1] = .1;
        if (parts < 2)
            va_info("%s: found one group of videos, so no inner cross-validation: lambda is .1",
                    w->job->train);
        else if (va_ridge_choose(part, parts, w->lambda) < 0)
            return -1;
    }
    return va_ridge_fit(&w->ridge, all, w->lambda);
}

static int fit_few(struct work *w, struct va_moments *part, int64_t parts,
                   const struct va_moments *all)
{
    int status;

    if (parts < 2)
        return va_error("%s: found one group of videos, but --select forward needs two",
                        w->job->train);
    status = va_ridge_constant(&w->ridge, all);
    for (int d = 0; d < 2 && status == 0; d++)
        status = fit_selected(w, part, parts, d);
    return status;
}

static int fit_parts(struct work *w, struct va_moments *part, int64_t parts)
{
    struct va_moments all;
    int status = va_moments_init(&all, part[0].D);

    for (int64_t i = 0; status == 0 && i < parts; i++)
        va_moments_sum(&all, &part[i], 1);
    w->lambda[0] = w->lambda[1] = w->job->lambda;
    if (status == 0)
        status = w->job->mean       ? va_ridge_constant(&w->ridge, &all)
                 : w->job->features ? fit_few(w, part, parts, &all)
                                    : fit_all(w, part, parts, &all);
    va_moments_release(&all);
    return status;
}

static int fit(struct work *w)
{
    struct va_moments part[PARTS] = { 0 };
    struct va_fold_plan plan = { 0 };
    int64_t *videos = NULL, count, parts = 0, frames = 0;
    int status = va_window_index_select(w->index, w->job->train, &videos, &count);

    if (status == 0)
        status = deal(w, videos, count, &plan, &parts);
    for (int64_t i = 0; status == 0 && i < parts; i++)
        status = va_moments_init(&part[i], w->index->dim * w->context.L);
    for (int64_t i = 0; status == 0 && i < plan.count; i++)
        status = add_video(w, &part[plan.videos[i].fold - 1],
                           va_window_index_find(w->index, plan.videos[i].name));
    for (int64_t i = 0; i < parts; i++)
        frames += part[i].frames;
    if (status == 0 && frames == 0)
        status = va_error("%s: found no labelled frame in these videos", w->job->train);
    if (status == 0)
        status = fit_parts(w, part, parts);
    for (int64_t i = 0; i < PARTS; i++)
        va_moments_release(&part[i]);
    va_folds_release(&plan);
    va_free(videos);
    return status;
}

/* ---- predict ------------------------------------------------------------------------------ */

static int predict_video(struct work *w, struct va_predictions_out *out, int64_t video)
{
    const struct va_index_video *v = &w->index->videos[video];
    double *pts = va_new(v->frames, sizeof(*pts));
    float *va = va_new(v->frames, 2 * sizeof(*va));
    int known = pts && va ? va_window_index_pts(w->index, video, 0, v->frames, pts) : -1,
        status = known < 0 ? -1 : 0;

    for (int64_t i = 0; status == 0 && i < v->frames; i += BLOCK) {
        int64_t n = v->frames - i < BLOCK ? v->frames - i : BLOCK;

        status = va_context_gather(&w->context, video, i, n, w->x, NULL, NULL);
        for (int64_t k = 0; status == 0 && k < n; k++)
            va_ridge_predict(&w->ridge, w->x + k * w->ridge.D, va + 2 * (i + k));
    }
    if (status == 0)
        status = va_predictions_put(
            out, &(struct va_frame_values){
                     .name = v->name, .T = v->frames, .va = va, .pts = known ? pts : NULL });
    va_window_index_forget(w->index, video);
    va_free(pts);
    va_free(va);
    return status;
}

/* What predictions call the model: with a fingerprint of the map, so that two fits are not taken for
 * one. A new string. */
static char *model_name(const struct work *w)
{
    const struct va_ridge *ridge = &w->ridge;
    char text[VA_HASH_TEXT];
    struct va_hash h;

    va_hash_init(&h);
    va_hash_add(&h, ridge->w, 2 * (size_t)ridge->D * sizeof(*ridge->w));
    va_hash_add(&h, ridge->b, sizeof(ridge->b));
    va_hash_finish(&h, text);
    return w->job->mean
               ? va_format("mean %.16s", text)
               : va_format("ridge %.16s lambda=%g,%g", text, w->lambda[0], w->lambda[1]);
}

static int predict(struct work *w)
{
    const struct va_ridge_job *job = w->job;
    struct va_predictions_out *out = NULL;
    int64_t *videos = NULL, count;
    char *model = model_name(w);
    int status = model ? va_window_index_select(w->index, job->val, &videos, &count) : -1;

    if (status == 0)
        out = va_predictions_create(job->output, (const char *const[]){ model }, 1,
                                    VA_PREDICTIONS_LAYOUT_AUTO, count);
    if (!out || va_h5_add_input(va_predictions_file(out), job->windows, w->id) < 0)
        status = -1;
    for (int64_t i = 0; status == 0 && i < count; i++)
        status = predict_video(w, out, videos[i]);
    if (status == 0)
        status = va_window_index_unchanged(w->index);
    if (status == 0)
        status = va_predictions_commit(&out);
    va_predictions_abort(out);
    if (status == 0)
        va_debug("%s", model);
    va_free(model);
    va_free(videos);
    return status;
}

/* ---- all ---------------------------------------------------------------------------------- */

/* Features of both lists are those of one encoder. */
static int check_encoders(const struct work *w)
{
    const char *lists[] = { w->job->train, w->job->val };
    bool *chosen = va_new(w->index->video_count, sizeof(*chosen));
    struct va_origin origin = { 0 };
    int status = chosen ? 0 : -1;

    for (size_t i = 0; status == 0 && i < VA_COUNT(lists); i++) {
        int64_t *videos, count;

        status = va_window_index_select(w->index, lists[i], &videos, &count);
        for (int64_t k = 0; status == 0 && k < count; k++)
            chosen[videos[k]] = true;
        va_free(videos);
    }
    if (status == 0)
        status = va_origin_add(&origin, w->index, chosen, w->job->any_encoder);
    va_free(chosen);
    return status;
}

static int open_index(struct work *w)
{
    w->index = va_window_index_read(w->job->windows, &w->id);
    if (!w->index || va_window_index_open_features(w->index) < 0 || check_encoders(w) < 0 ||
        va_context_init(&w->context, w->index, w->job->context, w->job->step, BLOCK) < 0)
        return -1;
    w->x = va_new(BLOCK * w->index->dim * w->context.L, sizeof(float));
    w->label = va_new(2 * BLOCK, sizeof(float));
    w->valid = va_new(BLOCK, sizeof(float));
    return w->x && w->label && w->valid ? 0 : -1;
}

int va_ridge_run(const struct va_ridge_job *job)
{
    struct work w = { .job = job };
    int status = open_index(&w);

    if (status == 0)
        status = fit(&w);
    if (status == 0)
        status = predict(&w);
    va_context_release(&w.context);
    va_free(w.x);
    va_free(w.label);
    va_free(w.valid);
    va_ridge_release(&w.ridge);
    va_window_index_free(w.index);
    va_free(w.id);
    return status;
}
