/*
 * va_blend_labels.h - the moments of an ensemble and its labels, over all labelled frames.
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
    bool skip; /* leave out labelled videos and frames missing from a file; else an error */
};

/*
 * Add every labelled frame to the moments of valence and arousal, blend [2], each initialised by
 * va_blend_init(.., e->count). Returns 0, or -1 after reporting, also if there is no such frame.
 */
VA_MUST_USE int va_blend_add_labels(struct va_blend *blend, struct va_ensemble *e,
                                    const struct va_blend_job *job);

#endif
