/*
 * va_window_summary.h - what the timelines and windows of an index hold, as a table.
 */
#ifndef VA_WINDOW_SUMMARY_H
#define VA_WINDOW_SUMMARY_H

#include "data/va_window_index.h"
#include <stdio.h>

/* TSV: a row per video and one for all, of an index made here: entries of the timeline, frames, labels,
 * labelled entries, entries without a face, windows, entries in no window. */
void va_window_index_print(const struct va_window_index *index, FILE *stream);

#endif
