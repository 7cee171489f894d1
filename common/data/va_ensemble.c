#include "data/va_ensemble.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_label_fit.h"
#include "data/va_metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ----------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of all files, sorted, each once. They stay the files'. */
static int unite_names(struct va_ensemble *e)
{
    int64_t n = 0;

    for (int64_t k = 0; k < e->count; k++)
        n += e->files[k]->count;
    e->names = va_new(n, sizeof(*e->names));
    if (!e->names)
        return -1;
    n = 0;
    for (int64_t k = 0; k < e->count; k++)
        for (int64_t i = 0; i < e->files[k]->count; i++)
            e->names[n++] = e->files[k]->names[i];
    if (n)
        qsort(e->names, (size_t)n, sizeof(*e->names), by_text);
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || strcmp(e->names[i], e->names[e->name_count - 1]))
            e->names[e->name_count++] = e->names[i];
    return 0;
}

int va_ensemble_open(struct va_ensemble *e, char *const *paths, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        e->files[k] = va_predictions_open(paths[k]);
        if (!e->files[k])
            return -1;
        e->count++;
    }
    return unite_names(e);
}

static void forget_video(struct va_ensemble *e)
{
    for (int64_t i = 0; i < e->present; i++)
        va_free(e->va[i]);
    va_predicted_release(&e->known);
    e->present = e->frames = 0;
}

void va_ensemble_release(struct va_ensemble *e)
{
    forget_video(e);
    for (int64_t k = 0; k < e->count; k++)
        va_predictions_close(e->files[k]);
    va_free(e->names);
    *e = (struct va_ensemble){ 0 };
}

static const char *path_of(const struct va_ensemble *e, int64_t k)
{
    return va_h5_path(e->files[k]->in);
}

bool va_ensemble_has(const struct va_ensemble *e, const char *name)
{
    return e->name_count &&
           bsearch(&name, e->names, (size_t)e->name_count, sizeof(name), by_text);
}

/* ---- a video --------------------------------------------------------------------------- */

/* Which files have it: as va_ensemble_load. */
static int find_files(struct va_ensemble *e, const char *name, enum va_ensemble_missing missing)
{
    int64_t without = -1, found = 0;

    for (int64_t k = 0; k < e->count; k++)
        if (va_predictions_has(e->files[k], name))
            e->from[found++] = k;
        else if (without < 0)
            without = k;
    if (without < 0 || missing == VA_ENSEMBLE_AVERAGE)
        return (int)found;
    if (missing == VA_ENSEMBLE_SKIP)
        return va_info("%s: missing from %s, left out", name, path_of(e, without)), 0;
    return va_error("%s: video '%s' is missing, but %s has it", path_of(e, without), name,
                    path_of(e, e->from[0]));
}

/* What v knows and `known` does not, moves. */
static void take(struct va_predicted *known, struct va_predicted *v)
{
    struct va_predicted rest = *v;

    if (!known->pts) {
        known->pts = v->pts;
        rest.pts = NULL;
    }
    if (!known->face) {
        known->face = v->face;
        rest.face = NULL;
    }
    if (!known->confidence) {
        known->confidence = v->confidence;
        rest.confidence = NULL;
    }
    *v = rest;
}

/* Of frames with a face in both files; times of the others are estimates. -1: they are all there or unknown, else the
 * first frame whose time is another by half a frame or more. Times may be shifted, and that of the first frame in
 * another way than the rest. */
static int64_t other_time(const struct va_predicted *a, const struct va_predicted *b,
                          double *shift)
{
    double rate = a->pts && b->pts ? va_rate_of_times(a->pts, a->frames) : 0;
    bool begun = false;

    for (int64_t t = 1; rate > 0 && t < a->frames; t++) {
        double off = b->pts[t] - a->pts[t];

        if (!isfinite(off) || (a->face && !a->face[t]) || (b->face && !b->face[t]))
            continue;
        if (!begun)
            *shift = off;
        else if (fabs(off - *shift) * rate > .5)
            return t;
        begun = true;
    }
    return -1;
}

