/*
 * va_score_files.h - predictions held against files of labels, and the table of what comes out: what va-score
 * does. The measures are those of data/va_metrics.h.
 */
#ifndef VA_SCORE_FILES_H
#define VA_SCORE_FILES_H

#include "base/va_option.h"
#include "data/va_label_fit.h"
#include "data/va_metrics.h"
#include <stdbool.h>
#include <stdio.h>

struct va_score_job {
    struct va_strings labels; /* folders of <video>.txt, at least one */
    struct va_label_rule rule;
    const char *list; /* of the videos to score; NULL: all that have labels */
    bool skip; /* leave out labelled frames and videos without predictions; else an error */
    char *const *inputs; /* predictions, as va_predictions_add takes them; NULL last */
};

/* Add all videos to `e`, which begins as { 0 } and is the caller's to release. 0, or -1 after reporting,
 * also if there is none. */
VA_MUST_USE int va_score_files(struct va_evaluation *e, const struct va_score_job *job);

/*
 * TSV with the columns scope, dimension, each measure, frames: scope pooled, video-mean and, with
 * `per_video`, each video. If all predictions have intervals of one level, then also level, coverage and
 * width. Messages say why a value is nan.
 */
void va_score_print(const struct va_evaluation *e, bool per_video, FILE *stream);

#endif
