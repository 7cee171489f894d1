/*
 * va_videos.h - the videos that va-run is asked for.
 */
#ifndef VA_VIDEOS_H
#define VA_VIDEOS_H

#include "base/va_attr.h"

/*
 * Look whether each of `paths` (NULL last) can be opened, and of folders whether they hold pictures. The same
 * file twice is a warning, and is taken once; of links to one file each is taken, as names of their own. One
 * that cannot be taken is reported; its exit code becomes a line in the file `codes`, and the others go on.
 *
 * A file in memory with a line for each video: its descriptor, which programs that are started inherit and the
 * caller closes; or -1 after reporting, where none is left, too.
 */
VA_MUST_USE int va_videos_list(char *const *paths, int codes);

#endif
