/*
 * va_label_fit.h - check that the rows of a label file belong to the frames of its video.
 *
 * Row k is for frame k. The rows of a file at another rate (4 rows per second for 25 frames) would
 * belong to the wrong frames, so a difference between rows and frames is reported, and a factor above
 * VA_LABEL_RATIO is refused. Rates in use differ by 2 and more (15 and 30, 25 and 50, 4 and 25) or by at
 * most 1.25 (24, 25, 30); missing rows and frames of real corpora make smaller differences.
 *
 * Crops are identified by their numbers, and the last face is not the end of the video: where the rate
 * is unknown, any number of rows may follow the last face.
 */
#ifndef VA_LABEL_FIT_H
#define VA_LABEL_FIT_H

#include "base/va_option.h"
#include "data/va_labels.h"

#define VA_LABEL_RATIO 1.5

enum va_label_unmatched { VA_LABELS_REFUSE, VA_LABELS_ALLOW };
extern const char *const va_label_unmatched_names[]; /* in enum order, NULL last */

/* The options of the command line. */
struct va_label_rule {
    double fps;    /* rows per second; 0: a row is a frame */
    int unmatched; /* enum va_label_unmatched */
    bool silent;   /* an accepted difference is not reported */
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
 * Fit the labels of file `path` to a video: resample them if rule->fps is set, then compare their number
 * with the frames. A difference is reported unless silent; above the ratio it is refused unless allowed.
 * Resampling: frame k, at (k - 1) / fps seconds, gets the linear mix of the two rows around that time; row
 * r is at (r - 1) / rule->fps; the last row lasts as long as the others. A frame next to an unlabelled row is
 * unlabelled. Returns 0, or -1 after reporting: refused, too many frames, or an unknown frame rate.
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
