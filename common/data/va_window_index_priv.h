/*
 * va_window_index_priv.h - what the files behind va_window_index.h share.
 */
#ifndef VA_WINDOW_INDEX_PRIV_H
#define VA_WINDOW_INDEX_PRIV_H

#include "data/va_window_index.h"

/* Close what va_window_index_open_features opened; fine without it. */
void va_index_sources_close(struct va_window_index *index);

/* "PATH" as found from the folder of `file`, and back. New strings, NULL after reporting. */
VA_MUST_USE char *va_path_relative_to(const char *path, const char *file);
VA_MUST_USE char *va_path_seen_from_here(const char *relative, const char *file);

#endif
