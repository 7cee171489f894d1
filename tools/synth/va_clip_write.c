/*
 * Text and crops are written plainly, without temporary files of their own: the whole corpus is
 * one, until its folder gets its name.
 */
#include "tools/synth/va_clip_write.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "media/va_encode.h"
#include "tools/synth/va_voice.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIDEO_QUALITY = 55, CROP_QUALITY = 92 };

static bool given_up(const struct va_clip_job *job)
{
    return *job->stop || atomic_load(job->failed);
}

int va_plain_write(const char *root, const char *name, const void *bytes, int64_t size)
{
    char *path = va_format("%s/%s", root, name);
    FILE *f = path ? fopen(path, "wb") : NULL;
    int result = -1, why;

    if (f) {
        result = fwrite(bytes, 1, (size_t)size, f) == (size_t)size ? 0 : -1;
        why = errno; /* of the write: closing would forget it */
        if (fclose(f) && result == 0)
            result = -1;
        else
            errno = why;
    }
    if (path && result < 0)
        va_error_write(path, "write");
    va_free(path);
    return result;
}

/* ---- text --------------------------------------------------------------------------------- */

static void print_value(FILE *f, double x, enum va_label_style style)
{
    double whole = round(x);

    if (style == VA_LABELS_LOOSE && fabs(x - whole) < 0.05)
        fprintf(f, "%d", (int)whole); /* as raters' tools write 0 and 1 */
    else
        fprintf(f, "%.4f", x);
}

/* A rater has nothing to rate where a person has left, or is hidden by another. */
static bool is_rated(const struct va_scene *s, int i, int64_t t)
{
    const struct va_track *k = &s->job->clip->tracks[i];
    struct va_face face;

    return !(t >= k->silent && t < k->silent_to) &&
           (!s->job->clip->crossing || va_scene_face(s, i, t, &face));
}

/* Labels of track i, or with `truth` what was felt in every frame. */
static void print_rows(FILE *f, const struct va_scene *s, int i, bool truth)
{
    const struct va_track *k = &s->job->clip->tracks[i];
    const double *values = truth ? va_act_latent(s->acts[i]) : va_act_rating(s->acts[i]);
    enum va_label_style style = truth ? VA_LABELS_PLAIN : k->style;
    int64_t rows = truth ? s->job->clip->frames : k->labels;
    const char *end = style == VA_LABELS_CRLF ? "\r\n" : "\n";
    const char *comma = style == VA_LABELS_LOOSE ? " , " : ",";

    fprintf(f, "valence,arousal%s", end);
    for (int64_t t = 1; t <= rows; t++) {
        if (!truth && !is_rated(s, i, t)) {
            fputs(style == VA_LABELS_LOOSE ? "-5.0, -5.0" : "-5,-5", f);
        } else {
            print_value(f, values[2 * (t - 1)], style);
            fputs(comma, f);
            print_value(f, values[2 * (t - 1) + 1], style);
        }
        if (t < rows || style != VA_LABELS_LOOSE)
            fputs(end, f);
    }
}

static int write_text(const struct va_scene *s, int i, const char *folder, const char *suffix,
                      bool truth)
{
    char *name = va_format("%s/%s%s", folder, s->job->clip->tracks[i].name, suffix);
    char *text = NULL;
    size_t size = 0;
    FILE *f = name ? open_memstream(&text, &size) : NULL;
    int result = -1;

    if (f) {
        print_rows(f, s, i, truth);
        result = fclose(f) == 0 ? 0 : va_error_memory("out of memory");
    } else if (name) {
        va_error_memory("out of memory");
    }
    if (result == 0)
        result = va_plain_write(s->job->root, name, text, (int64_t)size);
    free(text); /* of the memory stream */
    va_free(name);
    return result;
}

