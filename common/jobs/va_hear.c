/*
 * The file is read twice side by side, for the times of the frames and for the sound: neither waits for the other one, however
 * far apart they lie in the file, and memory does not depend on its length.
 */
#include "jobs/va_hear.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_option.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "data/va_features_write.h"
#include "media/va_samples.h"
#include "media/va_source.h"
#include "sound/va_ear.h"
#include <math.h>
#include <string.h>

enum { BATCH = 64 }; /* rows written together */
static const double shortest = 0.02, longest = 1,
                    usual = 0.04; /* seconds: of a frame's window */

struct hearing {
    const struct va_hear_job *job;
    const char *path;
    struct va_source *source;
    struct va_samples *samples;
    struct va_ear *ear;
    struct va_features_writer file;
    int64_t columns, count; /* rows that wait: */
    float *rows;            /* [BATCH, columns] */
    int32_t index[BATCH];
    double pts[BATCH];
    int64_t frames, written;
};

/* Features of one kind and version can be mixed, of others they cannot. */
static void name_encoder(int kind, char id[VA_HASH_TEXT])
{
    struct va_hash h;

    va_hash_init(&h);
    va_hash_add(&h, "va-hear 1 ", strlen("va-hear 1 "));
    va_hash_add(&h, va_ear_kinds[kind], strlen(va_ear_kinds[kind]));
    va_hash_finish(&h, id);
}

static int write_rows(struct hearing *h)
{
    int result = h->count
                     ? va_features_append(&h->file, h->count, h->rows, h->index, h->pts, NULL)
                     : 0;

    h->written += h->count;
    h->count = 0;
    return result;
}

/* Hear what the row of a frame may depend on. */
static int hear_until(struct hearing *h, double seconds, double length)
{
    while (va_ear_waits(h->ear, seconds, length)) {
        struct va_samples_block b;
        int got = va_samples_next(h->samples, &b);

        if (got < 0 || (got == 0 && va_ear_end(h->ear) < 0) ||
            (got > 0 && va_ear_hear(h->ear, b.first, b.samples, b.count) < 0))
            return -1;
    }
    return 0;
}

/* The frame, of which the times of the one before and the one after are known, or NaN. */
static int take_frame(struct hearing *h, double before, const struct va_frame *f, double after)
{
    double length = isnan(before) && isnan(after) ? usual
                    : isnan(before)               ? after - f->pts
                    : isnan(after)                ? f->pts - before
                                                  : (after - before) / 2;

    length = fmin(fmax(length, shortest), longest);
    va_progress_update(++h->frames);
    if (hear_until(h, f->pts, length) < 0)
        return -1;
    if (!va_ear_row(h->ear, f->pts, length, h->rows + h->count * h->columns))
        return 0;
    h->index[h->count] = (int32_t)f->index;
    h->pts[h->count++] = f->pts;
    return h->count == BATCH ? write_rows(h) : 0;
}

static int take_frames(struct hearing *h)
{
    struct va_frame frame, after;
    double before = NAN;
    int got = va_source_next(h->source, &frame);

    va_progress_begin("frames", va_source_expected(h->source));
    while (got > 0) {
        int more = va_source_next(h->source, &after);

        if (more < 0 || take_frame(h, before, &frame, more ? after.pts : NAN) < 0)
            return -1;
        before = frame.pts;
        frame = after;
        got = more;
    }
    va_progress_end();
    return got < 0 ? -1 : write_rows(h);
}

static int write_names(const struct hearing *h)
{
    char text[VA_EAR_COLUMNS_MAX][VA_EAR_NAME];
    const char *names[VA_EAR_COLUMNS_MAX];

    for (int64_t i = 0; i < h->columns; i++) {
        va_ear_name(h->ear, i, text[i]);
        names[i] = text[i];
    }
    return va_h5_write_strings(h->file.out, "/names", h->columns, names);
}

static int open_inputs(struct hearing *h)
{
    const struct va_source_options pictures = { .times = true, .tolerate = h->job->tolerate };
    const struct va_samples_options sound = { .rate = VA_EAR_RATE,
                                              .tolerate = h->job->tolerate,
                                              .track = h->job->track };
    int got;

    if (!strcmp(h->path, "-"))
        return va_error("-: sound cannot be read from standard input: give a file");
    got = va_samples_open(&h->samples, h->path, &sound);
    if (got == 0)
        return va_error("%s: found no sound, expected a video with a stream of sound", h->path);
    h->source = got > 0 ? va_source_open(h->job->frames ? h->job->frames : h->path, &pictures)
                        : NULL;
    h->ear = h->source ? va_ear_new((enum va_ear_kind)h->job->kind) : NULL;
    return h->ear ? 0 : -1;
}

static int write_file(struct hearing *h, const char *output, const char *video)
{
    char encoder[VA_HASH_TEXT];

    h->columns = va_ear_columns(h->ear);
    h->rows = va_new(BATCH * h->columns, sizeof(*h->rows));
    if (!h->rows || va_features_create(&h->file, output, -1, h->columns, false) < 0 ||
        write_names(h) < 0 || take_frames(h) < 0)
        return -1;
    if (h->written == 0)
        return va_error("%s: found sound beside none of its %lld frames", h->path,
                        (long long)h->frames);
    va_debug("%s: %lld of %lld frames have sound", h->path, (long long)h->written,
             (long long)h->frames);
    name_encoder(h->job->kind, encoder);
    return va_features_commit(&h->file, video, va_source_fps(h->source),
                              va_source_frame_count(h->source), encoder);
}

static int hear_one(const struct va_hear_job *job, const char *path, const char *video)
{
    struct hearing h = { .job = job, .path = path };
    char *output = job->output ? va_strdup(job->output)
                               : va_format("%s/%s.h5", job->output_dir, video);
    int result = output && va_options_settle_input(path) == 0 && open_inputs(&h) == 0
                     ? write_file(&h, output, video)
                     : -1;

    va_features_abort(&h.file);
    va_free(h.rows);
    va_ear_free(h.ear);
    va_samples_close(h.samples);
    va_source_close(h.source);
    va_free(output);
    return result;
}

/* Names of all videos [count], each once, before any work. -1 after reporting. */
static int name_videos(const struct va_hear_job *job, char **videos, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        videos[i] = job->name ? va_strdup(job->name)
                              : va_video_name_enter(job->frames ? job->frames : job->inputs[i],
                                                    "rename it or give --name");
        if (!videos[i])
            return -1;
        for (int64_t k = 0; k < i; k++)
            if (!strcmp(videos[i], videos[k]))
                return va_error("%s: video %s is among the inputs twice", job->inputs[i],
                                videos[i]);
    }
    return 0;
}

/* A video that is bad does not stop the others; a machine that fails does. */
static int hear_all(const struct va_hear_job *job, char *const *videos, int64_t count)
{
    int result = 0;

    for (int64_t i = 0; i < count; i++)
        if (hear_one(job, job->inputs[i], videos[i]) < 0) {
            result = -1;
            if (va_error_last_status() != VA_EXIT_INPUT)
                break;
        }
    return result;
}

int va_hear(const struct va_hear_job *job)
{
    int64_t count = 0;
    char **videos;
    int result = -1;

    while (job->inputs[count])
        count++;
    videos = va_new(count, sizeof(*videos));
    if (videos && name_videos(job, videos, count) == 0)
        result = job->output_dir ? va_make_folder(job->output_dir) : 0;
    if (result == 0)
        result = hear_all(job, videos, count);
    for (int64_t i = 0; i < count && videos; i++)
        va_free(videos[i]);
    va_free(videos);
    return result;
}
