/*
 * Thread i makes batches first + i, first + i + n, ... into a ring of its own; whoever takes them
 * goes round the rings.
 */
#include "feed/va_loader.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_ring.h"
#include "base/va_thread.h"
#include <pthread.h>
#include <string.h>

enum { THREADS_MAX = 8, SLOTS = 2 };

struct worker {
    struct va_loader *of;
    int64_t next; /* its batch */
    struct va_ring *ring;
    struct va_picture_batch slot[SLOTS];
    struct va_picture_reader *reader;
    struct va_augmenter *augmenter;
    pthread_t thread;
    bool started, failed;
};

struct va_loader {
    struct va_pictures *pictures;
    struct va_loader_options options;
    struct worker workers[THREADS_MAX];
    int threads;
    int64_t turn; /* batches taken */
};

static int load_one(struct worker *w, struct va_batch_item *item, uint8_t *pixels)
{
    const struct va_loader_options *o = &w->of->options;
    struct va_augment_choice choice;
    struct va_frame f;
    int got = va_picture_read(w->reader, item->picture, &f);

    if (got < 0)
        return -1;
    item->replaced = got > 0;
    va_augment_choose(&o->augment, o->seed, item->epoch, (uint64_t)item->picture, f.width,
                      f.height, &choice);
    return va_augmenter_run(w->augmenter, &choice, f.pixels, f.width, f.height, pixels);
}

static int load(struct worker *w, struct va_picture_batch *b)
{
    const struct va_loader_options *o = &w->of->options;

    b->k = w->next;
    b->count = o->order(o->arg, b->k, b->items);
    for (int64_t i = 0; i < b->count; i++)
        if (load_one(w, &b->items[i], b->pixels + i * o->size * o->size * 3) < 0)
            return -1;
    w->next += w->of->threads;
    return b->count ? 1 : 0;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    int i, got = 1;

    while (got > 0 && (i = va_ring_fill(w->ring)) >= 0) {
        got = load(w, &w->slot[i]);
        if (got > 0)
            va_ring_put(w->ring);
    }
    w->failed = got < 0;
    va_ring_end(w->ring);
    return NULL;
}

static int start(struct va_loader *l, int i)
{
    const struct va_loader_options *o = &l->options;
    struct worker *w = &l->workers[i];
    int error;

    w->of = l;
    w->next = o->first + i;
    w->ring = va_ring_new(SLOTS);
    w->reader = va_picture_reader_new(l->pictures);
    w->augmenter = va_augmenter_new(o->size);
    if (!w->ring || !w->reader || !w->augmenter)
        return -1;
    for (int s = 0; s < SLOTS; s++) {
        w->slot[s].items = va_new(o->batch, sizeof(*w->slot[s].items));
        w->slot[s].pixels = va_new(o->batch * o->size * o->size, 3);
        if (!w->slot[s].items || !w->slot[s].pixels)
            return -1;
    }
    error = pthread_create(&w->thread, NULL, work, w);
    if (error)
        return va_error_machine("cannot start a thread: %s", strerror(error));
    w->started = true;
    return 0;
}

struct va_loader *va_loader_new(struct va_pictures *p, const struct va_loader_options *options)
{
    struct va_loader *l = va_new(1, sizeof(*l));

    if (!l)
        return NULL;
    l->pictures = p;
    l->options = *options;
    l->threads = options->threads > 0 ? options->threads : va_threads_count() / 2;
    l->threads = l->threads < 1 ? 1 : l->threads > THREADS_MAX ? THREADS_MAX : l->threads;
    for (int i = 0; i < l->threads; i++)
        if (start(l, i) < 0) {
            va_loader_free(l);
            return NULL;
        }
    return l;
}

int va_loader_next(struct va_loader *l, const struct va_picture_batch **batch)
{
    struct worker *w = &l->workers[l->turn % l->threads];
    int i = va_ring_take(w->ring);

    if (i < 0)
        return w->failed ? -1 : 0;
    *batch = &w->slot[i];
    return 1;
}

void va_loader_release(struct va_loader *l)
{
    va_ring_release(l->workers[l->turn % l->threads].ring);
    l->turn++;
}

void va_loader_free(struct va_loader *l)
{
    if (!l)
        return;
    for (int i = 0; i < l->threads; i++)
        if (l->workers[i].started)
            va_ring_cancel(l->workers[i].ring);
    for (int i = 0; i < l->threads; i++) {
        struct worker *w = &l->workers[i];

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
    va_free(l);
}
