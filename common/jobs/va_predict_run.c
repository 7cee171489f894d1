/*
 * Models one after the other, each over all videos, so that only one is in memory; what is kept
 * of a frame are two sums. Files are written at the end, when all values are known to be good.
 * Models are temporal, over features, or encoders, over frames or their features (va_predict_frames.h).
 */
#include "jobs/va_predict_run.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_progress.h"
#include "data/va_choose.h"
#include "data/va_origin.h"
#include "data/va_predictions.h"
#include "data/va_window_gather.h"
#include "io/va_h5.h"
#include "jobs/va_models.h"
#include "jobs/va_predict_frames.h"
#include "model/va_cnn.h"
#include "ops/va_device.h"
#include "ops/va_precision.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LONG = 1 << 16,  /* frames of a video that is streamed, if it can be */
    BLOCK = 1 << 14, /* of it that are written together */
};

struct run {
    const struct va_predict_job *job;
    struct va_window_index *index;
    char *windows_id;
    bool *chosen;   /* [video_count] */
    int64_t *first; /* [video_count] where the frames of a video lie in `sum`; -1: not chosen */
    int64_t frames; /* of the chosen videos that are not streamed */
    double *sum;    /* [frames, 2] */
    float *va;      /* [longest, 2] of one video */
    double *pts;    /* [longest] */
    uint8_t *face;  /* as pts */
    float *confidence; /* likewise */
    char **ids;        /* [model_count] */
    bool encoders;     /* models rate pictures */
    int64_t all;       /* frames of the chosen videos, streamed ones too */
    bool *streamed;    /* [video_count] written while it is predicted, by the only model: */
    struct va_temporal *model;
    struct va_predictor *predictor;
    struct va_predictions_out *out;
    int64_t video, waiting; /* the video of which frames wait in `va`, and their number */
    int64_t done;           /* its frames that are written */
    bool timed, scored;
    char *note; /* of the first model that has one, or NULL */
};

/* ---- input ----------------------------------------------------------------------------- */

static int choose_all(struct run *r)
{
    r->chosen = va_new(r->index->video_count, sizeof(*r->chosen));
    for (int64_t i = 0; r->chosen && i < r->index->video_count; i++)
        r->chosen[i] = true;
    return r->chosen ? 0 : -1;
}

/* With --verbose: which model it is, how good it was, and what its features are. -1 after reporting. */
static int tell_model(struct va_h5_in *in, const char *path, bool pictures)
{
    const char *id = va_h5_id(in);
    char *encoder = va_origin_told(in), ccc[32] = "not known";
    double value = (double)NAN;

    if (id && encoder && va_h5_has_attribute(in, NULL, "val-ccc") &&
        va_h5_get_real(in, NULL, "val-ccc", &value) < 0)
        id = NULL;
    if (!isnan(value))
        snprintf(ccc, sizeof(ccc), "%.3f", value);
    if (id && encoder)
        va_debug("%s: model %.8s; CCC on its own validation: %s; encoder of its features: %s",
                 path, id, ccc,
                 pictures   ? "itself"
                 : *encoder ? encoder
                            : "not known");
    va_free(encoder);
    return id && encoder ? 0 : -1;
}

/* Whether a model rates pictures, and its note. -1 after reporting. */
static int ask_model(struct run *r, const char *path)
{
    struct va_h5_in *in = va_h5_open(path, "va.model/1");
    char *arch = in ? va_h5_get_string(in, NULL, "arch") : NULL;
    int encoder = arch ? !strcmp(arch, "vit") || !strcmp(arch, "mini-xception") ||
                             va_cnn_is(arch)
                       : -1;

    if (arch && !r->note && va_h5_has_attribute(in, NULL, "note")) {
        r->note = va_h5_get_string(in, NULL, "note");
        if (r->note)
            va_warn("%s: %s", path, r->note);
        else
            encoder = -1;
    }
    if (encoder >= 0 && tell_model(in, path, encoder) < 0)
        encoder = -1;
    va_free(arch);
    va_h5_close(in);
    return encoder;
}

