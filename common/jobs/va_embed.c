#include "jobs/va_embed.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "data/va_features_write.h"
#include "feed/va_feed.h"
#include "io/va_pictured.h"
#include "media/va_crops.h"
#include "model/va_embedder.h"
#include "ops/va_device.h"
#include "weights/va_model_file.h"
#include <string.h>

/* One encoder, and the videos that are done. */
struct work {
    const struct va_embed_job *job;
    struct va_embedder *embedder;
    char *id;      /* of the encoder */
    char *trained; /* on what (io/va_pictured.h), or NULL */
    char **inputs; /* [input_count] */
    int64_t input_count, input_room;
    char **videos; /* [done] */
    int64_t done, room;
};

/* ---- one video --------------------------------------------------------------------------- */

/* What the feed brings, until its end or the first failure. */
static int compute(const struct work *w, struct va_feed *feed, const struct va_footage *f,
                   struct va_features_writer *out)
{
    int64_t width = va_embedder_width(w->embedder), done = 0;
    float *rows = va_new(w->job->batch * width, sizeof(*rows));
    int32_t *index = va_new(w->job->batch, sizeof(*index));
    double *pts = va_new(w->job->batch, sizeof(*pts));
    float *score = va_new(w->job->batch, sizeof(*score));
    const struct va_feed_batch *b;
    int got = rows && index && pts && score ? 1 : -1;

    va_progress_begin("frames", va_footage_expected(f));
    while (got > 0 && (got = va_feed_next(feed, &b)) > 0) {
        for (int64_t i = 0; i < b->count; i++) {
            index[i] = (int32_t)b->items[i].picture;
            pts[i] = b->items[i].pts;
            score[i] = b->items[i].score;
        }
        if (va_embedder_run(w->embedder, b->count, b->cut, rows) < 0 ||
            va_features_append(out, b->count, rows, index, pts,
                               va_footage_scored(f) ? score : NULL) < 0)
            got = -1;
        done += b->count;
        va_progress_update(done);
    }
    va_progress_end();
    va_free(rows);
    va_free(index);
    va_free(pts);
    va_free(score);
    if (got == 0 && done == 0)
        return va_error("%s: found no frame", va_footage_path(f));
    return got;
}

/* `c`, or NULL: cuts the pictures. */
static int embed(const struct work *w, struct va_footage *f, const struct va_cropper *c,
                 const char *output)
{
    const char *id = va_footage_id(f), *input = va_footage_input(f);
    struct va_features_writer out;
    struct va_feed *feed;
    int result = -1;

    (void)va_pictured_compare(va_footage_path(f), input, w->job->weights, w->trained);
    if (va_features_create(&out, output, va_footage_count(f), va_embedder_width(w->embedder),
                           w->job->half) < 0 ||
        (input && va_h5_put_string(out.out, NULL, "input", input) < 0) ||
        va_h5_add_input(out.out, w->job->weights, w->id) < 0 ||
        (c && va_h5_add_input(out.out, va_cropper_path(c), va_cropper_id(c)) < 0))
        goto done;
    feed = va_feed_footage(va_embedder_intake(w->embedder), w->job->batch, f);
    result = feed ? compute(w, feed, f, &out) : -1;
    va_feed_free(feed); /* nobody else is at the footage now */
    if (result < 0)
        goto done;
    result = -1;
    if (id && va_h5_add_input(out.out, va_footage_path(f), id) < 0)
        goto done;
    result = va_features_commit(&out, va_footage_video(f), va_footage_fps(f),
                                va_footage_frame_count(f), w->id);
done:
    va_features_abort(&out);
    return result;
}

/* ---- all ---------------------------------------------------------------------------------- */

/* DIR/VIDEO.h5, once. A new string. */
static char *output_of(const struct work *w, const struct va_footage *f)
{
    const char *video = va_footage_video(f);

    if (w->job->output)
        return va_strdup(w->job->output);
    for (int64_t i = 0; i < w->done; i++)
        if (!strcmp(w->videos[i], video))
            return va_error("%s: video %s is among the inputs twice", va_footage_path(f),
                            video),
                   NULL;
    return va_format("%s/%s.h5", w->job->output_dir, video);
}

