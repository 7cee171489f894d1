/*
 * va_frame_files.h - where predictions go as text: what --text-dir and --table write.
 *
 * VA_FRAME_LABELS  valence,arousal, a line for each frame (va_labels.h): DIR/<video>.txt
 * VA_FRAME_TABLE   a table (va_frame_table.h): one file for all videos, or a folder with a file
 *                  for each, <video>.tsv or what the format is called
 *
 *     check, may ... write for each video ... commit or abort
 */
#ifndef VA_FRAME_FILES_H
#define VA_FRAME_FILES_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include "data/va_frame_table.h"

enum va_frame_place { VA_FRAME_LABELS, VA_FRAME_TABLE, VA_FRAME_PLACES };

struct va_frame_files {
    const char *where[VA_FRAME_PLACES]; /* NULL: nowhere */
    int format;                         /* enum va_table_format of the table */
    struct va_frame_table *table;       /* the one file of all videos, when begun */
};

#define VA_OPT_TABLE(files_)                                                        \
    VA_OPT_STREAM(0, "table", &(files_)->where[VA_FRAME_TABLE], "FILE|DIR",         \
                  "write a table with a row per frame to FILE, DIR/<video>.tsv or " \
                  "standard output (-)"),                                           \
        VA_OPT_CHOICE(0, "format", &(files_)->format, va_table_format_names,        \
                      "format of the table; auto: as the ending of FILE says, else tsv")
#define VA_OPT_TEXT_DIR(files_)                                                            \
    VA_OPT_OUTPUT(0, "text-dir", &(files_)->where[VA_FRAME_LABELS], "DIR",                 \
                  "folder to write <video>.txt files into: valence,arousal, one line per " \
                  "frame")

/* Check that the places can hold the files: --format needs --table. False after reporting. */
bool va_frame_files_check_options(const struct va_frame_files *f, int *status);

/* Whether the files of this video may be written: what stands there is one of ours (va_output.h).
 * `source` gave the name. 0, or -1 after reporting. */
VA_MUST_USE int va_frame_files_may(const struct va_frame_files *f, const char *source,
                                   const char *name);

/*
 * Write what is known of one video. A folder is made when it is missing; a file appears when it is
 * complete. 0, or -1 after reporting, also that the name, which `source` gave, cannot be that of
 * a file.
 */
VA_MUST_USE int va_frame_files_write(struct va_frame_files *f, const char *source,
                                     const struct va_frame_values *v);

/* Complete the table of all videos, if there is one; after the last write. -1 after reporting. */
VA_MUST_USE int va_frame_files_commit(struct va_frame_files *f);
void va_frame_files_abort(
    struct va_frame_files *f); /* fine after a commit, and when not begun */

#endif
