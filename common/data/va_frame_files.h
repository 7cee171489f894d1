/*
 * va_frame_files.h - predictions as text files of other programs: what --text-dir and --table write.
 *
 * VA_FRAME_LABELS  valence,arousal, a line for each frame (va_labels.h): DIR/<video>.txt
 * VA_FRAME_TABLE   columns frame (from 1), time (seconds; empty where not known), valence, arousal;
 *                  separated by tabs, in a file named *.csv by commas. One video goes to a file,
 *                  several to a folder: <video>.tsv in it
 *
 * A format is a writer of one file and a line of the table in va_frame_files.c.
 */
#ifndef VA_FRAME_FILES_H
#define VA_FRAME_FILES_H

#include "base/va_attr.h"
#include "base/va_option.h"

enum va_frame_format { VA_FRAME_LABELS, VA_FRAME_TABLE, VA_FRAME_FORMATS };

/* Where files of each format go; NULL: nowhere. */
struct va_frame_files {
    const char *where[VA_FRAME_FORMATS];
};

#define VA_OPT_TABLE(files_)                                                    \
    VA_OPT_STREAM(0, "table", &(files_)->where[VA_FRAME_TABLE], "FILE|DIR",     \
                  "write a table of frame, time, valence and arousal to FILE, " \
                  "DIR/<video>.tsv or standard output (-)")
#define VA_OPT_TEXT_DIR(files_)                                                            \
    VA_OPT_OUTPUT(0, "text-dir", &(files_)->where[VA_FRAME_LABELS], "DIR",                 \
                  "folder to write <video>.txt files into: valence,arousal, one line per " \
                  "frame")

/* Check that each place can hold the files of `videos` videos: a folder (it exists, or its name ends in "/")
 * holds any number, a file one. Returns 0, or -1 after reporting. */
VA_MUST_USE int va_frame_files_check(const struct va_frame_files *f, int64_t videos);

/* Whether the files of this video may be written: what stands there is one of ours (va_output.h).
 * `source` gave the name. 0, or -1 after reporting. */
VA_MUST_USE int va_frame_files_may(const struct va_frame_files *f, const char *source,
                                   const char *name);

/*
 * Write the files of one video, va [T, 2], pts [T] (NaN where not known) or NULL. A folder is made
 * when it is missing; a file appears when it is complete. 0, or -1 after reporting, also that
 * `name` of the video, which `source` gave, cannot be that of a file.
 */
VA_MUST_USE int va_frame_files_write(const struct va_frame_files *f, const char *source,
                                     const char *name, int64_t T, const float *va,
                                     const double *pts);

#endif
