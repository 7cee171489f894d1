#include "base/va_ring.h"

#include "base/va_mem.h"
#include <pthread.h>
#include <stdbool.h>

struct va_ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int slots;
    long filled, taken; /* slots put and released so far */
    bool ended, cancelled;
};

struct va_ring *va_ring_new(int slots)
{
    struct va_ring *r = va_new(1, sizeof(*r));

    if (!r)
        return NULL;
    r->slots = slots;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

void va_ring_free(struct va_ring *r)
{
    if (!r)
        return;
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    va_free(r);
}

int va_ring_fill(struct va_ring *r)
{
    int slot;

    pthread_mutex_lock(&r->lock);
    while (!r->cancelled && r->filled - r->taken == r->slots)
        pthread_cond_wait(&r->changed, &r->lock);
    slot = r->cancelled ? -1 : (int)(r->filled % r->slots);
    pthread_mutex_unlock(&r->lock);
    return slot;
}

int va_ring_take(struct va_ring *r)
{
    int slot;

    pthread_mutex_lock(&r->lock);
    while (!r->cancelled && !r->ended && r->filled == r->taken)
        pthread_cond_wait(&r->changed, &r->lock);
    slot = r->cancelled || r->filled == r->taken ? -1 : (int)(r->taken % r->slots);
    pthread_mutex_unlock(&r->lock);
    return slot;
}

static void change(struct va_ring *r, long *counter, bool *flag)
{
    pthread_mutex_lock(&r->lock);
    if (counter)
        ++*counter;
    if (flag)
        *flag = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void va_ring_put(struct va_ring *r)
{
    change(r, &r->filled, NULL);
}

void va_ring_release(struct va_ring *r)
{
    change(r, &r->taken, NULL);
}

void va_ring_end(struct va_ring *r)
{
    change(r, NULL, &r->ended);
}

void va_ring_cancel(struct va_ring *r)
{
    change(r, NULL, &r->cancelled);
}
