/*
 * va_frame_table.h - predictions as a table for a spreadsheet: what --table writes.
 *
 * Columns frame (from 1), time (seconds; empty where not known), valence, arousal; a row for each
 * frame. Separated by tabs, in a file named *.csv by commas. One video goes to a file, several to
 * a folder: <video>.tsv in it.
 */
#ifndef VA_FRAME_TABLE_H
#define VA_FRAME_TABLE_H

#include "base/va_attr.h"
#include "base/va_option.h"

#define VA_OPT_TABLE(target_)                                                   \
    VA_OPT_STREAM(0, "table", target_, "FILE|DIR",                              \
                  "write a table of frame, time, valence and arousal to FILE, " \
                  "DIR/<video>.tsv or standard output (-)")

/* Check that `where` can hold the tables of `videos` videos: a folder (it exists, or `where` ends in "/")
 * holds any number, a file one. Returns 0, or -1 after reporting. */
VA_MUST_USE int va_frame_table_check(const char *where, int64_t videos);

/* Whether the table of this video may be written: a file that stands there is a table of ours (see
 * va_output.h). `source` gave the name. 0, or -1 after reporting. */
VA_MUST_USE int va_frame_table_may(const char *where, const char *source, const char *name);

/*
 * Write the table of one video, va [T, 2], pts [T] (NaN where not known) or NULL. A folder is made
 * when it is missing; a file appears when it is complete. 0, or -1 after reporting, also that
 * `name` of the video, which `source` gave, cannot be that of a file.
 */
VA_MUST_USE int va_frame_table_write(const char *where, const char *source, const char *name,
                                     int64_t T, const float *va, const double *pts);

#endif
