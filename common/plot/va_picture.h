/*
 * va_picture.h - whole pictures of one kind of input, as va-plot writes them.
 *
 * `output` is what va_figure_begin takes. All return -1 after reporting.
 */
#ifndef VA_PICTURE_H
#define VA_PICTURE_H

#include "base/va_attr.h"
#include "plot/va_curves.h"
#include "plot/va_view.h"
#include <stdint.h>

enum { VA_PICTURE_VIDEOS = 40 }; /* videos in one picture at most */

/* Traces and circumplex of each video to show. */
VA_MUST_USE int va_picture_videos(const char *output, const char *input,
                                  const struct va_view *v);

/* Predicted against annotated, all labelled videos together. */
VA_MUST_USE int va_picture_agreement(const char *output, const char *input,
                                     const struct va_view *v);

/* Loss and CCC of the runs; `models` is a line on the models that they made. */
VA_MUST_USE int va_picture_curves(const char *output, const struct va_curves *runs,
                                  int64_t count, const char *models);

/* Tables of va-score [count]: bars for each fold, or for each video of a single table that has them. */
VA_MUST_USE int va_picture_scores(const char *output, const char *const *paths, int64_t count);

/* A table of va-fold report --format tsv: bars for each fold. */
VA_MUST_USE int va_picture_folds(const char *output, const char *path);

#endif
