/*
 * va_ring.h - a bounded queue of numbered slots between one thread that fills them and one that
 * empties them. What a slot holds is the caller's: an array with one entry per slot.
 *
 *     producer                             consumer
 *     while ((i = va_ring_fill(r)) >= 0) { while ((i = va_ring_take(r)) >= 0) {
 *         slot[i] = ...                        use slot[i]
 *         va_ring_put(r);                      va_ring_release(r);
 *     }                                    }
 *     va_ring_end(r);
 *
 * Threads:   fill, put and end from one thread; take and release from another; cancel from any
 */
#ifndef VA_RING_H
#define VA_RING_H

#include "base/va_attr.h"

struct va_ring; /* opaque */

VA_MUST_USE struct va_ring *va_ring_new(int slots); /* NULL after reporting */
void va_ring_free(struct va_ring *r);               /* NULL is fine; both threads are done */

int va_ring_fill(struct va_ring *r); /* a free slot, waiting for one; -1 after a cancel */
void va_ring_put(struct va_ring *r); /* that slot is full */
void va_ring_end(struct va_ring *r); /* no more will come */

int va_ring_take(struct va_ring *r); /* the oldest full slot, waiting; -1 at the end */
void va_ring_release(struct va_ring *r);

void va_ring_cancel(struct va_ring *r); /* the consumer gives up: both get -1 from now on */

#endif
