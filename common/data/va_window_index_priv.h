/*
 * va_window_index_priv.h - what the files behind va_window_index.h share.
 */
#ifndef VA_WINDOW_INDEX_PRIV_H
#define VA_WINDOW_INDEX_PRIV_H

#include "data/va_track.h"
#include "data/va_window_index.h"

struct va_h5_in;
struct va_h5_out;

/* The labels of a video, or none. -1 after reporting. */
VA_MUST_USE int va_window_index_labels(struct va_labels *labels,
                                       const struct va_label_files *files,
                                       const struct va_label_rule *rule,
                                       const struct va_track *t, const char *path);

/* The runs of a track, from blocks of its rows in order. Begins as { 0 }. */
struct va_index_runs {
    struct va_index_run *items; /* [count], va_free */
    int64_t count, room;
};
VA_MUST_USE int va_index_runs_add(void *runs, const struct va_track_block *block);

/* Entry t of a video with runs. */
struct va_timeline_entry va_index_entry(const struct va_index_video *v, enum va_missing missing,
                                        int64_t t);

/* Append a video with a timeline of T entries and, if the index has a window, its windows; what t owns but
 * for its frames becomes the index's, and so do its runs and labels, if entries are not listed. `path` NULL: a
 * video without a file. -1 after reporting. */
VA_MUST_USE int va_window_index_append(struct va_window_index *index, struct va_track *t,
                                       const char *path, int64_t T, struct va_index_runs *runs,
                                       struct va_labels *labels);

/* Whether an entry's fields agree; one of named streams has no row. */
bool va_timeline_entry_sound(const struct va_timeline_entry *e, bool streams);

/* Named streams to and from the datasets /streams/... -1 after reporting. */
VA_MUST_USE int va_streams_write(struct va_h5_out *out, const struct va_window_index *index,
                                 const char *path);
VA_MUST_USE int va_streams_read(struct va_h5_in *in, struct va_window_index *index);

/* Close what va_window_index_open_features opened; fine without it. */
void va_index_sources_close(struct va_window_index *index);

/* "PATH" as found from the folder of `file`, and back. New strings, NULL after reporting. */
VA_MUST_USE char *va_path_relative_to(const char *path, const char *file);
VA_MUST_USE char *va_path_seen_from_here(const char *relative, const char *file);

#endif