static int write_texts(const struct va_scene *s)
{
    static const char *const folders[] = {
        "VA_Estimation_Challenge/Train_Set",
        "VA_Estimation_Challenge/Validation_Set",
        "truth/Test_Set",
    };

    for (int i = 0; i < s->job->clip->people; i++)
        if (write_text(s, i, folders[s->job->clip->set], s->job->clip->tracks[i].suffix,
                       false) < 0 ||
            write_text(s, i, "truth", ".txt", true) < 0)
            return -1;
    return 0;
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* People beside one another, each with a wall of their own; or before one wall, the first in front. */
static void draw_people(const struct va_scene *s, int64_t t, struct va_canvas *c)
{
    const struct va_clip *clip = s->job->clip;
    int64_t size = s->job->options->size;

    if (clip->crossing)
        va_act_wall(s->acts[0], size, c);
    for (int i = clip->people - 1; i >= 0; i--) {
        double left = va_scene_left(s->job, i, t);
        bool away = va_track_away(&clip->tracks[i], s->job->options->seed, t);

        if (clip->crossing)
            va_act_enter(s->acts[i], t - 1, c, left, size);
        else
            va_act_draw(s->acts[i], t - 1, away, c, (int64_t)left, (int64_t)left + size);
    }
}

/* The voices of the people of a clip. */
struct choir {
    struct va_voice *voices[VA_TRACKS_MAX];
    float *mixed;   /* [room] */
    int16_t *bytes; /* [room] */
    int64_t room, next;
};

static void release_choir(struct choir *c)
{
    for (int i = 0; i < VA_TRACKS_MAX; i++)
        va_voice_free(c->voices[i]);
    va_free(c->mixed);
    va_free(c->bytes);
}

static int init_choir(struct choir *c, const struct va_scene *s)
{
    *c = (struct choir){ .room = (int64_t)(VA_VOICE_RATE / s->job->clip->fps) + 2 };
    c->mixed = va_new(c->room, sizeof(*c->mixed));
    c->bytes = va_new(c->room, sizeof(*c->bytes));
    for (int i = 0; i < s->job->clip->people; i++)
        if (!(c->voices[i] = va_voice_new(s->acts[i])))
            return -1;
    return c->mixed && c->bytes ? 0 : -1;
}

/* What is heard while frame t (from 1) is shown. */
static int speak(struct choir *c, const struct va_scene *s, struct va_encoder *e, int64_t t)
{
    int64_t end = llround((double)t * VA_VOICE_RATE / s->job->clip->fps), count = end - c->next;

    memset(c->mixed, 0, (size_t)count * sizeof(*c->mixed));
    for (int i = 0; i < s->job->clip->people; i++)
        va_voice_speak(c->voices[i], count, c->mixed);
    for (int64_t i = 0; i < count; i++)
        c->bytes[i] = (int16_t)lrintf(32767 * fminf(fmaxf(c->mixed[i], -1), 1));
    c->next = end;
    return va_encoder_samples(e, c->bytes, count);
}

static int encode_frames(const struct va_scene *s, struct va_encoder *e, struct va_canvas *c,
                         uint8_t *rgb)
{
    const struct va_clip_job *job = s->job;
    struct choir choir = { .room = 0 };
    bool heard = job->options->voices;
    int result = heard ? init_choir(&choir, s) : 0;

    if (result == 0 && heard)
        result = va_encoder_speak(e, VA_VOICE_RATE);
    for (int64_t t = 1; t <= job->clip->frames && result == 0; t++) {
        if (given_up(job)) {
            result = -1;
            break;
        }
        draw_people(s, t, c);
        va_act_expose(s->acts[0], t - 1, c, rgb);
        result = va_encoder_frame(e, rgb, t - 1);
        if (result == 0 && heard)
            result = speak(&choir, s, e, t);
    }
    release_choir(&choir);
    return result;
}

static int write_video(const struct va_scene *s)
{
    const struct va_clip_job *job = s->job;
    int64_t size = job->options->size, width = va_scene_width(job);
    char *path = va_format("%s/videos/%s.mp4", job->root, job->clip->base);
    uint8_t *rgb = va_new(width * size, 3);
    struct va_encoder *e = NULL;
    struct va_canvas c;
    int result = va_canvas_init(&c, width, size);

    if (result == 0 && path && rgb) {
        pthread_mutex_lock(job->lock);
        e = va_encoder_open(path, width, size, job->clip->fps, VIDEO_QUALITY);
        pthread_mutex_unlock(job->lock);
    }
    result = e ? encode_frames(s, e, &c, rgb) : -1;
    pthread_mutex_lock(job->lock);
    if (result == 0)
        result = va_encoder_close(&e);
    va_encoder_abort(&e);
    pthread_mutex_unlock(job->lock);
    va_canvas_release(&c);
    va_free(rgb);
    va_free(path);
    return result;
}

static int write_crop(const struct va_scene *s, int i, int64_t t, struct va_canvas *c,
                      uint8_t *rgb)
{
    const struct va_track *k = &s->job->clip->tracks[i];
    char *name = va_format("cropped_aligned/%s/%05lld.jpg", k->name, (long long)t);
    uint8_t *bytes = NULL;
    int64_t size;
    int result = -1;

    va_act_draw(s->acts[i], t - 1, false, c, 0, VA_CROP_SIZE);
    va_act_expose(s->acts[i], t - 1, c, rgb);
    if (name &&
        va_jpeg_bytes(name, rgb, VA_CROP_SIZE, VA_CROP_SIZE, CROP_QUALITY, &bytes, &size) == 0)
        result = va_plain_write(s->job->root, name, bytes, size);
    va_free(bytes);
    va_free(name);
    return result;
}

/* Files that other systems leave in folders, and one whose name is no frame number. */
static int write_junk(const struct va_scene *s, const struct va_track *k)
{
    static const char *const names[] = { ".DS_Store", "Thumbs.db", "notes.txt" };
    static const char bytes[] = "not an image\n";

    for (size_t n = 0; n < VA_COUNT(names); n++) {
        char *name = va_format("cropped_aligned/%s/%s", k->name, names[n]);
        int result = name ? va_plain_write(s->job->root, name, bytes, sizeof(bytes) - 1) : -1;

        va_free(name);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int write_crops(const struct va_scene *s, int i, struct va_canvas *c, uint8_t *rgb)
{
    struct va_face face;
    const struct va_track *k = &s->job->clip->tracks[i];
    char *folder = va_format("%s/cropped_aligned/%s", s->job->root, k->name);
    int result = folder ? va_make_folder(folder) : -1;

    for (int64_t t = k->first_crop; t <= k->last_crop && result == 0; t++) {
        if (given_up(s->job))
            result = -1;
        else if (va_scene_face(s, i, t, &face))
            result = write_crop(s, i, t, c, rgb);
    }
    if (result == 0 && k->junk)
        result = write_junk(s, k);
    va_free(folder);
    return result;
}

static int write_all_crops(const struct va_scene *s)
{
    uint8_t *rgb = va_new((int64_t)VA_CROP_SIZE * VA_CROP_SIZE, 3);
    struct va_canvas c;
    int result = va_canvas_init(&c, VA_CROP_SIZE, VA_CROP_SIZE);

    if (!rgb)
        result = -1;
    for (int i = 0; i < s->job->clip->people && result == 0; i++)
        result = write_crops(s, i, &c, rgb);
    va_canvas_release(&c);
    va_free(rgb);
    return result;
}

int va_clip_write(const struct va_clip_job *job)
{
    const struct va_clip *clip = job->clip;
    struct va_scene s = { .job = job };
    int result = given_up(job) ? -1 : 0;

    for (int i = 0; i < clip->people && result == 0; i++) {
        const struct va_track *k = &clip->tracks[i];
        int64_t T = k->labels > clip->frames ? k->labels : clip->frames;

        s.acts[i] = va_act_new(job->options->seed, k->person, T, clip->fps);
        if (!s.acts[i])
            result = -1;
    }
    if (result == 0)
        result = write_texts(&s);
    if (result == 0)
        result = write_video(&s);
    if (result == 0) {
        pthread_mutex_lock(job->lock);
        result = va_scene_write_faces(&s);
        pthread_mutex_unlock(job->lock);
    }
    if (result == 0 && (clip->from_crops || job->options->all_crops))
        result = write_all_crops(&s);
    for (int i = 0; i < clip->people; i++)
        va_act_free(s.acts[i]);
    return result;
}
