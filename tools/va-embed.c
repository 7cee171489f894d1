/*
 * va-embed - one row of features per frame: the CLS row of a vision transformer.
 *
 * A second thread reads (or decodes), resizes and normalises pictures into a few batches while
 * this one computes, so that a video needs no frames file and memory does not grow with its
 * length. The HDF5 library bears one thread at a time: whoever calls it while both run holds
 * `h5_lock`.
 */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_progress.h"
#include "base/va_ring.h"
#include "base/va_tempfile.h"
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "data/va_features_write.h"
#include "data/va_frames.h"
#include "media/va_crops.h"
#include "media/va_decoder.h"
#include "media/va_resize.h"
#include "media/va_source.h"
#include "model/va_embedder.h"
#include "ops/va_device.h"
#include "weights/va_model_file.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 3 }; /* batches: one being filled, one being computed, one between */
enum store { STORE_F32, STORE_F16 };
static const char *const store_names[] = { "f32", "f16", NULL };

struct args {
    const char *weights, *output, *output_dir, *device;
    int64_t batch, threads, tolerate;
    int store, precision;
    bool unconfined;
    char **inputs;
};

static const struct va_usage usage = {
    .synopsis = "[options] -w ENCODER.h5 -o FEATURES.h5 INPUT",
    .brief = "compute a row of features for each frame of a video",
    .details =
        "INPUT is a va.frames/1 file, a video, - for standard input, or a folder of "
        "crops with names as va-decode reads them. A folder without pictures is searched "
        "for folders of crops; each is a video. Videos and folders are decoded directly, "
        "without a frames file.\n\n"
        "Each frame is resized to the encoder's size as Pillow does (bicubic, "
        "antialiased) and normalised with the encoder's mean and std. The features are "
        "the CLS row after the last LayerNorm.\n\n"
        "--precision bf16 rounds the operands of matrix products to bfloat16 and sums in "
        "float32; everything else stays float32. It is faster on CPUs with AMX or AMD's "
        "AVX512_BF16. Elsewhere: same speed as f32, almost the same result.\n\n"
        "With --output-dir DIR there may be many videos; the features of video NAME are "
        "written to DIR/NAME.h5.",
    .examples =
        "va-embed -w encoder.h5 -o holiday.h5 holiday.frames.h5\n"
        "va-embed -w encoder.h5 -o direct.h5 holiday.mp4\n"
        "mkdir features && va-embed -w encoder.h5 --output-dir features cropped_aligned",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_FILE('w', "weights", &a->weights, "encoder (va.model/1)"),
        VA_OPT_OUTPUT('o', "output", &a->output, "FILE",
                      "features to write (va.features/1); appears only when complete"),
        VA_OPT_OUTPUT(0, "output-dir", &a->output_dir, "DIR",
                      "folder to write a features file per input into"),
        VA_OPT_CHOICE(0, "store", &a->store, store_names, "number type of the stored features"),
        VA_OPT_INT(0, "tolerate", &a->tolerate, 0, VA_NUMBER_MAX,
                   "number of broken packets and images of a video to skip before giving up"),
        VA_OPT_RUN_INT(0, "batch", &a->batch, 1, 4096, "frames computed together"),
        VA_OPT_DEVICE(&a->device),
        VA_OPT_PRECISION(&a->precision),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };

    *a = (struct args){ .batch = 16, .device = "auto" };
    a->inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!a->inputs)
        return false;
    if (!a->weights)
        return va_usage_error(status, "missing --weights ENCODER.h5");
    if (!a->output == !a->output_dir)
        return va_usage_error(status, a->output ? "--output and --output-dir conflict"
                                                : "missing --output FILE");
    if (!a->inputs[0])
        return va_usage_error(status, "expected a frames file, a video or a folder");
    if (a->output && a->inputs[1])
        return va_usage_error(status,
                              "several inputs need --output-dir DIR instead of --output");
    return va_device_check_name(a->device, status);
}

/* ---- frames, wherever they come from ----------------------------------------------------- */

struct input {
    const char *path;
    struct va_frames *frames; /* a va.frames/1 file, */
    struct va_source *source; /* or anything else */
    char *video;              /* name */
    int64_t expected;         /* frames; 0 where not known */
};

static int open_input(struct input *in, const char *path, const struct args *a)
{
    const struct va_source_options options = { .tolerate = a->tolerate,
                                               .threads = (int)a->threads };

    *in = (struct input){ .path = path };
    if (va_h5_named(path)) {
        in->frames = va_frames_open(path);
        in->video = in->frames ? va_strdup(va_frames_info(in->frames)->video) : NULL;
        in->expected = in->frames ? va_frames_info(in->frames)->T : 0;
    } else {
        in->video = va_video_name_enter(path, "rename it");
        in->source = in->video ? va_source_open(path, &options) : NULL;
        in->expected = in->source ? va_source_expected(in->source) : 0;
    }
    return in->video && (in->source || in->frames) ? 0 : -1;
}

