/*
 * va_output.h - the files that an output may replace.
 *
 * An output never replaces a file that this run reads (va_input.h). It replaces a file that is no
 * earlier output only with --force: each writer recognises its own files by their first bytes.
 *
 * Threads:   any
 */
#ifndef VA_OUTPUT_H
#define VA_OUTPUT_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VA_OUTPUT_HEAD = 8192 }; /* number of first bytes that are read */

/* Whether a file that begins with head[0..size) is one that the writer makes. */
typedef bool va_output_ours(const char *head, size_t size);

/*
 * Whether `target` may be made or replaced: it is missing, or a regular file that is no input of
 * this run and that is empty or accepted by `ours`. Without `ours` (NULL), and with --force,
 * every content may be replaced, but not in a folder that this run reads. 0, or -1 after reporting.
 */
VA_MUST_USE int va_output_check(const char *target, va_output_ours *ours);

/* --force: files that are no earlier output are replaced, too. */
void va_output_force(bool force);
bool va_output_forced(void);

/* The first bytes of a file to head [VA_OUTPUT_HEAD]; how many, or -1 with errno set. */
int64_t va_output_head(const char *path, char *head);

/* Whether head[0..size) begins with `text`: for writers whose files have a fixed first line. */
bool va_output_begins(const char *head, size_t size, const char *text);

#endif
