/*
 * va_loader.h - batches of pictures, read, cut and resized by threads in the background.
 *
 * Which pictures batch k holds is a function the caller gives; the loader prepares the next few
 * batches while one is used, so that memory does not grow with the number of pictures. Batches come
 * in order, and what is in them does not depend on the number of threads.
 *
 * Threads:   next and release from one thread
 */
#ifndef VA_LOADER_H
#define VA_LOADER_H

#include "base/va_attr.h"
#include "feed/va_pictures.h"
#include "media/va_augment.h"

struct va_batch_item {
    int64_t picture;
    uint64_t epoch; /* of its random choices */
    bool replaced;  /* set by the loader: it is broken, and another took its place */
};

struct va_loader_options {
    int64_t size;  /* pictures become [size, size, 3] */
    int64_t batch; /* the most pictures in one */
    int threads;   /* 0: half of those there are, at most 8 */
    struct va_augment_options augment;
    uint64_t seed;
    int64_t first; /* k of the first batch */
    /* The pictures of batch k into items [batch]; returns how many, 0 after the last batch. Called
     * from any thread. */
    int64_t (*order)(const void *arg, int64_t k, struct va_batch_item *items);
    const void *arg;
};

struct va_picture_batch {
    int64_t k, count;
    struct va_batch_item *items; /* [count] */
    uint8_t *pixels;             /* [count, size, size, 3] */
};

struct va_loader; /* opaque */

/* Begin to load. NULL after reporting. The collection outlives the loader. */
VA_MUST_USE struct va_loader *va_loader_new(struct va_pictures *p,
                                            const struct va_loader_options *options);
/* The next batch, until release: 1, 0 at the end, -1 after reporting. */
VA_MUST_USE int va_loader_next(struct va_loader *l, const struct va_picture_batch **batch);
void va_loader_release(struct va_loader *l); /* the batch that came last */
void va_loader_free(struct va_loader *l);    /* at any time; NULL is fine */

#endif
