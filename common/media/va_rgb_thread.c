/* One slot of a ring: it is free again when the picture in it is finished. */
#include "base/va_mem.h"
#include "base/va_ring.h"
#include "media/va_source_priv.h"

#include <pthread.h>

struct va_rgb_thread {
    struct va_rgb *rgb;
    struct va_ring *ring;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct va_rgb_thread *t = arg;

    while (va_ring_take(t->ring) >= 0) {
        va_rgb_run(t->rgb);
        va_ring_release(t->ring);
    }
    return NULL;
}

struct va_rgb_thread *va_rgb_thread_new(struct va_rgb *rgb)
{
    struct va_rgb_thread *t = va_new(1, sizeof(*t));

    if (!t)
        return NULL;
    t->rgb = rgb;
    t->ring = va_ring_new(1);
    if (t->ring && pthread_create(&t->thread, NULL, work, t) == 0)
        return t;
    va_ring_free(t->ring);
    va_free(t);
    return NULL;
}

void va_rgb_thread_run(struct va_rgb_thread *t)
{
    va_ring_put(t->ring);
}

void va_rgb_thread_wait(struct va_rgb_thread *t)
{
    (void)va_ring_fill(t->ring);
}

void va_rgb_thread_free(struct va_rgb_thread *t)
{
    if (!t)
        return;
    va_ring_end(t->ring);
    pthread_join(t->thread, NULL);
    va_ring_free(t->ring);
    va_free(t);
}
