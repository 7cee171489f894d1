#include "jobs/va_embed.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_mem.h"
#include "base/va_option.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "data/va_features_write.h"
#include "feed/va_feed.h"
#include "io/va_pictured.h"
#include "jobs/va_models.h"
#include "media/va_crops.h"
#include "model/va_embedder.h"
#include "ops/va_device.h"
#include "ops/va_precision.h"
#include "weights/va_model_file.h"
#include <math.h>
#include <string.h>

/* One encoder, and the videos that are done. */
struct work {
    const struct va_embed_job *job;
    struct va_embedder *embedder; /* or */
    struct va_ort *onnx;          /* or a filter for each video */
    int64_t width;
    struct va_intake intake;
    bool compared; /* its features with those in float32 */
    char *id;      /* of the encoder */
    char *trained; /* on what (io/va_pictured.h), or NULL */
    char **inputs; /* [input_count] */
    int64_t input_count, input_room;
    char **videos; /* [done] */
    int64_t done, room;
};

/* ---- rows that go to a file each person ---------------------------------------------------- */

struct output {
    const char *video; /* name in the file */
    char *path;
    struct va_features_writer file;
    int64_t rows;
};

/* One video on its way, with rows of a batch for one person. */
struct embedding {
    struct work *work;
    struct va_footage *footage;
    struct va_cropper *cropper; /* or NULL */
    struct output *outputs;     /* [count] */
    int64_t count;
    float *features, *rows; /* [batch, width]: of the batch; of a person in it */
    int32_t *index;         /* [batch] */
    double *pts;
    float *score;
    struct va_piped *filter;
    struct va_feed_item
        *given; /* [given_count] pictures that it got; of `answered` the rows came */
    int64_t given_count, given_room, answered;
};

/* DIR/VIDEO.h5, once. A new string. */
static char *path_of(struct work *w, const struct va_footage *f, const char *video)
{
    for (int64_t i = 0; i < w->done; i++)
        if (!strcmp(w->videos[i], video))
            return va_error("%s: video %s is among the inputs twice", va_footage_path(f),
                            video),
                   NULL;
    if (va_grow(&w->videos, &w->room, w->done + 1, sizeof(*w->videos)) < 0 ||
        !(w->videos[w->done] = va_strdup(video)))
        return NULL;
    w->done++;
    return w->job->output ? va_strdup(w->job->output)
                          : va_format("%s/%s.h5", w->job->output_dir, video);
}

static int open_output(const struct embedding *e, struct work *w, struct output *o,
                       const char *video)
{
    const struct va_embed_job *job = w->job;
    const char *input = va_footage_input(e->footage);

    o->video = video;
    o->path = path_of(w, e->footage, video);
    if (!o->path ||
        va_features_create(&o->file, o->path, va_footage_count(e->footage), w->width,
                           job->half) < 0 ||
        (input && va_h5_put_string(o->file.out, NULL, "input", input) < 0) ||
        (job->weights && va_h5_add_input(o->file.out, job->weights, w->id) < 0))
        return -1;
    return e->cropper ? va_h5_add_input(o->file.out, va_cropper_path(e->cropper),
                                        va_cropper_id(e->cropper))
                      : 0;
}

/* The rows of a batch that are output i's. */
static int put_rows(struct embedding *e, const struct va_feed_batch *b, int64_t i)
{
    int64_t width = e->work->width, n = 0;
    struct output *o = &e->outputs[i];

    for (int64_t k = 0; k < b->count; k++) {
        if (b->items[k].person != i)
            continue;
        memcpy(e->rows + n * width, e->features + k * width, (size_t)width * sizeof(*e->rows));
        e->index[n] = (int32_t)b->items[k].picture;
        e->pts[n] = b->items[k].pts;
        e->score[n++] = b->items[k].score;
    }
    o->rows += n;
    return n ? va_features_append(&o->file, n, e->rows, e->index, e->pts,
                                  va_footage_scored(e->footage) ? e->score : NULL)
             : 0;
}

