/*
 * The bounded queue: everything arrives once and in order, never more than its slots at a time.
 */
#include "base/va_ring.h"
#include "test/va_test.h"
#include <pthread.h>
#include <stdlib.h>

enum { SLOTS = 3, ITEMS = 20000 };

static struct va_ring *ring;
static int slot[SLOTS];
static int produced;

static void *produce(void *arg)
{
    int limit = *(int *)arg, i;

    for (produced = 0; produced < limit && (i = va_ring_fill(ring)) >= 0; produced++) {
        slot[i] = produced;
        va_ring_put(ring);
    }
    va_ring_end(ring);
    return NULL;
}

static void begin(pthread_t *thread, int *limit)
{
    ring = va_ring_new(SLOTS);
    if (!ring || pthread_create(thread, NULL, produce, limit))
        abort();
}

static void all_arrive_in_order(void)
{
    int limit = ITEMS, taken = 0, i;
    pthread_t thread;

    begin(&thread, &limit);
    while ((i = va_ring_take(ring)) >= 0) {
        VA_CHECK_INT(slot[i], taken);
        taken++;
        va_ring_release(ring);
    }
    pthread_join(thread, NULL);
    VA_CHECK_INT(taken, ITEMS);
    VA_CHECK_INT(va_ring_take(ring), -1); /* the end stays */
    va_ring_free(ring);
}

static void a_cancelled_producer_stops(void)
{
    int limit = ITEMS;
    pthread_t thread;

    begin(&thread, &limit);
    for (int k = 0; k < 5; k++) {
        VA_CHECK(va_ring_take(ring) >= 0);
        va_ring_release(ring);
    }
    va_ring_cancel(ring);
    pthread_join(thread, NULL);
    VA_CHECK(produced <= 5 + SLOTS);
    VA_CHECK_INT(va_ring_take(ring), -1);
    va_ring_free(ring);
}

static void nothing_is_an_end(void)
{
    int limit = 0;
    pthread_t thread;

    begin(&thread, &limit);
    VA_CHECK_INT(va_ring_take(ring), -1);
    pthread_join(thread, NULL);
    va_ring_free(ring);
}

int main(void)
{
    VA_TEST(all_arrive_in_order);
    VA_TEST(a_cancelled_producer_stops);
    VA_TEST(nothing_is_an_end);
    return va_test_finish();
}
