#include "data/va_combine.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "data/va_blend_table.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- a video ------------------------------------------------------------------------------- */

void va_combine_method(const struct va_combine_job *job, char method[VA_INTERVAL_METHOD])
{
    struct va_hash hash;
    char digest[VA_HASH_TEXT];

    if (!job->weighted) {
        snprintf(method, VA_INTERVAL_METHOD, "mean");
        return;
    }
    va_hash_init(&hash);
    va_hash_add(&hash, job->weight, (size_t)job->count * sizeof(job->weight[0]));
    va_hash_add(&hash, job->scale, sizeof(job->scale));
    va_hash_add(&hash, job->shift, sizeof(job->shift));
    va_hash_finish(&hash, digest);
    snprintf(method, VA_INTERVAL_METHOD, "weights %.8s", digest);
}

/* The deviation of the models from their mean [T, 2]. */
static void spread_of(const struct va_combine_job *job, const struct va_ensemble *e,
                      const double *mean, double *spread)
{
    for (int64_t i = 0; i < 2 * e->frames; i++) {
        double sum = 0, total = 0;

        for (int64_t k = 0; k < e->present; k++) {
            double w = job->weighted ? job->weight[e->from[k]][i % 2] : 1,
                   off = e->va[k][i] - mean[i];

            sum += w * off * off;
            total += w;
        }
        spread[i] = fabs(job->scale[i % 2]) * sqrt(sum / total);
    }
}

int va_combine_values(const struct va_combine_job *job, const struct va_ensemble *e,
                      const char *name, double *value, double *spread)
{
    double shift[2] = { job->shift[0], job->shift[1] };

    if (va_ensemble_mean(e, name, job->weighted ? (const double(*)[2])job->weight : NULL,
                         value) < 0)
        return -1;
    if (spread)
        spread_of(job, e, value, spread);
    if (job->centred)
        va_ensemble_centre(e->present, e->frames, e->va, shift);
    for (int64_t i = 0; i < 2 * e->frames; i++) {
        double x = job->scale[i % 2] * value[i] + shift[i % 2];

        value[i] = job->clip ? fmin(1, fmax(-1, x)) : x;
    }
    return 0;
}

/* What is written of a video, [T, 2] each. */
struct combined {
    double *value, *wide; /* wide: the spread */
    float *va, *spread, *lower, *upper;
};

static void combined_release(struct combined *c)
{
    va_free(c->value);
    va_free(c->wide);
    va_free(c->va);
    va_free(c->spread);
    va_free(c->lower);
    va_free(c->upper);
}

static int combined_new(struct combined *c, const struct va_combine_job *job, int64_t T)
{
    const bool spread = job->spread, interval = job->calibrated != NULL;

    *c = (struct combined){ 0 };
    c->value = va_new(T, 2 * sizeof(*c->value));
    c->va = va_new(T, 2 * sizeof(*c->va));
    if (spread) {
        c->wide = va_new(T, 2 * sizeof(*c->wide));
        c->spread = va_new(T, 2 * sizeof(*c->spread));
    }
    if (interval) {
        c->lower = va_new(T, 2 * sizeof(*c->lower));
        c->upper = va_new(T, 2 * sizeof(*c->upper));
    }
    return c->value && c->va && (!spread || (c->wide && c->spread)) &&
                   (!interval || (c->lower && c->upper))
               ? 0
               : -1;
}

/* Values as they are stored, and the ends of their intervals. */
static void narrow(struct combined *c, const struct va_combine_job *job, int64_t T)
{
    const struct va_interval *v = &job->interval;
    const double least = job->clip ? -1 : -HUGE_VAL, most = -least;

    for (int64_t i = 0; i < 2 * T; i++) {
        c->va[i] = (float)c->value[i];
        if (c->spread)
            c->spread[i] = (float)c->wide[i];
        if (c->lower) {
            double half = v->scale[i % 2] * c->wide[i] + v->floor[i % 2];

            c->lower[i] = (float)fmax(least, c->value[i] - half);
            c->upper[i] = (float)fmin(most, c->value[i] + half);
        }
    }
}

/* 1; 0 when the video is left out; -1. */
static int combine_video(struct va_combine_job *job, struct va_predictions_out *out,
                         struct va_ensemble *e, const char *name)
{
    int loaded = va_ensemble_load(e, name, job->missing);
    struct va_frame_values values;
    struct combined c;
    int status = -1;