static void close_input(struct input *in)
{
    va_source_close(in->source);
    va_frames_close(in->frames);
    va_free(in->video);
}

/* As va_source_next. */
static int next_frame(struct input *in, struct va_frame *f)
{
    int32_t index = 0;
    int got;

    if (in->source)
        return va_source_next(in->source, f);
    f->height = va_frames_info(in->frames)->height;
    f->width = va_frames_info(in->frames)->width;
    got = va_frames_next(in->frames, &f->pixels, &index, &f->pts);
    f->index = index;
    return got;
}

/* ---- the reading thread ------------------------------------------------------------------ */

struct batch {
    int64_t count;
    float *patches; /* [batch, P, 3*p*p] */
    int32_t *index; /* [batch] */
    double *pts;    /* [batch] */
};

struct reader {
    struct input *in;
    const struct va_vit *vit;
    struct va_ring *ring;
    struct batch slot[SLOTS];
    int64_t batch;
    uint8_t *picture; /* [S, S, 3] */
    bool failed;
};

static int reader_init(struct reader *r, const struct va_vit *vit, int64_t batch)
{
    const struct va_vit_config *c = va_vit_config(vit);
    int64_t size = va_vit_patches(c) * va_vit_patch_size(c);

    *r = (struct reader){ .vit = vit, .batch = batch };
    r->picture = va_new(c->image * c->image * 3, 1);
    for (int i = 0; i < SLOTS; i++) {
        struct batch *b = &r->slot[i];

        b->patches = va_new(batch * size, sizeof(*b->patches));
        b->index = va_new(batch, sizeof(*b->index));
        b->pts = va_new(batch, sizeof(*b->pts));
        if (!b->patches || !b->index || !b->pts)
            return -1;
    }
    return r->picture ? 0 : -1;
}

static void reader_release(struct reader *r)
{
    for (int i = 0; i < SLOTS; i++) {
        va_free(r->slot[i].patches);
        va_free(r->slot[i].index);
        va_free(r->slot[i].pts);
    }
    va_free(r->picture);
}

/* Fill a batch as far as there are frames. 1, 0 at the end (the batch may hold some), -1. */
static int fill(struct reader *r, struct batch *b, struct va_resize **resize)
{
    const struct va_vit_config *c = va_vit_config(r->vit);
    int64_t size = va_vit_patches(c) * va_vit_patch_size(c);

    for (b->count = 0; b->count < r->batch; b->count++) {
        struct va_frame f;
        int got = next_frame(r->in, &f);

        if (got <= 0)
            return got;
        if (!*resize)
            *resize = va_resize_new(f.width, f.height, c->image, c->image);
        if (!*resize)
            return -1;
        va_resize_run(*resize, f.pixels, r->picture);
        va_vit_cut(r->vit, r->picture, b->patches + b->count * size);
        b->index[b->count] = (int32_t)f.index;
        b->pts[b->count] = f.pts;
    }
    return 1;
}

static void *read_all(void *arg)
{
    struct reader *r = arg;
    struct va_resize *resize = NULL;
    int i, got = 1;

    while (got > 0 && (i = va_ring_fill(r->ring)) >= 0) {
        got = fill(r, &r->slot[i], &resize);
        if (got >= 0 && r->slot[i].count > 0)
            va_ring_put(r->ring);
    }
    r->failed = got < 0;
    va_ring_end(r->ring);
    va_resize_free(resize);
    return NULL;
}

/* ---- computing and writing --------------------------------------------------------------- */

/* All of a run: one encoder, one reader, the videos that are done. */
struct job {
    struct va_embedder *embedder;
    char *id; /* of the encoder */
    struct reader reader;
    char **inputs; /* [input_count] */
    int64_t input_count, input_room;
    char **videos; /* [done] */
    int64_t done, room;
};

/* Compute what the reading thread brings, until the end or the first failure. */
static int consume(struct reader *r, struct va_embedder *e, struct va_features_writer *w)
{
    float *rows = va_new(r->batch * va_vit_config(r->vit)->width, sizeof(*rows));
    int64_t done = 0;
    int i, result = rows ? 0 : -1;

    va_progress_begin("frames", r->in->expected);
    while (result == 0 && (i = va_ring_take(r->ring)) >= 0) {
        const struct batch *b = &r->slot[i];

        result = va_embedder_run(e, b->count, b->patches, rows);
        if (result == 0)
            result = va_features_append(w, b->count, rows, b->index, b->pts);
        done += b->count;
        va_progress_update(done);
        va_ring_release(r->ring);
    }
    va_progress_end();
    va_free(rows);
    if (result < 0)
        va_ring_cancel(r->ring);
    else if (done == 0 && !r->failed)
        result = va_error("%s: found no frame", r->in->path);
    return result;
}

