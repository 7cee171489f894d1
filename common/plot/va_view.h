/*
 * va_view.h - predictions to look at: the file, the annotations, the model.
 *
 * Ownership: the caller's struct, begins as { 0 }; release frees what it owns
 */
#ifndef VA_VIEW_H
#define VA_VIEW_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include "data/va_label_fit.h"
#include "data/va_labels.h"
#include "data/va_metrics.h"
#include "data/va_predictions.h"
#include "plot/va_made.h"

/* What the command line says of it. */
struct va_view_options {
    struct va_strings labels; /* folders */
    struct va_label_rule rule;
    const char *model;       /* file of the model that made the predictions, or NULL */
    struct va_strings names; /* of the videos to show; none: all */
};
#define VA_OPT_VIEW(o_)                                                                    \
    VA_OPT_LIST(0, "labels", &(o_)->labels, "DIR",                                         \
                "folder of label files <video>.txt to compare with; may be repeated"),     \
        VA_OPT_LABEL_FPS(&(o_)->rule.fps), VA_OPT_LABELS_UNMATCHED(&(o_)->rule.unmatched), \
        VA_OPT_FILE('m', "model", &(o_)->model,                                            \
                    "model of the predictions: its CCC on its own validation is shown"),   \
        VA_OPT_LIST(0, "name", &(o_)->names, "VIDEO", "show only this video; may be repeated")

struct va_view {
    struct va_predictions_in *in;
    struct va_label_files labels;
    struct va_label_rule rule;
    const char **names; /* [count] of the videos to show */
    int64_t count;
    struct va_made made; /* the predictions */
    double ccc;          /* of the model on its own validation, NaN where not known */
};

/* Open predictions `path`. -1 after reporting, also that the model is another or that a video is not in the
 * file; nothing is to be released then. `options` must live on. */
VA_MUST_USE int va_view_open(struct va_view *v, const char *path,
                             const struct va_view_options *options);
void va_view_release(struct va_view *v);

/* Add predictions and annotations of all its labelled videos. -1 after reporting. */
VA_MUST_USE int va_view_evaluate(const struct va_view *v, struct va_evaluation *e);

#endif