/* Whether the first model is an encoder: then all are. */
static int ask_kind(struct run *r)
{
    const struct va_predict_job *job = r->job;
    int encoder = ask_model(r, job->models[0]);

    r->encoders = encoder > 0;
    for (int64_t m = 1; m < job->model_count && encoder >= 0; m++)
        if (ask_model(r, job->models[m]) < 0)
            encoder = -1;
    if (encoder < 0)
        return -1;
    if (r->encoders && job->streams.count)
        return va_error("%s: found an encoder, which rates frame by frame, expected a temporal "
                        "model for --stream",
                        job->models[0]);
    if (r->encoders && job->windows)
        return va_error("%s: found an encoder, which rates frame by frame, expected a temporal "
                        "model for --windows",
                        job->models[0]);
    if (r->encoders && job->plan.mode != VA_PREDICT_SEQUENCE)
        return va_error("%s: found an encoder, which rates frame by frame, expected a temporal "
                        "model for --mode %s",
                        job->models[0], va_predict_mode_names[job->plan.mode]);
    return 0;
}

/* Whether the first input is a va.frames/1 file: then all are. -1 after reporting. */
static int ask_frames(const struct run *r)
{
    struct va_h5_in *in = va_h5_named(r->job->features[0])
                              ? va_h5_open(r->job->features[0], NULL)
                              : va_h5_open(r->job->features[0], "va.frames/1");
    char *schema = in ? va_h5_get_string(in, NULL, "schema") : NULL;
    int frames = schema ? strcmp(schema, "va.features/1") && strcmp(schema, "va.corpus/1") : -1;

    va_free(schema);
    va_h5_close(in);
    return frames;
}

/* Feature files, frames files or named streams. */
static int add_files(struct run *r, const struct va_label_files *labels)
{
    const struct va_predict_job *job = r->job;
    int frames = r->encoders && job->feature_count ? ask_frames(r) : 0;
    int (*add)(struct va_window_index *, const char *, const struct va_label_files *) =
        frames ? va_window_index_add_frames : va_window_index_add;

    if (frames < 0)
        return -1;
    if (job->streams.count)
        return va_window_index_add_streams(r->index, &job->streams, &job->policies,
                                           job->labels.count ? labels : NULL) < 0
                   ? -1
                   : choose_all(r);

    for (int64_t i = 0; i < job->feature_count; i++)
        if (add(r->index, job->features[i], job->labels.count ? labels : NULL) < 0)
            return -1;
    return choose_all(r);
}

static int open_files(struct run *r)
{
    const struct va_predict_job *job = r->job;
    struct va_label_files labels = { 0 };
    int status = 0;

    r->index = va_window_index_new(0, 0, VA_TAIL_PAD, (enum va_missing)job->missing,
                                   VA_LEADING_KEEP);
    if (r->index)
        r->index->label_rule = job->label_rule;
    for (int64_t i = 0; status == 0 && i < job->labels.count; i++)
        status = va_label_files_add(&labels, job->labels.items[i]);
    if (status == 0)
        status = r->index ? add_files(r, &labels) : -1;
    va_label_files_release(&labels);
    return status;
}

static int open_windows(struct run *r)
{
    const struct va_predict_job *job = r->job;

    r->index = va_window_index_read(job->windows, &r->windows_id);
    if (!r->index)
        return -1;
    if (job->list) {
        r->chosen = va_choose_videos(r->index, job->list, NULL);
        return r->chosen ? 0 : -1;
    }
    return choose_all(r);
}

/* A long video of one model needs no sums: what is predicted is written at once. Text files want all of it. */
static bool is_streamed(const struct run *r, int64_t video)
{
    return r->chosen[video] && !r->encoders && r->job->model_count == 1 &&
           r->job->plan.mode == VA_PREDICT_SEQUENCE && !r->job->text->where[VA_FRAME_LABELS] &&
           !r->job->text->where[VA_FRAME_TABLE] && r->index->videos[video].frames > LONG;
}

