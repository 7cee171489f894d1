/*
 * Thread i makes batches first + i, first + i + n, ... into a ring of its own; whoever takes them
 * goes round the rings. Footage, which comes in its order, has one thread.
 */
#include "feed/va_feed.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_ring.h"
#include "base/va_thread.h"
#include <pthread.h>
#include <string.h>

enum { THREADS_MAX = 8, SLOTS = 2 };

struct slot {
    int64_t k, count;
    struct va_feed_item *items; /* [batch] */
    uint8_t *pixels;            /* [batch, S, S, 3] */
};

struct worker {
    struct va_feed *of;
    int64_t next; /* its batch */
    struct va_ring *ring;
    struct slot slot[SLOTS];
    struct va_picture_reader *reader;
    struct va_augmenter *augmenter;
    pthread_t thread;
    bool started, failed;
};

struct va_feed {
    struct va_intake intake;
    int64_t batch;
    struct va_pictures *pictures; /* with `order`, */
    struct va_footage *footage;   /* or this */
    struct va_feed_order order;
    struct worker workers[THREADS_MAX];
    int threads;
    int64_t turn; /* batches taken */
    struct va_feed_batch taken;
};

/* ---- in the background ------------------------------------------------------------------ */

/* The next frame of footage, or the picture that the item names. 1 and a frame, 0 at the end, -1. */
static int read_one(struct worker *w, struct va_feed_item *item, struct va_frame *frame)
{
    struct va_footage *footage = w->of->footage;
    int got;

    if (footage) {
        got = va_footage_next(footage, frame);
        *item = (struct va_feed_item){ .picture = frame->index,
                                       .pts = frame->pts,
                                       .person = va_footage_person(footage) };
        if (got > 0 && va_footage_scored(footage))
            item->score = va_footage_score(footage);
        return got;
    }
    got = va_picture_read(w->reader, item->picture, frame);
    item->replaced = got > 0;
    return got < 0 ? -1 : 1;
}

static int fit(struct worker *w, const struct va_feed_item *item, const struct va_frame *f,
               uint8_t *pixels)
{
    const struct va_feed_order *o = &w->of->order;
    struct va_augment_choice choice;

    va_augment_choose(&o->augment, o->seed, item->epoch, (uint64_t)item->picture, f->width,
                      f->height, &choice);
    return va_augmenter_run(w->augmenter, &choice, f->pixels, f->width, f->height, pixels);
}

