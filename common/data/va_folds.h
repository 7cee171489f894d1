/*
 * va_folds.h - which videos are trained on and which are held out, fold by fold.
 *
 * Fold 0 is the official split. Folds 1 .. N are a cross-validation by one of three schemes:
 *
 *   paper    over all videos, training and validation together. Videos of one group (one person's
 *            base name, data/va_lists.h) stay together. Groups go largest first to the fold with
 *            the fewest frames; the seed decides between equals only.
 *   authors  as the published code does it: the files of both sets in one row, cut into N runs
 *            of equal numbers of files (the first ones longer by one). Groups may be torn, and
 *            then the held-out score is too good: reported.
 *   sucv     as the code from which that was made: the training set alone cut into N runs; fold k
 *            holds out run N + 1 - k, and the official validation set is trained on.
 *
 * Without an official split, N folds from 0 on are drawn over all videos as in the scheme paper.
 *
 * Names in tables are those of files (base/va_names.h): clip.mp4 is video "clip".
 *
 * Rows are bytewise sorted by name, the training set first.
 *
 * Ownership: a plan owns names; begins as { 0 }
 */
#ifndef VA_FOLDS_H
#define VA_FOLDS_H

#include "base/va_attr.h"
#include "data/va_labels.h"
#include <stdbool.h>
#include <stdint.h>

enum va_scheme { VA_SCHEME_PAPER, VA_SCHEME_AUTHORS, VA_SCHEME_SUCV };
extern const char *const va_scheme_names[]; /* in enum order, NULL last */

struct va_fold_video {
    char *name;
    char *group; /* NULL: by its name (data/va_lists.h) */
    int64_t frames;
    bool official; /* of the official validation set */
    int64_t fold;  /* 1 .. N: the fold that holds it out; 0: none does */
};
struct va_fold_plan {
    struct va_fold_video *videos; /* [count] */
    int64_t count, room;
    int64_t folds;       /* N */
    bool given;          /* read from a table or drawn: its fold 0 is one like the others */
    int64_t torn_groups; /* groups that lie in several folds */
};

/* Add one video. */
VA_MUST_USE int va_folds_add_video(struct va_fold_plan *plan, const char *name, int64_t frames,
                                   bool official);
/* Add all videos of a folder of annotations, with their numbers of frames. */
VA_MUST_USE int va_folds_add(struct va_fold_plan *plan, const char *labels, bool official);

/* Take the groups of videos from a TSV file with columns `clip` (or `video`) and `group`, instead
 * of from their names; it must name every video of the plan, and may name others. */
VA_MUST_USE int va_folds_group(struct va_fold_plan *plan, const char *path);

/* Take the group of each video from its name: what the first parentheses of the extended regular expression
 * `pattern` match, or all that it matches. -1 after reporting a name that it does not match. */
VA_MUST_USE int va_folds_group_by(struct va_fold_plan *plan, const char *pattern);

/* Decide who is held out where. -1 after reporting: a video in both sets, too few groups. */
VA_MUST_USE int va_folds_assign(struct va_fold_plan *plan, enum va_scheme scheme, int64_t folds,
                                uint64_t seed);

/* Deal the videos into at most `most` parts of equal size with groups kept together; *parts gets
 * their number and each video its `fold` from 1. */
VA_MUST_USE int va_folds_parts(struct va_fold_plan *plan, int64_t most, int64_t *parts);

/* Draw folds 0 .. N - 1 over all videos, with groups kept together as in the scheme paper: there is no official
 * split. -1 after reporting. */
VA_MUST_USE int va_folds_draw(struct va_fold_plan *plan, int64_t folds, uint64_t seed);

/* Take folds as given in a TSV file with columns `clip` (or `video`) and `fold`, from 0; where
 * there is a column `group`, one in several folds is an error. */
VA_MUST_USE int va_folds_read(struct va_fold_plan *plan, const char *path);

/* Whether fold k of the plan holds video i out. */
bool va_folds_held_out(const struct va_fold_plan *plan, int64_t k, int64_t i);

/* First fold's number is 0; this is one more than the last one's. */
int64_t va_folds_count(const struct va_fold_plan *plan);

/* Write FOLDER/<k>/train.txt and val.txt for all folds: all of them, or after an error none, and
 * an earlier split stays. A list that no split wrote there, or that was edited since, is replaced
 * with --force only: FOLDER/split.tsv records the lists. One process at a time. */
VA_MUST_USE int va_folds_write(const struct va_fold_plan *plan, const char *folder);

void va_folds_release(struct va_fold_plan *plan);

#endif