static int open_input(struct run *r)
{
    int64_t longest = BLOCK;

    if (ask_kind(r) < 0 || (r->job->windows ? open_windows(r) : open_files(r)) < 0 ||
        va_window_index_open_features(r->index) < 0)
        return -1;
    r->first = va_new(r->index->video_count, sizeof(*r->first));
    r->streamed = va_new(r->index->video_count, sizeof(*r->streamed));
    if (!r->first || !r->streamed)
        return -1;
    for (int64_t i = 0; i < r->index->video_count; i++) {
        int64_t T = r->index->videos[i].frames;

        r->streamed[i] = is_streamed(r, i);
        r->first[i] = r->chosen[i] && !r->streamed[i] ? r->frames : -1;
        r->all += r->chosen[i] ? T : 0;
        if (r->first[i] < 0)
            continue;
        r->frames += T;
        longest = T > longest ? T : longest;
    }
    r->sum = va_new(r->frames, 2 * sizeof(*r->sum));
    r->va = va_new(longest, 2 * sizeof(*r->va));
    r->pts = va_new(longest, sizeof(*r->pts));
    r->face = va_new(longest, sizeof(*r->face));
    r->confidence = va_new(longest, sizeof(*r->confidence));
    r->ids = va_new(r->job->model_count, sizeof(*r->ids));
    return r->sum && r->va && r->pts && r->face && r->confidence && r->ids ? 0 : -1;
}

/* ---- prediction ------------------------------------------------------------------------ */

static int add_model(struct run *r, struct va_backend *be, int64_t m)
{
    struct va_predict_plan plan = r->job->plan;
    struct va_predictor *p = NULL;
    struct va_temporal *model;
    int64_t done = m * r->frames;
    int status = -1;

    if (r->encoders)
        return va_predict_frames(be, r->job->models[m], r->index, r->sum, done, &r->ids[m]);
    model = va_predict_load(be, r->job->models[m], r->index, r->chosen, r->job->any_encoder,
                            &r->ids[m]);
    if (!plan.window) {
        plan.window = r->index->window;
        plan.stride = r->index->stride;
    }
    if (!model || !(p = va_predictor_new(be, model, r->index, &plan)))
        goto done;
    for (int64_t i = 0; i < r->index->video_count; i++) {
        if (r->first[i] < 0)
            continue;
        if (va_predictor_add(p, i, r->sum + 2 * r->first[i]) < 0)
            goto done;
        done += r->index->videos[i].frames;
        va_progress_update(done);
    }
    status = 0;
    if (r->job->model_count == 1) { /* for videos that are streamed */
        r->predictor = p;
        r->model = model;
        return 0;
    }
done:
    va_predictor_free(p);
    va_temporal_free(model);
    return status;
}

/* Finite features and weights gave it, so some of them are too large: those of the frame are looked at. */
static int not_finite(const struct run *r, int64_t video, int64_t t, const char *what)
{
    const int64_t D = r->index->frames ? 0 : r->index->dim;
    const char *features = r->index->videos[video].features;
    float *x = va_new(D, sizeof(*x)), largest = 0;
    int status = x && D ? va_window_gather(r->index, video, t, 1, x, NULL, NULL) : x ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < D; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    va_free(x);
    if (status < 0)
        return -1;
    if (!D)
        return va_error("%s: frame %lld: %s is not finite: import the model again", features,
                        (long long)t + 1, what);
    return va_error(
        "%s: frame %lld: %s is not finite; the largest feature is %g: make features "
        "with the model's encoder, or train the model again",
        features, (long long)t + 1, what, (double)largest);
}

/* The sums become means, clipped if asked for. */
static int finish_means(struct run *r)
{
    for (int64_t i = 0; i < r->index->video_count; i++)
        for (int64_t t = 0; r->first[i] >= 0 && t < r->index->videos[i].frames; t++)
            for (int d = 0; d < 2; d++) {
                double *x = &r->sum[2 * (r->first[i] + t) + d];

                *x /= (double)r->job->model_count;
                if (!isfinite(*x) || !isfinite((float)*x))
                    return not_finite(r, i, t, d ? "arousal" : "valence");
                if (r->job->clip)
                    *x = fmin(1, fmax(-1, *x));
            }
    return 0;
}

