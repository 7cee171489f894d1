/*
 * va_lists.h - lists of videos, and which videos show the same people.
 *
 * A list has one name a line; '#' at the begin of a line or after a blank begins a comment, empty
 * lines do not count. A name that comes twice is an error, as is a list without any.
 *
 * Where two people are seen in one video, each has a track of its own: `<base>_left` and
 * `<base>_right`, perhaps beside `<base>`. All of them make one group, which must stay in one
 * fold: they share picture, sound and mood.
 *
 * Ownership: the caller's struct, begun as { 0 }; release frees what it owns
 */
#ifndef VA_LISTS_H
#define VA_LISTS_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct va_name_line {
    char *name;
    int64_t line; /* where it stands in the file, from 1 */
};
struct va_name_list {
    char *path;
    struct va_name_line *items; /* [count], in the order of the file */
    int64_t count, room;
};

/* Read `path`; 0, or -1 after reporting "file: line N: ...". */
VA_MUST_USE int va_name_list_read(struct va_name_list *list, const char *path);
void va_name_list_release(struct va_name_list *list);

/* Report that item i is not among what `where` holds. Always -1. */
int va_name_list_unknown(const struct va_name_list *list, int64_t i, const char *where);

/* Bytes of `name` that name its group: all but a final "_left" or "_right". */
int va_group_length(const char *name);
/* Order by group, bytewise: <0, 0, >0. */
int va_group_compare(const char *a, const char *b);

#endif