/* 1 when there is more, 0 at the end (the batch may hold some), -1. */
static int load(struct worker *w, struct slot *b)
{
    const struct va_feed *f = w->of;
    int64_t count = f->footage ? f->batch : f->order.order(f->order.arg, w->next, b->items);
    int got = count > 0;

    b->k = w->next;
    for (b->count = 0; got > 0 && b->count<count; b->count += got> 0) {
        struct va_feed_item *item = &b->items[b->count];
        struct va_frame frame = { 0 };

        got = read_one(w, item, &frame);
        if (got > 0 && fit(w, item, &frame,
                           b->pixels + b->count * f->intake.side * f->intake.side * 3) < 0)
            got = -1;
    }
    w->next += f->threads;
    return got;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    int i, got = 1;

    while (got > 0 && (i = va_ring_fill(w->ring)) >= 0) {
        got = load(w, &w->slot[i]);
        if (got >= 0 && w->slot[i].count > 0)
            va_ring_put(w->ring);
    }
    w->failed = got < 0;
    va_ring_end(w->ring);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------- */

static int start(struct va_feed *f, int i)
{
    struct worker *w = &f->workers[i];
    int error;

    w->of = f;
    w->next = f->order.first + i;
    w->ring = va_ring_new(SLOTS);
    w->augmenter = va_augmenter_new(f->intake.side);
    if (f->pictures)
        w->reader = va_picture_reader_new(f->pictures);
    if (!w->ring || !w->augmenter || (f->pictures && !w->reader))
        return -1;
    for (int s = 0; s < SLOTS; s++) {
        w->slot[s].items = va_new(f->batch, sizeof(*w->slot[s].items));
        w->slot[s].pixels = va_new(f->batch * f->intake.side * f->intake.side, 3);
        if (!w->slot[s].items || !w->slot[s].pixels)
            return -1;
    }
    error = pthread_create(&w->thread, NULL, work, w);
    if (error)
        return va_error_machine("cannot start a thread: %s", strerror(error));
    w->started = true;
    return 0;
}

static struct va_feed *feed_new(struct va_intake intake, int64_t batch, struct va_pictures *p,
                                struct va_footage *footage, const struct va_feed_order *order)
{
    struct va_feed *f = va_new(1, sizeof(*f));
    int i = 0;

    if (!f)
        return NULL;
    *f = (struct va_feed){
        .intake = intake, .batch = batch, .pictures = p, .footage = footage, .order = *order
    };
    f->threads = order->threads > 0 ? order->threads : va_threads_count() / 2;
    f->threads = f->threads < 1 ? 1 : f->threads > THREADS_MAX ? THREADS_MAX : f->threads;
    f->taken.items = va_new(batch, sizeof(*f->taken.items));
    f->taken.cut = va_new(batch * intake.numbers, sizeof(*f->taken.cut));
    if (f->taken.items && f->taken.cut)
        while (i < f->threads && start(f, i) == 0)
            i++;
    if (i == f->threads)
        return f;
    va_feed_free(f);
    return NULL;
}

struct va_feed *va_feed_pictures(struct va_intake intake, int64_t batch, struct va_pictures *p,
                                 const struct va_feed_order *order)
{
    return feed_new(intake, batch, p, NULL, order);
}

struct va_feed *va_feed_footage(struct va_intake intake, int64_t batch, struct va_footage *f)
{
    const struct va_feed_order whole = { .threads = 1, .augment = { .scale = { 1, 1 } } };

    return feed_new(intake, batch, NULL, f, &whole);
}

void va_feed_free(struct va_feed *f)
{
    if (!f)
        return;
    for (int i = 0; i < f->threads; i++)
        if (f->workers[i].started)
            va_ring_cancel(f->workers[i].ring);
    for (int i = 0; i < f->threads; i++) {
        struct worker *w = &f->workers[i];

        if (w->started)
            pthread_join(w->thread, NULL);
        va_ring_free(w->ring);
        va_picture_reader_free(w->reader);
        va_augmenter_free(w->augmenter);
        for (int s = 0; s < SLOTS; s++) {
            va_free(w->slot[s].items);
            va_free(w->slot[s].pixels);
        }
    }
    va_free(f->taken.items);
    va_free(f->taken.cut);
    va_free(f);
}

/* ---- taking ----------------------------------------------------------------------------- */

struct cut {
    const struct va_intake *intake;
    const uint8_t *pixels;
    float *rows;
    int64_t bytes; /* of one picture */
};

static void cut_one(void *arg, int64_t i, int thread)
{
    const struct cut *c = arg;

    (void)thread;
    c->intake->cut(c->intake->model, c->pixels + i * c->bytes,
                   c->rows + i * c->intake->numbers);
}

/* The slot can be filled again when it returns: only bytes wait. */
static void take(struct va_feed *f, const struct slot *s)
{
    struct cut cut = { .intake = &f->intake,
                       .pixels = s->pixels,
                       .rows = f->taken.cut,
                       .bytes = f->intake.side * f->intake.side * 3 };

    va_parallel(s->count, cut_one, &cut);
    f->taken.k = s->k;
    f->taken.count = s->count;
    memcpy(f->taken.items, s->items, sizeof(*s->items) * (size_t)s->count);
}

int va_feed_next(struct va_feed *f, const struct va_feed_batch **batch)
{
    struct worker *w = &f->workers[f->turn % f->threads];
    int i = va_ring_take(w->ring);

    if (i < 0)
        return w->failed ? -1 : 0;
    take(f, &w->slot[i]);
    va_ring_release(w->ring);
    f->turn++;
    *batch = &f->taken;
    return 1;
}