/* Of a video without a person: no row, but its frames are counted. */
static int embed_nobody(const struct work *w, const struct va_footage *f,
                        const struct va_cropper *c)
{
    char *output = output_of(w, f);
    struct va_features_writer out = { 0 };
    int result = -1;

    va_warn("%s: has no person: the features of %s have no row", va_cropper_path(c),
            va_footage_path(f));
    if (output &&
        va_features_create(&out, output, 0, va_embedder_width(w->embedder), w->job->half) ==
            0 &&
        va_h5_add_input(out.out, w->job->weights, w->id) == 0 &&
        va_h5_add_input(out.out, va_cropper_path(c), va_cropper_id(c)) == 0 &&
        va_h5_put_string(out.out, NULL, "input", va_cropper_input(c)) == 0)
        result = va_features_commit(&out, va_footage_video(f), va_cropper_fps(c),
                                    va_cropper_frame_count(c), w->id);
    va_features_abort(&out);
    va_free(output);
    return result;
}

/* Under a name of its own. */
static int embed_footage(struct work *w, struct va_footage *f, const struct va_cropper *c)
{
    char *output = output_of(w, f);
    int result = output ? embed(w, f, c, output) : -1;

    if (result == 0)
        result = va_grow(&w->videos, &w->room, w->done + 1, sizeof(*w->videos));
    if (result == 0 && !(w->videos[w->done++] = va_strdup(va_footage_video(f))))
        result = -1;
    va_free(output);
    return result;
}

static struct va_footage *open_footage(const struct work *w, const char *path)
{
    return va_footage_open(path, w->job->name, w->job->tolerate, (int)w->job->threads);
}

static int embed_one(struct work *w, const char *path)
{
    struct va_footage *f = open_footage(w, path);
    int result = f ? embed_footage(w, f, NULL) : -1;

    va_footage_close(f);
    return result;
}

/* The video is read once for each person. */
static int embed_people(struct work *w, const char *path)
{
    struct va_footage *f = open_footage(w, path);
    struct va_cropper *c = f ? va_cropper_open(&w->job->crop, path, va_footage_video(f),
                                               w->job->output_dir ? VA_CROP_SOME_OR_NONE
                                                                  : VA_CROP_ONE)
                             : NULL;
    int result = c ? 0 : -1;

    if (c && va_cropper_count(c) > 1 && !strcmp(path, "-"))
        result = va_error("%s: has %lld people, and standard input can be read once: choose "
                          "one with --track",
                          va_cropper_path(c), (long long)va_cropper_count(c));
    if (result == 0 && va_cropper_count(c) == 0)
        result = embed_nobody(w, f, c);
    for (int64_t i = 0; result == 0 && i < va_cropper_count(c); i++) {
        if (!f && !(f = open_footage(w, path)))
            result = -1;
        if (f)
            va_footage_crop(f, c, i);
        if (result == 0)
            result = embed_footage(w, f, c);
        va_footage_close(f);
        f = NULL;
    }
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

int va_embed(const struct va_embed_job *job)
{
    struct work w = { .job = job };
    struct va_tensors *set = NULL;
    struct va_backend *be = NULL;
    int result = -1;

    if (find_inputs(&w) < 0 || (job->output_dir && va_make_folder(job->output_dir) < 0))
        goto done;
    set = va_model_read(job->weights, &w.id);
    if (set && va_tensors_meta(set, "input") &&
        !(w.trained = va_strdup(va_tensors_meta(set, "input"))))
        goto done;
    be = set ? va_device_open(job->device) : NULL;
    if (be)
        be->precision = (enum va_precision)job->precision;
    w.embedder = be ? va_embedder_new(be, set, job->weights, job->batch) : NULL;
    va_tensors_free(set); /* as large as the model: before its prepared forms take room */
    set = NULL;
    result = w.embedder ? 0 : -1;
    for (int64_t i = 0; i < w.input_count && result == 0; i++)
        result = job->crop.faces ? embed_people(&w, w.inputs[i]) : embed_one(&w, w.inputs[i]);
done:
    va_tensors_free(set);
    free_list(w.inputs, w.input_count);
    free_list(w.videos, w.done);
    va_embedder_free(w.embedder);
    va_backend_free(be);
    va_free(w.id);
    va_free(w.trained);
    return result;
}
