/*
 * va_feed.h - batches of pictures for an encoder: read, cut out, coloured and resized by threads in the
 * background, and normalised and cut into patches when they are taken.
 *
 * A feed holds the pictures of a collection in an order that the caller gives (training, rating), or those
 * of one video in theirs (embedding). What is ahead are slots of bytes: two batches a thread, so that memory
 * does not grow with the number of pictures. Batches come in order, and what is in them does not depend on
 * the number of threads.
 *
 * Ownership: collection, footage and the intake's model outlive the feed
 * Threads:   next from one thread
 */
#ifndef VA_FEED_H
#define VA_FEED_H

#include "base/va_attr.h"
#include "feed/va_footage.h"
#include "feed/va_pictures.h"
#include "media/va_augment.h"
#include "model/va_intake.h"

struct va_feed_item {
    int64_t picture; /* of the collection; of footage the frame's number */
    uint64_t epoch;  /* of its random choices */
    double pts;      /* of footage: seconds, */
    int64_t person;  /* va_footage_person, */
    float score;     /* and va_footage_score where there is one */
    bool replaced;   /* set by the feed: it is broken, and another took its place */
};

struct va_feed_order {
    int threads; /* 0: half of those there are, at most 8 */
    struct va_augment_options augment;
    uint64_t seed;
    int64_t first; /* k of the first batch */
    /* The pictures of batch k into items [batch]; returns how many, 0 after the last batch. Called
     * from any thread. */
    int64_t (*order)(const void *arg, int64_t k, struct va_feed_item *items);
    const void *arg;
};

struct va_feed_batch {
    int64_t k, count;
    struct va_feed_item *items; /* [count] */
    float *cut;                 /* [count, numbers], as the intake's cut gives them */
};

struct va_feed; /* opaque */

/* Begin to load, at most `batch` pictures in one. NULL after reporting. */
VA_MUST_USE struct va_feed *va_feed_pictures(struct va_intake intake, int64_t batch,
                                             struct va_pictures *p,
                                             const struct va_feed_order *order);
/* All that are left, whole. */
VA_MUST_USE struct va_feed *va_feed_footage(struct va_intake intake, int64_t batch,
                                            struct va_footage *f);
/* The next batch, until the next call: 1, 0 at the end, -1 after reporting. */
VA_MUST_USE int va_feed_next(struct va_feed *f, const struct va_feed_batch **batch);
void va_feed_free(struct va_feed *f); /* at any time; NULL is fine */

#endif
