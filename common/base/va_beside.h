/*
 * va_beside.h - names of the hidden files that stand beside a target while it is written.
 *
 * Beside FOLDER/NAME they are called FOLDER/.NAME.SUFFIX. Where the name would be too long
 * for the file system, NAME is cut and a hash of it is appended.
 */
#ifndef VA_BESIDE_H
#define VA_BESIDE_H

#include "base/va_attr.h"

enum { VA_BESIDE_SUFFIX = 40 }; /* bytes that a suffix may have */

/*
 * The file that a write to `path` reaches: symbolic links of the last part are followed, also to
 * a file that does not exist yet. A new string, or NULL after reporting.
 */
VA_MUST_USE char *va_beside_follow(const char *path);

/* The folder of `path`, which may end in slashes ("." when it names none), and the beginning ".NAME." that all hidden
 * files beside it share. 0, or -1 after reporting; both are the caller's to free. */
VA_MUST_USE int va_beside_split(const char *path, char **folder, char **beginning);

#endif
