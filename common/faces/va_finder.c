/*
 * Frames go round in slots: filled in order by the calling thread, worked on by whoever is free, used
 * in order by the calling thread again.
 */
#include "faces/va_finder.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_progress.h"
#include <pthread.h>
#include <string.h>

enum { THREADS_MAX = 64 };
enum state { EMPTY, WAITING, BUSY, DONE };

struct slot {
    enum state state;
    uint8_t *pixels; /* [height, width, 3] */
    int32_t index;
    double pts;
    bool cut, detect;      /* begins a shot; faces are wanted */
    struct va_face *faces; /* [count] */
    float *looks;          /* [count, VA_LOOK] */
    int64_t count, room, look_room;
};

/* Frames between two in which faces were looked for. */
struct between {
    int32_t index;
    double pts;
};

struct finder {
    const struct va_finder_options *options;
    struct va_source *source;
    struct va_faces_writer *writer;
    struct va_tracks *tracks;
    struct va_face_template template;
    int64_t width, height;
    float thumb[VA_THUMB];
    int64_t frames, cuts, since; /* frames since faces were last looked for */

    struct slot *slots;                   /* [slot_count] */
    int64_t slot_count, head, tail, next; /* frames filled, used, given to a thread */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, failed;

    struct slot last; /* faces of the last frame in which they were looked for */
    int32_t *last_tracklets, *tracklets;
    int64_t last_room, tracklet_room;
    struct between *between; /* [between_count] */
    int64_t between_count, between_room;
};

struct worker {
    struct finder *f;
    struct va_detector *detector;
    pthread_t thread;
};

/* ---- detection, in other threads ----------------------------------------------------------------- */

static int look_at(struct finder *f, struct va_detector *d, struct slot *s)
{
    const struct va_face *faces;
    int64_t n = va_detect(d, s->pixels, f->width, f->height, &faces);

    if (n < 0 || va_grow(&s->faces, &s->room, n, sizeof(*s->faces)) < 0 ||
        va_grow(&s->looks, &s->look_room, n * VA_LOOK, sizeof(*s->looks)) < 0)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        s->faces[i] = faces[i];
        va_look(s->pixels, f->width, f->height, &faces[i], &f->template,
                s->looks + i * VA_LOOK);
    }
    s->count = n;
    return 0;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct finder *f = w->f;

    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        struct slot *s = &f->slots[f->next % f->slot_count];
        int result;

        if (f->next == f->head) {
            pthread_cond_wait(&f->changed, &f->lock);
            continue;
        }
        f->next++;
        if (s->state != WAITING)
            continue;
        s->state = BUSY;
        pthread_mutex_unlock(&f->lock);
        result = look_at(f, w->detector, s);
        pthread_mutex_lock(&f->lock);
        f->failed = f->failed || result < 0;
        s->state = DONE;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- frames in -------------------------------------------------------------------------------------- */

/* Copy a frame to a slot, and decide what is to be done with it. */
static int fill(struct finder *f, struct slot *s, const struct va_frame *frame)
{
    float thumb[VA_THUMB];
    int64_t size = frame->width * frame->height * 3;

    if (f->frames == 0) {
        f->width = frame->width;
        f->height = frame->height;
    }
    if (!s->pixels)
        s->pixels = va_new(size, 1);
    if (!s->pixels)
        return -1;
    memcpy(s->pixels, frame->pixels, (size_t)size);
    va_thumbnail(s->pixels, frame->width, frame->height, thumb);
    s->index = (int32_t)frame->index;
    s->pts = frame->pts;
    s->cut = f->frames > 0 && va_thumbnail_jump(thumb, f->thumb) > VA_CUT;
    memcpy(f->thumb, thumb, sizeof(thumb));
    s->detect = f->frames == 0 || s->cut || ++f->since >= f->options->every;
    if (s->detect)
        f->since = 0;
    s->count = 0;
    f->cuts += s->cut;
    f->frames++;
    return 0;
}

