/*
 * va_names.h - the name of a video, from the path of any of its files.
 *
 * Raw video, crops, frames, features and labels of one video share one name, which is the key
 * that joins them. It comes from a path: the last part, known extensions taken off repeatedly
 * ("in/a.mp4.txt" is "a"), all other dots kept ("10-60-1280x720.left" stays).
 */
#ifndef VA_NAMES_H
#define VA_NAMES_H

#include "base/va_attr.h"
#include <stdbool.h>

/*
 * Name of the video that `path` (file or folder) belongs to. "-" is "stdin"; ".", ".." and "/"
 * are named after the folder that they mean. Never empty. A new string, or NULL after reporting.
 */
VA_MUST_USE char *va_video_name(const char *path);

/* The same where a name enters: NULL after reporting also for one that va_video_name_valid
 * refuses. `remedy` ends the message: "rename it". */
VA_MUST_USE char *va_video_name_enter(const char *path, const char *remedy);

/*
 * Whether a name can be a file name, an HDF5 group, a cell of a table and a line of a list: the
 * one rule for names, checked where a name enters. UTF-8 that prints (va_text.h: so no tab or line
 * end); at most 255 bytes; not empty, "." or ".."; no '/'; no blank at either end; no '#' at the beginning or after
 * a blank, where lists have comments.
 */
bool va_video_name_valid(const char *name);
enum { VA_VIDEO_NAME_MAX = 255 }; /* bytes, as of a file's name */

#endif
