/*
 * va_label_convert.h - label files from tables of ratings: other columns, ranges and rates, several annotators.
 *
 * A table has a row per moment (va_csv.h) and is of one video, or has a column that names the video. A file of ELAN has
 * tiers in the place of columns, and their segments in that of rows (va_elan.h). Several
 * columns of a dimension, or several files of a video, are several annotators: they are averaged, each
 * shifted by its delay first if `align` is set. Nothing is guessed: rows whose rate or times do not fit the video are
 * refused.
 *
 * Ownership: the job is the caller's
 */
#ifndef VA_LABEL_CONVERT_H
#define VA_LABEL_CONVERT_H

#include "base/va_option.h"
#include "data/va_csv.h"
#include "data/va_label_fit.h"

enum va_convert_missing { VA_CONVERT_REFUSE, VA_CONVERT_UNLABELLED };
extern const char *const va_convert_missing_names[]; /* in enum order, NULL last */

enum va_time_unit { VA_SECONDS, VA_MILLISECONDS };
extern const char *const va_time_unit_names[];

struct va_label_convert {
    int header;                   /* enum va_csv_header */
    struct va_strings columns[2]; /* of valence and arousal, one or more annotators each */
    const char *time, *video;     /* columns, or NULL */
    bool elan;                    /* inputs are of ELAN; set by va_label_convert_check */
    int unit;                     /* enum va_time_unit */
    bool ranged; /* ratings from lo to hi become -1 to 1; else they are so, and -5 is none */
    double lo, hi;
    double fps;       /* rows per second, where no column has times; 0: a row is a frame */
    double lag;       /* seconds that annotators react late */
    double align;     /* most seconds of an annotator's own delay; 0: none */
    double gap;       /* seconds between rows that are bridged */
    int missing;      /* enum va_convert_missing */
    int unmatched;    /* enum va_label_unmatched */
    const char *name; /* of the one video of all inputs; NULL: each is called as its file */
    const char *
        unnamed; /* what to do where a file is not called as a video, for messages; NULL: nothing */
    const char *to;     /* its features, or a folder with them; NULL: rows stay */
    const char *output; /* folder */
};

/* Options that all who convert have. */
#define VA_OPT_CONVERT(job_)                                                                  \
    VA_OPT_OUTPUT('o', "output", &(job_)->output, "DIR", "folder to write <video>.txt into"), \
        VA_OPT_REAL(0, "from-fps", &(job_)->fps, 0, 1e6,                                      \
                    "rows per second; 0: one row per frame"),                                 \
        VA_OPT_STRING(0, "time", &(job_)->time, "COLUMN", "column with the times of rows"),   \
        VA_OPT_CHOICE(0, "time-unit", &(job_)->unit, va_time_unit_names,                      \
                      "unit of the times: seconds or milliseconds"),                          \
        VA_OPT_FILE(0, "to", &(job_)->to,                                                     \
                    "features whose frames get the labels, or a folder of <video>.h5"),       \
        VA_OPT_REAL(0, "lag", &(job_)->lag, -60, 60,                                          \
                    "seconds by which ratings are moved to earlier frames"),                  \
        VA_OPT_REAL(0, "gap", &(job_)->gap, 0, 1e6,                                           \
                    "longest time between two rows whose frames get a label, in seconds"),    \
        VA_OPT_CHOICE(0, "missing", &(job_)->missing, va_convert_missing_names,               \
                      "refuse missing ratings, or leave their frames unlabelled"),            \
        VA_OPT_LABELS_UNMATCHED(&(job_)->unmatched), VA_OPT_CSV_HEADER(&(job_)->header)

/* Whether the options fit together; false after reporting. Sets job->elan, and then job->time, as
 * rows have times. */
bool va_label_convert_check(struct va_label_convert *job, char **inputs, int *status);

/*
 * Write the label files of all inputs (NULL last), each FILE, or valence=FILE or arousal=FILE for a file of one
 * dimension; where videos have several annotators, a table of their delays and agreement to `table`. 0, or -1
 * after reporting.
 */
VA_MUST_USE int va_label_convert(const struct va_label_convert *job, char **inputs,
                                 FILE *table);

#endif