/* What is known at the end: rate and length of a video. */
static int finish(struct va_features_writer *w, const struct input *in, const char *encoder)
{
    const struct va_frames_info *info;

    if (in->source)
        return va_features_commit(w, in->video, va_source_fps(in->source),
                                  va_source_frame_count(in->source), encoder);
    info = va_frames_info(in->frames);
    if (va_h5_add_input(w->out, in->path, info->id) < 0)
        return -1;
    return va_features_commit(w, in->video, info->fps, info->frame_count, encoder);
}

static int embed(struct job *j, const struct args *a, const char *output, struct input *in)
{
    struct reader *r = &j->reader;
    int64_t T = in->frames ? va_frames_info(in->frames)->T : -1;
    struct va_features_writer w;
    pthread_t thread;
    int result = -1, error;

    r->in = in;
    r->failed = false;
    r->ring = va_ring_new(SLOTS);
    if (va_features_create(&w, output, T, va_vit_config(r->vit)->width, a->store == STORE_F16) <
            0 ||
        !r->ring || va_h5_add_input(w.out, a->weights, j->id) < 0)
        goto done;
    error = pthread_create(&thread, NULL, read_all, r);
    if (error) {
        va_error_machine("cannot start a thread: %s", strerror(error));
        goto done;
    }
    result = consume(r, j->embedder, &w);
    pthread_join(thread, NULL);
    if (r->failed)
        result = -1;
    if (result == 0)
        result = finish(&w, in, j->id);
done:
    va_ring_free(r->ring);
    va_features_abort(&w);
    return result;
}

/* DIR/VIDEO.h5, once. A new string. */
static char *output_of(const char *dir, const struct input *in, const struct job *j)
{
    for (int64_t i = 0; i < j->done; i++)
        if (!strcmp(j->videos[i], in->video))
            return va_error("%s: video %s is among the inputs twice", in->path, in->video),
                   NULL;
    return va_format("%s/%s.h5", dir, in->video);
}

static int embed_one(struct job *j, const struct args *a, const char *path)
{
    struct input in;
    char *output = NULL;
    int result = open_input(&in, path, a);

    if (result == 0) {
        output = a->output ? va_strdup(a->output) : output_of(a->output_dir, &in, j);
        result = output ? embed(j, a, output, &in) : -1;
    }
    if (result == 0)
        result = va_grow(&j->videos, &j->room, j->done + 1, sizeof(*j->videos));
    if (result == 0) {
        j->videos[j->done++] = in.video;
        in.video = NULL;
    }
    va_free(output);
    close_input(&in);
    return result;
}

/* All inputs, with the folders of crops in folders. */
static int find_inputs(struct job *j, const struct args *a)
{
    for (char **path = a->inputs; *path; path++)
        if (va_crops_find(*path, &j->inputs, &j->input_count, &j->input_room) < 0)
            return -1;
    if (a->output && j->input_count > 1)
        return va_error("%s: found %lld folders of crops, expected one; several videos need "
                        "--output-dir",
                        a->inputs[0], (long long)j->input_count);
    return 0;
}

static int run(const struct args *a)
{
    struct job j = { 0 };
    struct va_tensors *set = NULL;
    struct va_backend *be = NULL;
    int result = -1;

    if (va_decoder_start(a->unconfined) < 0) /* before there are threads */
        goto done;
    if (find_inputs(&j, a) < 0)
        goto done;
    va_threads_set((int)a->threads);
    if (a->output_dir && va_make_folder(a->output_dir) < 0)
        goto done;
    set = va_model_read(a->weights, &j.id);
    be = set ? va_device_open(a->device) : NULL;
    if (be)
        be->precision = (enum va_precision)a->precision;
    j.embedder = be ? va_embedder_new(be, set, a->weights, a->batch) : NULL;
    va_tensors_free(set);
    if (!j.embedder || reader_init(&j.reader, va_embedder_vit(j.embedder), a->batch) < 0)
        goto done;
    result = 0;
    for (int64_t i = 0; i < j.input_count && result == 0; i++)
        result = embed_one(&j, a, j.inputs[i]);
done:
    for (int64_t i = 0; i < j.input_count; i++)
        va_free(j.inputs[i]);
    va_free(j.inputs);
    for (int64_t i = 0; i < j.done; i++)
        va_free(j.videos[i]);
    va_free(j.videos);
    reader_release(&j.reader);
    va_embedder_free(j.embedder);
    va_backend_free(be);
    va_free(j.id);
    return va_tool_status(result);
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-embed");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
