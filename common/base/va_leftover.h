/*
 * va_leftover.h - files and processes that must not outlive the process: removed when a signal ends it.
 *
 * The registry is a fixed table of names, so that a signal handler can walk it: a slot is filled
 * before its file exists and cleared after the file is gone.
 *
 * Threads:   any; signals at any moment
 */
#ifndef VA_LEFTOVER_H
#define VA_LEFTOVER_H

#include "base/va_attr.h"
#include <sys/types.h>

struct va_leftover; /* opaque */

/* Register `path`, which is copied. NULL after reporting, in the name of `target`. */
VA_MUST_USE struct va_leftover *va_leftover_add(const char *path, const char *target);

/* Forget it: the file was removed, or renamed. NULL is fine. */
void va_leftover_drop(struct va_leftover *l);

/* The process group of a program that was started, which is killed when a signal ends this one; 0: none. */
void va_leftover_group(pid_t group);

/* Remove all registered files and forget them, kill the group. Async-signal-safe. */
void va_leftover_remove_all(void);

#endif