/* ---- output ---------------------------------------------------------------------------- */

/* What is known of the frames of a video, in r's arrays. -1 after reporting. */
static int fetch(struct run *r, int64_t video, struct va_frame_values *v)
{
    const struct va_index_video *of = &r->index->videos[video];
    int timed = va_window_index_pts(r->index, video, 0, of->frames, r->pts);
    int scored = va_window_index_face(r->index, video, 0, of->frames, r->face, r->confidence);

    for (int64_t i = 0; i < of->frames * 2; i++)
        r->va[i] = (float)r->sum[2 * r->first[video] + i];
    *v = (struct va_frame_values){ .name = of->name,
                                   .T = of->frames,
                                   .va = r->va,
                                   .pts = timed > 0 ? r->pts : NULL,
                                   .face = r->face,
                                   .confidence = scored > 0 ? r->confidence : NULL };
    return timed < 0 || scored < 0 ? -1 : 0;
}

/* Write the frames that wait. */
static int put_waiting(struct run *r)
{
    const struct va_frame_values v = { .name = r->index->videos[r->video].name,
                                       .T = r->waiting,
                                       .va = r->va,
                                       .pts = r->timed ? r->pts : NULL,
                                       .face = r->face,
                                       .confidence = r->scored ? r->confidence : NULL };

    if (va_window_index_pts(r->index, r->video, r->done, r->waiting, r->pts) < 0 ||
        va_window_index_face(r->index, r->video, r->done, r->waiting, r->face, r->confidence) <
            0 ||
        va_predictions_append(r->out, &v) < 0)
        return -1;
    r->done += r->waiting;
    r->waiting = 0;
    va_window_index_forget(r->index, r->video);
    return 0;
}

/* Keep what was predicted of a few frames. */
static int take_block(void *arg, int64_t first, int64_t count, const float *va)
{
    struct run *r = arg;

    for (int64_t i = 0; i < 2 * count; i++) {
        if (!isfinite(va[i]))
            return not_finite(r, r->video, first + i / 2, i % 2 ? "arousal" : "valence");
        r->va[2 * r->waiting + i] = r->job->clip ? fminf(1, fmaxf(-1, va[i])) : va[i];
    }
    r->waiting += count;
    va_progress_update(first + count);
    return r->waiting > BLOCK - VA_PREDICT_BLOCK ? put_waiting(r) : 0;
}

static int stream_video(struct run *r, int64_t video)
{
    const struct va_index_video *v = &r->index->videos[video];
    int timed = va_window_index_pts(r->index, video, 0, 1, r->pts),
        scored = va_window_index_face(r->index, video, 0, 1, r->face, r->confidence);

    if (timed < 0 || scored < 0)
        return -1;
    r->video = video;
    r->done = r->waiting = 0;
    r->timed = timed > 0;
    r->scored = scored > 0;
    if (va_predictions_begin(r->out, v->name, v->frames, r->timed, r->scored) < 0 ||
        va_predictor_each(r->predictor, video, take_block, r) < 0 ||
        (r->waiting && put_waiting(r) < 0))
        return -1;
    return va_predictions_end(r->out);
}

/* Whether all files may be written, before the work. */
static int check_outputs(const struct run *r)
{
    int status = va_h5_may_create(r->job->output, "va.predictions/1");

    for (int64_t i = 0; status == 0 && i < r->index->video_count; i++)
        if (r->chosen[i])
            status = va_frame_files_may(r->job->text, r->index->videos[i].features,
                                        r->index->videos[i].name);
    return status;
}