    if (loaded <= 0)
        return loaded;
    if (combined_new(&c, job, e->frames) < 0 ||
        va_combine_values(job, e, name, c.value, c.wide) < 0)
        goto done;
    narrow(&c, job, e->frames);
    if (job->calibrated && e->present != job->interval.members)
        va_warn(
            "%s: combined from %lld model%s, but %s was calibrated on %lld: its level may not hold",
            name, (long long)e->present, va_plural(e->present), job->calibrated,
            (long long)job->interval.members);
    values = va_predicted_with(&e->known, name, c.va);
    values.spread = c.spread;
    values.lower = c.lower;
    values.upper = c.upper;
    if (va_predictions_put(out, &values) == 0 &&
        va_frame_files_write(&job->text, job->inputs[e->from[0]], &values) == 0)
        status = 1;
done:
    combined_release(&c);
    return status;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Begin the output: ids of all models, each once, in the order of the files. */
static struct va_predictions_out *create(const struct va_combine_job *job,
                                         const struct va_ensemble *e)
{
    struct va_predictions_out *out = NULL;
    const char **models;
    int64_t n = 0;

    for (int64_t k = 0; k < e->count; k++)
        n += e->files[k]->model_count;
    models = va_new(n, sizeof(*models));
    n = 0;
    for (int64_t k = 0; models && k < e->count; k++)
        for (int64_t i = 0; i < e->files[k]->model_count; i++) {
            int64_t j = 0;

            while (j < n && strcmp(models[j], e->files[k]->models[i]))
                j++;
            models[j] = e->files[k]->models[i];
            n += j == n;
        }
    if (models)
        out = va_predictions_create(job->output, models, n, VA_PREDICTIONS_LAYOUT_AUTO,
                                    e->name_count);
    va_free(models);
    return out;
}

static int add_inputs(const struct va_combine_job *job, struct va_predictions_out *out,
                      const struct va_ensemble *e)
{
    const char *note = NULL;

    for (int64_t k = e->count; k-- > 0;)
        note = e->files[k]->note ? e->files[k]->note : note;
    if (va_predictions_put_note(out, note) < 0)
        return -1;
    for (int64_t k = 0; k < e->count; k++) {
        const char *id = va_h5_id(e->files[k]->in);

        if (!id || va_h5_add_input(va_predictions_file(out), job->inputs[k], id) < 0)
            return -1;
    }
    if (job->table && va_h5_add_input(va_predictions_file(out), job->table, job->digest) < 0)
        return -1;
    if (!job->calibrated)
        return 0;
    return va_h5_add_input(va_predictions_file(out), job->calibrated, job->interval.digest) < 0
               ? -1
               : va_predictions_put_level(out, (double)job->interval.level);
}

int va_combine_weights(struct va_combine_job *job, const struct va_ensemble *e)
{
    struct va_blend_table t;
    int status = job->table ? va_blend_table_read(&t, job->table) : 0;

    if (!job->table || status < 0)
        return status;
    status = va_blend_table_check(&t, e);
    memcpy(job->weight, t.weight, sizeof(t.weight));
    memcpy(job->scale, t.scale, sizeof(t.scale));
    memcpy(job->shift, t.shift, sizeof(t.shift));
    memcpy(job->digest, t.digest, sizeof(t.digest));
    va_blend_table_release(&t);
    return status;
}

/* The interval, made for models that are combined in the same way. */
static int take_interval(struct va_combine_job *job)
{
    char method[VA_INTERVAL_METHOD];

    if (va_interval_read(&job->interval, job->calibrated) < 0)
        return -1;
    va_combine_method(job, method);
    return !strcmp(method, job->interval.method)
               ? 0
               : va_error("%s: calibrated for method %s, found %s: calibrate with the weights "
                          "that are given here",
                          job->calibrated, job->interval.method, method);
}

int va_combine(struct va_combine_job *job)
{
    struct va_ensemble e = { 0 };
    struct va_predictions_out *out = NULL;
    int64_t written = 0;
    int status = va_ensemble_open(&e, job->inputs, job->count);

    if (status == 0)
        status = va_combine_weights(job, &e);
    if (status == 0 && job->calibrated)
        status = take_interval(job);
    if (status == 0 && (!(out = create(job, &e)) || add_inputs(job, out, &e) < 0))
        status = -1;
    for (int64_t i = 0; status >= 0 && i < e.name_count; i++) {
        status = combine_video(job, out, &e, e.names[i]);
        written += status > 0;
    }
    if (status >= 0 && written == 0)
        status = va_error("%s: found no video that all files have", job->inputs[0]);
    if (status >= 0)
        status = va_frame_files_commit(&job->text);
    if (status >= 0)
        status = va_predictions_commit(&out);
    va_frame_files_abort(&job->text);
    va_predictions_abort(out);
    va_ensemble_release(&e);
    return status;
}
