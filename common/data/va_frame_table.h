/*
 * va_frame_table.h - predictions as a table for other programs: one file, a row for every frame
 * of every video (or person) that is added.
 *
 *     csv, tsv   frame (from 1), time (seconds), person, face (1 or 0), confidence, valence,
 *                arousal; empty where a value is not known. Of several models also valence_spread,
 *                arousal_spread and the ends of the interval: valence_lower, ..., arousal_upper,
 *                if the videos have them
 *     jsonl      the same as an object a line; null where a value is not known
 *     openface   csv with the column names of OpenFace: frame, face_id, timestamp, confidence,
 *                success, valence, arousal. face_id counts the persons from 0
 *     vtt        WebVTT subtitles: a cue for each second and person in which the face is seen
 *     eaf        ELAN: a tier for each person, with the same segments
 *
 * Values of a cue are the means over its frames. Formats with cues need times.
 * A format is a line of the table in va_frame_table.c.
 *
 * Ownership: a table owns its temporary file until commit or abort
 */
#ifndef VA_FRAME_TABLE_H
#define VA_FRAME_TABLE_H

#include "base/va_attr.h"
#include "data/va_frame_values.h"
#include <stdbool.h>
#include <stddef.h>

enum va_table_format {
    VA_TABLE_AUTO, /* as the ending of the file's name says; tsv where it says nothing */
    VA_TABLE_CSV,
    VA_TABLE_TSV,
    VA_TABLE_JSONL,
    VA_TABLE_OPENFACE,
    VA_TABLE_VTT,
    VA_TABLE_EAF,
};
extern const char *const va_table_format_names[]; /* in enum order, NULL last */

const char *va_table_ending(enum va_table_format format); /* of file names; AUTO: "tsv" */

/* What AUTO is for a file of this name. */
enum va_table_format va_table_format_of(const char *path);
/* Whether a format has a row for a frame, and can be written while frames come. */
bool va_table_has_rows(enum va_table_format format);

/* Whether a file that begins with head[0..size) is such a table, in any format (va_output.h). */
bool va_frame_table_ours(const char *head, size_t size);

struct va_frame_table; /* opaque */

/* Begin `path` ("-": standard output), which appears when complete. NULL after reporting. */
VA_MUST_USE struct va_frame_table *va_frame_table_create(const char *path,
                                                         enum va_table_format format);

/* Add a video, or a person; `source` names its file in messages. -1 after reporting, also that
 * the format needs times that are not known. */
VA_MUST_USE int va_frame_table_add(struct va_frame_table *t, const char *source,
                                   const struct va_frame_values *v);

/*
 * A row of a format that has rows, written at once. 0, or -1 without a report, with errno: the file or
 * pipe cannot be written; then commit or abort.
 */
VA_MUST_USE int va_frame_table_put(struct va_frame_table *t, const struct va_frame_row *row);

/* Both free *t and set it to NULL. commit: -1 after reporting. */
VA_MUST_USE int va_frame_table_commit(struct va_frame_table **t);
void va_frame_table_abort(struct va_frame_table **t); /* *t NULL is fine */

#endif
