/*
 * va_shown.h - what pictures show of a video: predictions with times without holes, annotations, CCC;
 * and which model made the predictions.
 *
 * Ownership: structs are the caller's and begin as { 0 }; release frees what they own
 */
#ifndef VA_SHOWN_H
#define VA_SHOWN_H

#include "base/va_attr.h"
#include "data/va_label_fit.h"
#include "data/va_labels.h"
#include "data/va_metrics.h"
#include "data/va_predictions.h"
#include <stdbool.h>

struct va_shown {
    const char *name;
    int64_t T;     /* frames */
    double *va;    /* [T, 2] valence, arousal */
    double *seen;  /* [T, 2] the same, NaN where there is no face */
    double *time;  /* [T] seconds, or numbers of frames */
    bool timed;    /* they are seconds */
    double *pts;   /* [T] seconds as in the file, NaN where not known; NULL: it has none */
    uint8_t *face; /* [T] 1 or 0, or NULL */
    double *label; /* [T, 2] annotations, NaN where there is none; NULL: not known */
    float *lower, *upper;  /* [T, 2] ends of the intervals; NULL: there are none */
    double level;          /* of them, in percent */
    struct va_score score; /* over the labelled frames, if there is a label */
    int64_t missing;       /* frames without a face */
};

/* Read video `name` of `in`, with its annotations if `labels` has them. `name` and `in` must live on.
 * -1 after reporting; nothing is to be released then. */
VA_MUST_USE int va_shown_read(struct va_shown *s, const struct va_predictions_in *in,
                              const char *name, const struct va_label_files *labels,
                              const struct va_label_rule *rule);
void va_shown_release(struct va_shown *s);

/* One line on what the video is: frames, length, frames without a face, CCC. */
enum { VA_SHOWN_LINE = 400 };
void va_shown_line(const struct va_shown *s, char line[VA_SHOWN_LINE]);

/* "CCC 0.512", or "CCC undefined". */
void va_shown_ccc(char text[24], double ccc);

/*
 * The models of a file of predictions in one line: the first 8 digits of their content ids, and how well
 * they do on their own validation, `ccc`, which may be NaN: then that it is not known; and `note`, unless NULL.
 */
void va_shown_models(char line[VA_SHOWN_LINE], char *const *ids, int64_t count, double ccc,
                     const char *note);

#endif
