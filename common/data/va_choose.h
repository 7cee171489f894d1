/*
 * va_choose.h - which videos of an index a list names.
 */
#ifndef VA_CHOOSE_H
#define VA_CHOOSE_H

#include "data/va_window_index.h"
#include <stdbool.h>

/*
 * Mark the videos that the list file names: chosen [video_count], new memory for va_free. A name
 * that the index does not have, a name twice and an empty list are errors. With `digest` it gets
 * 16 hexadecimal digits over the names in the order of the index. NULL after reporting.
 */
VA_MUST_USE bool *va_choose_videos(const struct va_window_index *index, const char *list,
                                   char digest[17]);

#endif
