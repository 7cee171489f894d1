/*
 * va_output.h - what an output may replace.
 *
 * Never a file that this run reads (va_input.h), and only with --force one that is no earlier
 * output: each writer says by the first bytes which files it wrote.
 *
 * Threads:   any
 */
#ifndef VA_OUTPUT_H
#define VA_OUTPUT_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>

enum { VA_OUTPUT_HEAD = 8192 }; /* as many first bytes are looked at */

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

/* Whether head[0..size) begins with `text`: for writers whose files have a fixed first line. */
bool va_output_begins(const char *head, size_t size, const char *text);

#endif