/* The files of named streams, or of the one without a name. */
static int add_features(const struct va_window_index *index, struct va_h5_out *file)
{
    for (int64_t k = 0; k < index->stream_count; k++)
        if (index->streams[k].files && add_features(index->streams[k].files, file) < 0)
            return -1;
    for (int64_t i = 0; !index->stream_count && i < index->video_count; i++)
        if (index->videos[i].features &&
            va_h5_add_input(file, index->videos[i].features, index->videos[i].features_id) < 0)
            return -1;
    return 0;
}

static int add_inputs(struct run *r, struct va_predictions_out *out)
{
    struct va_h5_out *file = va_predictions_file(out);

    for (int64_t m = 0; m < r->job->model_count; m++)
        if (va_h5_add_input(file, r->job->models[m], r->ids[m]) < 0)
            return -1;
    if (r->job->windows)
        return va_h5_add_input(file, r->job->windows, r->windows_id);
    return add_features(r->index, file);
}

static int64_t count_chosen(const struct run *r)
{
    int64_t count = 0;

    for (int64_t i = 0; i < r->index->video_count; i++)
        count += r->chosen[i];
    return count;
}

static int write_all(struct run *r)
{
    struct va_predictions_out *out = va_predictions_create(
        r->job->output, (const char *const *)r->ids, r->job->model_count,
        (enum va_predictions_layout)r->job->layout, count_chosen(r));
    int status = -1;

    r->out = out;
    if (!out || va_predictions_put_note(out, r->note) < 0 || add_inputs(r, out) < 0)
        goto done;
    for (int64_t i = 0; i < r->index->video_count; i++) {
        const struct va_index_video *v = &r->index->videos[i];
        struct va_frame_values values;

        if (r->streamed[i] && stream_video(r, i) < 0)
            goto done;
        if (r->first[i] < 0)
            continue;
        if (fetch(r, i, &values) < 0 || va_predictions_put(out, &values) < 0 ||
            va_frame_files_write(r->job->text, v->features, &values) < 0)
            goto done;
    }
    if (va_window_index_unchanged(r->index) < 0 || va_frame_files_commit(r->job->text) < 0)
        goto done;
    status = va_predictions_commit(&out);
done:
    va_frame_files_abort(r->job->text);
    va_predictions_abort(out);
    return status;
}

/* One precision for all models: as the broadest needs it. */
static int choose_precision(const struct va_predict_job *job, int *precision)
{
    int64_t most = VA_BREADTH_NONE;

    for (int64_t m = 0; m < job->model_count; m++) {
        struct va_model model;
        int64_t breadth = va_model_load(&model, job->models[m]) < 0
                              ? -1
                              : va_model_breadth(model.set, model.path);

        va_model_release(&model);
        if (breadth < 0)
            return -1;
        most = breadth > most ? breadth : most;
    }
    *precision = job->precision;
    return va_precision_choose(va_float_precision_names, job->device, most, precision);
}

int va_predict_run(const struct va_predict_job *job)
{
    struct run r = { .job = job };
    struct va_backend *be = NULL;
    int precision, status = -1;

    if (open_input(&r) < 0 || check_outputs(&r) < 0 || choose_precision(job, &precision) < 0 ||
        !(be = va_device_open(job->device)))
        goto done;
    be->precision = (enum va_precision)precision;
    va_progress_begin("frames", r.all * job->model_count);
    for (int64_t m = 0; m < job->model_count; m++)
        if (add_model(&r, be, m) < 0)
            goto done;
    if (va_window_index_unchanged(r.index) == 0 && finish_means(&r) == 0)
        status = write_all(&r);
done:
    va_progress_end();
    for (int64_t m = 0; r.ids && m < job->model_count; m++)
        va_free(r.ids[m]);
    va_free(r.ids);
    va_free(r.sum);
    va_free(r.va);
    va_free(r.pts);
    va_free(r.face);
    va_free(r.confidence);
    va_free(r.first);
    va_free(r.streamed);
    va_predictor_free(r.predictor);
    va_temporal_free(r.model);
    va_free(r.chosen);
    va_free(r.windows_id);
    va_free(r.note);
    va_window_index_free(r.index);
    va_backend_free(be);
    return status;
}