/* Look for faces in the last frame read as well, after which a shot or the video ends: so those before it
 * can be interpolated. It cannot have been used: the last is used only once there is another, or the end. */
static void end_shot(struct finder *f)
{
    int64_t last = f->head - 1;
    struct slot *s;

    if (last < f->tail)
        return;
    s = &f->slots[last % f->slot_count];
    if (s->detect)
        return;
    s->detect = true;
    pthread_mutex_lock(&f->lock);
    s->state = WAITING;
    if (f->next > last)
        f->next = last;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* The next frame of the source to the slot at the head. 1, 0 at the end, -1 after reporting. */
static int read_frame(struct finder *f)
{
    struct slot *s = &f->slots[f->head % f->slot_count];
    struct va_frame frame;
    int got = va_source_next(f->source, &frame);

    if (got == 0)
        end_shot(f);
    if (got <= 0)
        return got;
    if (fill(f, s, &frame) < 0)
        return -1;
    if (s->cut)
        end_shot(f);
    va_progress_update(f->frames);
    pthread_mutex_lock(&f->lock);
    s->state = s->detect ? WAITING : DONE;
    f->head++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return 1;
}

/* ---- faces out --------------------------------------------------------------------------------------- */

/* A face on the way from a to b, by the share u of b. */
static struct va_face mixed(const struct va_face *a, const struct va_face *b, float u)
{
    struct va_face f = { .score = a->score < b->score ? a->score : b->score };

    for (int i = 0; i < 4; i++)
        f.box[i] = (1 - u) * a->box[i] + u * b->box[i];
    for (int k = 0; k < VA_YUNET_POINTS; k++)
        for (int i = 0; i < 2; i++)
            f.points[k][i] = (1 - u) * a->points[k][i] + u * b->points[k][i];
    return f;
}

/* Faces of the frames since the last in which they were looked for, of tracklets that are in both. */
static int interpolate(struct finder *f, const struct slot *s)
{
    const struct slot *a = &f->last;

    for (int64_t i = 0; i < f->between_count; i++) {
        const struct between *at = &f->between[i];
        float u = (float)(at->index - a->index) / (float)(s->index - a->index);

        for (int64_t k = 0; k < a->count; k++)
            for (int64_t m = 0; m < s->count; m++) {
                struct va_face face;

                if (f->last_tracklets[k] != f->tracklets[m])
                    continue;
                face = mixed(&a->faces[k], &s->faces[m], u);
                if (va_faces_append(f->writer, at->index, at->pts, &face, f->tracklets[m]) < 0)
                    return -1;
                va_tracks_count(f->tracks, f->tracklets[m], &face);
            }
    }
    f->between_count = 0;
    return 0;
}

/* Keep the faces of this frame for the interpolation up to the next. */
static int remember(struct finder *f, const struct slot *s)
{
    struct slot *a = &f->last;

    if (va_grow(&a->faces, &a->room, s->count, sizeof(*a->faces)) < 0 ||
        va_grow(&f->last_tracklets, &f->last_room, s->count, sizeof(*f->last_tracklets)) < 0)
        return -1;
    a->index = s->index;
    a->count = s->count;
    if (s->count) {
        memcpy(a->faces, s->faces, (size_t)s->count * sizeof(*a->faces));
        memcpy(f->last_tracklets, f->tracklets, (size_t)s->count * sizeof(*f->tracklets));
    }
    return 0;
}

/* The oldest frame, which is done. */
static int use(struct finder *f, struct slot *s)
{
    if (!s->detect) {
        if (va_grow(&f->between, &f->between_room, f->between_count + 1, sizeof(*f->between)) <
            0)
            return -1;
        f->between[f->between_count++] = (struct between){ s->index, s->pts };
        return 0;
    }
    if (va_grow(&f->tracklets, &f->tracklet_room, s->count, sizeof(*f->tracklets)) < 0 ||
        va_tracks_add(f->tracks, s->index, s->pts, s->cut, s->count, s->faces, s->looks,
                      f->tracklets) < 0 ||
        interpolate(f, s) < 0)
        return -1;
    for (int64_t i = 0; i < s->count; i++)
        if (va_faces_append(f->writer, s->index, s->pts, &s->faces[i], f->tracklets[i]) < 0)
            return -1;
    return remember(f, s);
}

/* Wait for the oldest frame, and use it. */
static int use_oldest(struct finder *f)
{
    struct slot *s = &f->slots[f->tail % f->slot_count];
    bool failed;

    pthread_mutex_lock(&f->lock);
    while (s->state != DONE)
        pthread_cond_wait(&f->changed, &f->lock);
    failed = f->failed;
    pthread_mutex_unlock(&f->lock);
    if (failed || use(f, s) < 0)
        return -1;
    s->state = EMPTY;
    f->tail++;
    return 0;
}

static int run(struct finder *f)
{
    int got = 1;

    va_progress_begin("frames", va_source_expected(f->source));
    while (got > 0 || f->tail < f->head) {
        if (got > 0 && f->head - f->tail < f->slot_count) {
            got = read_frame(f);
            if (got < 0)
                break;
        } else if (use_oldest(f) < 0) {
            got = -1;
            break;
        }
    }
    va_progress_end();
    return got;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static void release(struct finder *f)
{
    for (int64_t i = 0; f->slots && i < f->slot_count; i++) {
        va_free(f->slots[i].pixels);
        va_free(f->slots[i].faces);
        va_free(f->slots[i].looks);
    }
    va_free(f->slots);
    va_free(f->last.faces);
    va_free(f->last_tracklets);
    va_free(f->tracklets);
    va_free(f->between);
    va_tracks_free(f->tracks);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

/* Threads that look for faces; how many are running, fewer than wanted after reporting. */
static int start(struct finder *f, struct worker *workers, int count,
                 const struct va_tensors *set, const char *path)
{
    for (int i = 0; i < count; i++) {
        int error;

        workers[i].f = f;
        workers[i].detector = va_detector_new(set, path, &f->options->detect);
        error = workers[i].detector
                    ? pthread_create(&workers[i].thread, NULL, work, &workers[i])
                    : 0;
        if (error)
            va_error_machine("cannot start a thread: %s", strerror(error));
        if (error || !workers[i].detector) {
            va_detector_free(workers[i].detector);
            return i;
        }
    }
    return count;
}

static void finish(struct finder *f, struct worker *workers, int count)
{
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        va_detector_free(workers[i].detector);
    }
}

int va_finder_run(struct va_source *source, const struct va_tensors *set, const char *path,
                  const char *video, const struct va_finder_options *options,
                  struct va_faces_writer *writer, struct va_finder_result *result)
{
    struct finder f = { .options = options, .source = source, .writer = writer };
    int count = options->threads < THREADS_MAX ? options->threads : THREADS_MAX, started, got;
    struct worker workers[THREADS_MAX] = { { 0 } };
    const struct va_tracklet *all;
    int64_t tracklets;

    *result = (struct va_finder_result){ 0 };
    pthread_mutex_init(&f.lock, NULL);
    pthread_cond_init(&f.changed, NULL);
    f.slot_count = 2 * count + 2;
    f.slots = va_new(f.slot_count, sizeof(*f.slots));
    f.tracks = va_tracks_new(options->gap, false);
    got = f.slots && f.tracks ? va_face_template_read(&f.template, VA_FACES_TEMPLATE) : -1;
    if (got == 0) {
        started = start(&f, workers, count, set, path);
        got = started == count ? run(&f) : -1;
        finish(&f, workers, started);
    }
    if (got == 0) {
        all = va_tracks_all(f.tracks, &tracklets);
        got = va_people_find(&result->people, all, tracklets, video, va_source_fps(source),
                             f.frames, &options->people);
    }
    result->frames = f.frames;
    result->width = f.width;
    result->height = f.height;
    result->cuts = f.cuts;
    release(&f);
    return got;
}
