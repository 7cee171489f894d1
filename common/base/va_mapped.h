/*
 * va_mapped.h - the files that are mapped, so that one that somebody cuts short is named.
 *
 * Bytes that a file has lost raise SIGBUS where they are read; base/va_library.h ends the process then.
 *
 * Ownership: the caller's struct is a link of the list until it is dropped; `path` lives as long
 * Threads:   any; find at any moment, in a signal handler too
 */
#ifndef VA_MAPPED_H
#define VA_MAPPED_H

#include <stddef.h>

struct va_mapped {
    const void *begin; /* NULL: not mapped */
    size_t size;       /* bytes, those of the file when it was mapped */
    const char *path;
    struct va_mapped *before, *next;
};

void va_mapped_add(struct va_mapped *m); /* begin, size and path are set */
void va_mapped_drop(
    struct va_mapped *m); /* before it is unmapped; one that is not mapped is fine */

/* The one that `address` lies in, or NULL. */
const struct va_mapped *va_mapped_find(const void *address);

#endif
