/*
 * va_label_fit.h - whether the rows of a label file are those of the frames they are laid upon.
 *
 * Row k stands for frame k. Files made at another rate (4 rows a second for 25 frames) would land on
 * the wrong frames, so a count that does not fit is said, and refused from VA_LABEL_RATIO on: rates in
 * use differ by 2 and more (15 and 30, 25 and 50, 4 and 25) or by 1.25 at most (24, 25, 30), and so do
 * not the counts of rows and frames of one video, of which corpora lack some.
 *
 * Crops are known by their numbers, and the last face is not the end of the video: where no rate is
 * known, there may be rows behind it, as many as there are.
 */
#ifndef VA_LABEL_FIT_H
#define VA_LABEL_FIT_H

#include "base/va_option.h"
#include "data/va_labels.h"

#define VA_LABEL_RATIO 1.5

enum va_label_unmatched { VA_LABELS_REFUSE, VA_LABELS_ALLOW };
extern const char *const va_label_unmatched_names[]; /* in enum order, NULL last */

/* What the command line says. */
struct va_label_rule {
    double fps;    /* rows per second; 0: a row is a frame */
    int unmatched; /* enum va_label_unmatched */
    bool silent;   /* a difference that is taken is not said here */
};

#define VA_OPT_LABEL_FPS(target_)                                                            \
    VA_OPT_REAL(0, "label-fps", target_, 0, 1e6,                                             \
                "rows per second of label files, which are resampled to the frames; 0: one " \
                "row per frame")
#define VA_OPT_LABELS_UNMATCHED(target_)                                                    \
    VA_OPT_CHOICE(0, "unmatched", target_, va_label_unmatched_names,                        \
                  "refuse or allow label files whose numbers of rows and frames differ by " \
                  "over 1.5 times")

/* The frames that labels are for. */
struct va_label_video {
    const char *name;
    int64_t frames;
    double fps; /* average, 0: not known */
};

/*
 * Labels of file `path` for a video: resampled if the rule says at which rate they are, then compared
 * with its frames. A difference is said (unless silent), one beyond the ratio refused unless allowed.
 * Frame k, at (k - 1) / fps seconds, gets what lies between the rows around that time, row r standing at
 * (r - 1) / rule->fps; the last row lasts as long as the others; a frame beside a row that is not annotated
 * is not annotated. -1 after reporting: refused; too many frames, or their rate not known.
 */
VA_MUST_USE int va_labels_fit(struct va_labels *labels, const char *path,
                              const struct va_label_rule *rule,
                              const struct va_label_video *video);

/* The same for `rows` rows of another kind, one for each frame. */
VA_MUST_USE int va_label_rows_fit(int64_t rows, const char *path,
                                  const struct va_label_rule *rule,
                                  const struct va_label_video *video);

/* Frames per second that times [T] tell, NaN where not known; 0: they do not. pts may be NULL. */
double va_rate_of_times(const double *pts, int64_t T);

#endif
