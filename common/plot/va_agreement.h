/*
 * va_agreement.h - predicted against annotated of all held-out videos of a folder of results.
 *
 * Ownership: the caller's struct, begins as { 0 }; release frees what it owns
 */
#ifndef VA_AGREEMENT_H
#define VA_AGREEMENT_H

#include "base/va_attr.h"
#include "data/va_metrics.h"
#include "plot/va_results.h"
#include "plot/va_view.h"

struct va_agreed {
    char *name;                /* of the video */
    int64_t result;            /* which of the results holds it out */
    int64_t frames;            /* labelled */
    double ccc[VA_DIMENSIONS]; /* NaN where undefined, and of a single frame */
};
struct va_agreement {
    struct va_agreed *items; /* [count], by their mean CCC; where that is undefined, last */
    int64_t count, room;
    int64_t defined;          /* the first ones, whose mean CCC is defined */
    struct va_evaluation all; /* of all, for pictures */
};

/* Read the val.h5 of all results that have one. Without a labelled video, count is 0. -1 after
 * reporting; nothing is to be released then. */
VA_MUST_USE int va_agreement_read(struct va_agreement *a, const struct va_results *r,
                                  const struct va_view_options *options);
void va_agreement_release(struct va_agreement *a);

/* The item of a video of fold `fold`, or NULL. */
const struct va_agreed *va_agreement_find(const struct va_agreement *a,
                                          const struct va_results *r, const char *name,
                                          int64_t fold);

#endif