static int compare_times(const struct va_ensemble *e, const char *name, const char *path,
                         const struct va_predicted *v)
{
    double shift = 0;
    int64_t t = other_time(&e->known, v, &shift);

    return t < 0
               ? 0
               : va_error("%s: video '%s': has frame %lld at %.3f s, expected %.3f s as in %s: "
                          "give predictions of one video",
                          path, name, (long long)t + 1, v->pts[t], e->known.pts[t] + shift,
                          path_of(e, e->from[0]));
}

int va_ensemble_load(struct va_ensemble *e, const char *name, enum va_ensemble_missing missing)
{
    int found;

    forget_video(e);
    found = find_files(e, name, missing);
    for (int i = 0; i < found; i++) {
        const struct va_predictions_in *file = e->files[e->from[i]];
        struct va_predicted v;
        int64_t frames;

        if (va_predictions_read(file, name, &v) < 0)
            return -1;
        frames = v.frames;
        e->va[e->present++] = v.va;
        v.va = NULL;
        if (i == 0)
            e->known.frames = e->frames = frames;
        if (frames == e->frames && compare_times(e, name, va_h5_path(file->in), &v) < 0) {
            va_predicted_release(&v);
            return -1;
        }
        if (frames == e->frames)
            take(&e->known, &v);
        va_predicted_release(&v);
        if (frames != e->frames)
            return va_error("%s: video '%s': found %lld frames, but %lld in %s",
                            va_h5_path(file->in), name, (long long)frames, (long long)e->frames,
                            path_of(e, e->from[0]));
    }
    return found > 0 ? 1 : found;
}

/* ---- combining ------------------------------------------------------------------------- */

int va_ensemble_mean(const struct va_ensemble *e, const char *name, const double (*weight)[2],
                     double *mean)
{
    memset(mean, 0, (size_t)(2 * e->frames) * sizeof(*mean));
    for (int d = 0; d < 2; d++) {
        double total = 0;

        for (int64_t i = 0; i < e->present; i++) {
            double w = weight ? weight[e->from[i]][d] : 1;

            total += w;
            for (int64_t t = 0; t < e->frames; t++)
                mean[2 * t + d] += w * e->va[i][2 * t + d];
        }
        if (!(total > 0))
            return va_error("%s: video '%s': all files with this video have weight 0",
                            path_of(e, e->from[0]), name);
        for (int64_t t = 0; t < e->frames; t++)
            mean[2 * t + d] /= total;
    }
    return 0;
}

void va_ensemble_centre(int64_t K, int64_t T, double *const *va, double shift[2])
{
    double agreement[VA_ENSEMBLE_MAX][2] = { 0 }, mean[VA_ENSEMBLE_MAX][2] = { 0 };

    for (int64_t k = 0; k < K; k++) {
        for (int64_t i = 0; i < 2 * T; i++)
            mean[k][i % 2] += va[k][i] / (double)T;
        for (int64_t l = 0; l < k; l++) {
            struct va_score s;

            va_score_pairs(&s, T, va[k], va[l]);
            for (int d = 0; d < 2; d++)
                if (!isnan(s.value[d][VA_CCC])) { /* the mean divides all by the same K - 1 */
                    agreement[k][d] += s.value[d][VA_CCC];
                    agreement[l][d] += s.value[d][VA_CCC];
                }
        }
    }
    for (int d = 0; d < 2; d++) {
        double total = 0, sum = 0, plain = 0;

        for (int64_t k = 0; k < K; k++) {
            double a = fmax(agreement[k][d], 0);

            total += a;
            sum += a * mean[k][d];
            plain += mean[k][d] / (double)K;
        }
        shift[d] = total > 0 ? sum / total - plain : 0;
    }
}
