/*
 * va_stored.h - the bytes of an open file, which must not change while they are read.
 *
 * They are read over the descriptor that was opened, so the file that was checked is the file that is read,
 * whatever its name stands for by then. No read reaches beyond the size that was found. A file that
 * somebody writes to meanwhile is noticed by its size and time: ctime would not do, because it also
 * moves when another file takes over the name.
 *
 * Threads:   any number of them may read
 */
#ifndef VA_STORED_H
#define VA_STORED_H

#include "base/va_attr.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The file, and what it was when it was opened. `error` and `changed` keep why a read failed. */
struct va_stored {
    int fd; /* -1: not open */
    int64_t size;
    dev_t device;
    ino_t inode;
    struct timespec modified;
    atomic_int error; /* errno, or 0 */
    atomic_bool changed;
};

/* Open `path` through va_input; 0, or -1 after reporting. reopen opens it again by name, which
 * must stand for the same file, unchanged; nothing is done while it is open. */
VA_MUST_USE int va_stored_open(struct va_stored *b, const char *path, const char *expected);
VA_MUST_USE int va_stored_reopen(struct va_stored *b, const char *path);
void va_stored_close(struct va_stored *b); /* one that is closed is fine */

/* Another descriptor of the same file, for an owner of its own: 0, or -1 after reporting. */
VA_MUST_USE int va_stored_share(struct va_stored *b, const struct va_stored *of,
                                const char *path);

/* Read exactly `size` bytes at `at`, which must be in the file; check that it is unchanged. Both
 * return -1 without reporting: va_stored_report does that. */
VA_MUST_USE int va_stored_read(struct va_stored *b, int64_t at, int64_t size, void *data);
VA_MUST_USE int va_stored_check(struct va_stored *b);

/* Of a closed one, by its name: -1 after reporting that it was written to. Says nothing (0) where another file, or
 * none, has the name by now. */
VA_MUST_USE int va_stored_look(const struct va_stored *b, const char *path);

/* -1 after reporting why a read failed; 0 where none did. */
VA_MUST_USE int va_stored_report(const struct va_stored *b, const char *path);

#endif
