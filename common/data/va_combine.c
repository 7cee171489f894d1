#include "data/va_combine.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_blend_table.h"
#include <math.h>
#include <string.h>

/* 1; 0 when the video is left out; -1. */
static int combine_video(struct va_combine_job *job, struct va_predictions_out *out,
                         struct va_ensemble *e, const char *name)
{
    double shift[2] = { job->shift[0], job->shift[1] };
    int loaded = va_ensemble_load(e, name, job->missing);
    struct va_frame_values values;
    double *mean = NULL;
    float *va = NULL;
    int status = -1;

    if (loaded <= 0)
        return loaded;
    mean = va_new(e->frames, 2 * sizeof(*mean));
    va = va_new(e->frames, 2 * sizeof(*va));
    if (!mean || !va ||
        va_ensemble_mean(e, name, job->weighted ? (const double(*)[2])job->weight : NULL,
                         mean) < 0)
        goto done;
    if (job->centred)
        va_ensemble_centre(e->present, e->frames, e->va, shift);
    for (int64_t i = 0; i < 2 * e->frames; i++) {
        double x = job->scale[i % 2] * mean[i] + shift[i % 2];

        va[i] = (float)(job->clip ? fmin(1, fmax(-1, x)) : x);
    }
    values = va_predicted_with(&e->known, name, va);
    if (va_predictions_put(out, &values) == 0 &&
        va_frame_files_write(&job->text, job->inputs[e->from[0]], &values) == 0)
        status = 1;
done:
    va_free(mean);
    va_free(va);
    return status;
}

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
        out = va_predictions_create(job->output, models, n);
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
    return job->table ? va_h5_add_input(va_predictions_file(out), job->table, job->digest) : 0;
}

static int take_table(struct va_combine_job *job, const struct va_ensemble *e)
{
    struct va_blend_table t;
    int status = va_blend_table_read(&t, job->table);

    if (status < 0)
        return -1;
    status = va_blend_table_check(&t, e);
    memcpy(job->weight, t.weight, sizeof(t.weight));
    memcpy(job->scale, t.scale, sizeof(t.scale));
    memcpy(job->shift, t.shift, sizeof(t.shift));
    memcpy(job->digest, t.digest, sizeof(t.digest));
    va_blend_table_release(&t);
    return status;
}

int va_combine(struct va_combine_job *job)
{
    struct va_ensemble e = { 0 };
    struct va_predictions_out *out = NULL;
    int64_t written = 0;
    int status = va_ensemble_open(&e, job->inputs, job->count);

    if (status == 0 && job->table)
        status = take_table(job, &e);
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
