/*
 * va_lock.h - one process at a time writes a file.
 *
 * The lock of FOLDER/NAME is a flock on FOLDER/.NAME.lock, which holds the process id of its
 * owner and is removed at the end. It belongs to the file that `path` leads to, whatever link or
 * path was taken. A process that dies loses its lock: the file it leaves is taken over.
 *
 * Within a process the lock is counted: who holds FILE may take it again. On a file system that
 * has no locks everybody gets one, and va_lock_exclusive says so.
 *
 * Threads:   any
 */
#ifndef VA_LOCK_H
#define VA_LOCK_H

#include "base/va_attr.h"
#include <stdbool.h>

struct va_lock; /* opaque */

/*
 * Take the lock of `path`, which need not exist; its folder must. Does not wait. NULL after
 * reporting: "PATH: in use by process N" (exit 4), or why the lock cannot be made.
 */
VA_MUST_USE struct va_lock *va_lock_take(const char *path);

/* Whether a process has the lock of `path` at this moment. */
bool va_lock_is_held(const char *path);

/* Whether no other process can hold the lock now: false where the file system has no locks. */
bool va_lock_exclusive(const struct va_lock *l);

/* NULL is fine. */
void va_lock_release(struct va_lock *l);

#endif
