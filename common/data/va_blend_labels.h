/*
 * va_blend_labels.h - an ensemble and its labels, video by video; their moments over all labelled frames.
 */
#ifndef VA_BLEND_LABELS_H
#define VA_BLEND_LABELS_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include "data/va_blend.h"
#include "data/va_ensemble.h"
#include "data/va_label_fit.h"

struct va_blend_job {
    struct va_strings folders; /* of <video>.txt annotations, at least one */
    const char *list; /* file that names the videos to take, or NULL: all that have labels */
    struct va_label_rule rule;
    enum va_ensemble_missing missing; /* labelled videos without predictions in some files */
};

/* Takes the video that is loaded, with label [T, 2] of its first T frames; some may have none. -1 after
 * reporting. */
typedef int va_blend_take(void *data, const struct va_ensemble *e, const char *name, int64_t T,
                          const double *label);

/* Give each labelled video to `take`. Missing frames are an error unless job->missing is
 * VA_ENSEMBLE_SKIP. 0, or -1 after reporting. */
VA_MUST_USE int va_blend_each(struct va_ensemble *e, const struct va_blend_job *job,
                              va_blend_take *take, void *data);

/*
 * Add every labelled frame to the moments of valence and arousal, blend [2], each initialised by
 * va_blend_init(.., e->count). Returns 0, or -1 after reporting, also if there is no such frame.
 */
VA_MUST_USE int va_blend_add_labels(struct va_blend *blend, struct va_ensemble *e,
                                    const struct va_blend_job *job);

#endif