static double cosine(int64_t n, const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;

    for (int64_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* How near the first features are to those in float32, for which the encoder is opened once more. */
static int compare(struct work *w, const struct va_feed_batch *b, const float *features)
{
    enum { SAMPLE = 4 };
    int64_t width = va_embedder_width(w->embedder), n = b->count < SAMPLE ? b->count : SAMPLE;
    float *rows = va_new(n * width, sizeof(*rows));
    struct va_tensors *set = rows ? va_model_open(w->job->weights, NULL) : NULL;
    struct va_backend *be = set ? va_device_open(w->job->device) : NULL;
    struct va_embedder *e = be ? va_embedder_new(be, set, w->job->weights, n) : NULL;
    int result = e ? va_embedder_run(e, n, b->cut, rows) : -1;
    double least = 1;

    w->compared = true;
    for (int64_t i = 0; i < n && result == 0; i++)
        least = fmin(least, cosine(width, rows + i * width, features + i * width));
    if (result == 0)
        va_debug(
            "%s: cosine similarity of int8 features to f32, the lowest of %lld pictures: %.5f",
            w->job->weights, (long long)n, least);
    va_embedder_free(e);
    va_backend_free(be);
    va_tensors_free(set);
    va_free(rows);
    return result;
}

/* Rows of the filter for the pictures that wait for one. */
static int put_answers(struct embedding *e)
{
    int64_t n;

    while ((n = va_piped_take(e->filter, e->work->job->batch, e->features)) > 0) {
        const struct va_feed_batch b = { .count = n, .items = e->given + e->answered };

        for (int64_t i = 0; i < e->count; i++)
            if (put_rows(e, &b, i) < 0)
                return -1;
        e->answered += n;
    }
    return (int)n;
}

/* A batch goes to the filter, which answers when it likes. */
static int give(struct embedding *e, const struct va_feed_batch *b)
{
    if (va_grow(&e->given, &e->given_room, e->given_count + b->count, sizeof(*e->given)) < 0)
        return -1;
    memcpy(e->given + e->given_count, b->items, (size_t)b->count * sizeof(*e->given));
    e->given_count += b->count;
    return va_piped_give(e->filter, b->count, b->cut) < 0 ? -1 : put_answers(e);
}

/* Rows of a batch by the encoder. */
static int compute_batch(struct embedding *e, const struct va_feed_batch *b)
{
    struct work *w = e->work;

    if ((w->onnx ? va_ort_run(w->onnx, b->count, b->cut, e->features)
                 : va_embedder_run(w->embedder, b->count, b->cut, e->features)) < 0 ||
        (!w->compared && compare(w, b, e->features) < 0))
        return -1;
    for (int64_t i = 0; i < e->count; i++)
        if (put_rows(e, b, i) < 0)
            return -1;
    return 0;
}

/* What the feed brings, until its end or the first failure. */
static int compute(struct embedding *e, struct va_feed *feed)
{
    const struct va_feed_batch *b;
    int64_t done = 0;
    int got;

    va_progress_begin("frames", va_footage_expected(e->footage));
    while ((got = va_feed_next(feed, &b)) > 0) {
        if ((e->filter ? give : compute_batch)(e, b) < 0)
            return -1;
        done += b->count;
        va_progress_update(done);
    }
    va_progress_end();
    if (got == 0 && e->filter && (va_piped_finish(e->filter) < 0 || put_answers(e) < 0))
        return -1;
    for (int64_t i = 0; i < e->count && got == 0; i++)
        if (e->outputs[i].rows == 0)
            got = va_error("%s: found no frame%s%s", va_footage_path(e->footage),
                           e->cropper ? " of " : "", e->cropper ? e->outputs[i].video : "");
    return got;
}

static int commit_all(struct embedding *e)
{
    const struct va_footage *f = e->footage;
    const char *id = va_footage_id(f);

    for (int64_t i = 0; i < e->count; i++) {
        struct output *o = &e->outputs[i];

        if ((id && va_h5_add_input(o->file.out, va_footage_path(f), id) < 0) ||
            va_features_commit(&o->file, o->video, va_footage_fps(f), va_footage_frame_count(f),
                               e->work->id) < 0)
            return -1;
    }
    return 0;
}

static int new_rows(struct embedding *e)
{
    int64_t batch = e->work->job->batch, width = e->work->width;

    e->features = va_new(batch * width, sizeof(*e->features));
    e->rows = va_new(batch * width, sizeof(*e->rows));
    e->index = va_new(batch, sizeof(*e->index));
    e->pts = va_new(batch, sizeof(*e->pts));
    e->score = va_new(batch, sizeof(*e->score));
    return e->features && e->rows && e->index && e->pts && e->score ? 0 : -1;
}

static void release(struct embedding *e)
{
    for (int64_t i = 0; i < e->count; i++) {
        va_features_abort(&e->outputs[i].file);
        va_free(e->outputs[i].path);
    }
    va_free(e->outputs);
    va_free(e->features);
    va_free(e->rows);
    va_free(e->index);
    va_free(e->pts);
    va_free(e->score);
    va_free(e->given);
    va_piped_close(e->filter);
}

/* `c`, or NULL: cuts the pictures. The video is decoded once, for all its people. */
static int embed(struct work *w, struct va_footage *f, struct va_cropper *c)
{
    struct embedding e = { .work = w, .footage = f, .cropper = c };
    int64_t count = c ? va_cropper_count(c) : 1;
    struct va_feed *feed;
    int result = -1;

    if (w->job->weights)
        (void)va_pictured_compare(va_footage_path(f), va_footage_input(f), w->job->weights,
                                  w->trained);
    e.outputs = va_new(count, sizeof(*e.outputs));
    if (!e.outputs || new_rows(&e) < 0)
        goto done;
    while (e.count < count) {
        int64_t i = e.count++;

        if (open_output(&e, w, &e.outputs[i], c ? va_cropper_name(c, i) : va_footage_video(f)) <
            0)
            goto done;
    }
    if (w->job->filter.command && !(e.filter = va_piped_open(&w->job->filter)))
        goto done;
    feed = va_feed_footage(w->intake, w->job->batch, f);
    result = feed ? compute(&e, feed) : -1;
    va_feed_free(feed); /* nobody else is at the footage now */
    if (result == 0)
        result = commit_all(&e);
done:
    release(&e);
    return result;
}

/* To the end, to see that it is the video of the faces file. */
static int pass(struct va_footage *f)
{
    struct va_frame frame;
    int got;

    while ((got = va_footage_next(f, &frame)) > 0)
        ;
    return got;
}

/* Of a video without a person: no row, but its frames are counted. */
static int embed_nobody(struct work *w, struct va_footage *f, struct va_cropper *c)
{
    struct embedding e = { .work = w, .footage = f, .cropper = c };
    struct output o = { 0 };
    int result = open_output(&e, w, &o, va_footage_video(f));

    va_warn("%s: no face was found%s: the table of %s will say face 0 in every frame",
            va_cropper_path(c), va_cropper_strangers(c) ? " for long enough" : "",
            va_footage_path(f));
    if (result == 0 && (result = pass(f)) == 0)
        result = va_features_commit(&o.file, o.video, va_cropper_fps(c),
                                    va_cropper_frame_count(c), w->id);
    va_features_abort(&o.file);
    va_free(o.path);
    return result;
}

/* ---- all ---------------------------------------------------------------------------------- */

static struct va_footage *open_footage(const struct work *w, const char *path)
{
    return va_footage_open(path, w->job->name, w->job->tolerate, (int)w->job->threads);
}

static int embed_one(struct work *w, const char *path)
{
    const struct va_cropper_options *crop = &w->job->crop;
    struct va_footage *f = open_footage(w, path);
    struct va_cropper *c = NULL;
    int result = f ? va_options_settle_input(path) : -1;

    if (result == 0 && crop->faces &&
        !(c = va_cropper_open(crop, path, va_footage_video(f),
                              w->job->output_dir ? VA_CROP_SOME_OR_NONE : VA_CROP_ONE)))
        result = -1;
    if (c)
        va_footage_crop(f, c);
    if (result == 0)
        result = c && va_cropper_count(c) == 0 ? embed_nobody(w, f, c) : embed(w, f, c);
    va_footage_close(f);
    va_cropper_close(c);
    return result;
}

/* All inputs, with the folders of crops in folders. */
static int find_inputs(struct work *w)
{
    const struct va_embed_job *job = w->job;

    for (char *const *path = job->inputs; *path; path++)
        if (va_crops_find(*path, &w->inputs, &w->input_count, &w->input_room) < 0)
            return -1;
    if (job->output && w->input_count > 1)
        return va_error("%s: found %lld folders of crops, expected one; several videos need "
                        "--output-dir",
                        job->inputs[0], (long long)w->input_count);
    if ((job->crop.faces || job->name) && w->input_count > 1)
        return va_error("%s: found %lld folders, expected one video with %s", job->inputs[0],
                        (long long)w->input_count, job->crop.faces ? "--faces" : "--name");
    return 0;
}

static void free_list(char **list, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        va_free(list[i]);
    va_free(list);
}

/* Other features than those of another command, or of pictures of another size. */
static int use_filter(struct work *w)
{
    const struct va_piped_options *o = &w->job->filter;
    const int64_t sizes[] = { o->size, o->width };
    struct va_hash h;

    w->intake = va_piped_intake(o);
    w->width = o->width;
    if (!(w->id = va_new(VA_HASH_TEXT, 1)))
        return -1;
    va_hash_init(&h);
    va_hash_add(&h, sizes, sizeof(sizes));
    va_hash_add(&h, o->command, strlen(o->command));
    va_hash_finish(&h, w->id);
    return 0;
}

static int use_onnx(struct work *w)
{
    const struct va_embed_job *job = w->job;

    w->compared = true;
    w->onnx = va_ort_open(job->weights, &job->onnx, job->threads, &w->id);
    if (!w->onnx)
        return -1;
    w->intake = va_ort_intake(w->onnx);
    w->width = va_ort_width(w->onnx);
    return 0;
}

static int use_encoder(struct work *w, struct va_backend **be)
{
    const struct va_embed_job *job = w->job;
    struct va_tensors *set = va_model_open(job->weights, &w->id);
    int64_t breadth = set ? va_model_breadth(set, job->weights) : -1;
    int precision = job->precision;
    int result = breadth < 0 ? -1
                             : va_precision_choose(va_precision_names, job->device, breadth,
                                                   &precision);

    w->compared = precision != VA_INT8_PRODUCTS || va_verbosity() != VA_VERBOSE;
    if (result == 0 && va_tensors_meta(set, "input") &&
        !(w->trained = va_strdup(va_tensors_meta(set, "input"))))
        result = -1;
    *be = result == 0 ? va_device_open(job->device) : NULL;
    if (*be) {
        (*be)->precision = (enum va_precision)precision;
        (*be)->batch = job->batch;
        w->embedder = va_embedder_new(*be, set, job->weights, job->batch);
    }
    va_tensors_free(set); /* as large as the model: before its prepared forms take room */
    if (!w->embedder)
        return -1;
    w->intake = va_embedder_intake(w->embedder);
    w->width = va_embedder_width(w->embedder);
    return 0;
}

/* A video that is bad does not stop the others; a machine that fails does, and an ONNX model, whose process may be
 * gone. */
static int embed_all(struct work *w)
{
    int result = 0;

    for (int64_t i = 0; i < w->input_count; i++)
        if (embed_one(w, w->inputs[i]) < 0) {
            result = -1;
            if (va_error_last_status() != VA_EXIT_INPUT || w->onnx)
                break;
        }
    return result;
}

int va_embed(const struct va_embed_job *job)
{
    struct work w = { .job = job };
    struct va_backend *be = NULL;
    int result = -1;

    if (find_inputs(&w) == 0 && (!job->output_dir || va_make_folder(job->output_dir) == 0))
        result = job->filter.command       ? use_filter(&w)
                 : va_ort_is(job->weights) ? use_onnx(&w)
                                           : use_encoder(&w, &be);
    if (result == 0)
        result = embed_all(&w);
    free_list(w.inputs, w.input_count);
    free_list(w.videos, w.done);
    va_embedder_free(w.embedder);
    va_ort_close(w.onnx);
    va_backend_free(be);
    va_free(w.id);
    va_free(w.trained);
    return result;
}
