/*
 * va_mem.h - memory allocation with checked sizes.
 *
 * Ownership: the caller frees with va_free. Blocks are aligned to 64 bytes and zeroed.
 */
#ifndef VA_MEM_H
#define VA_MEM_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * `count` elements of `size` bytes, zeroed. NULL after reporting "out of memory" when the
 * product overflows or the machine has no more; count 0 gives a block that may be freed.
 */
VA_MUST_USE void *va_new(int64_t count, size_t size);

/* The same, not zeroed, for those who write all of it: many threads touch new memory sooner than one. */
VA_MUST_USE void *va_new_unset(int64_t count, size_t size);

/*
 * Grow *array from a capacity of *room to at least `need` elements, at least doubling it; new
 * elements are zero. Returns 0, or -1 after reporting, with *array and *room unchanged.
 */
VA_MUST_USE int va_grow(void *array, int64_t *room, int64_t need, size_t size);

VA_MUST_USE char *va_strdup(const char *s);
VA_MUST_USE char *va_strndup(const char *s,
                             size_t length); /* of its first bytes, all of which are copied */
VA_MUST_USE char *va_format(const char *format, ...) VA_PRINTF(1, 2); /* a new string */
/* `all`, a blank unless it is empty, and `more`: a new string, for which `all` is freed. NULL if either is. */
VA_MUST_USE char *va_join(char *all, const char *more);

void va_free(void *block); /* NULL is fine */

/* Many zeros, `bytes` of them, which take memory only when they are touched, by whichever thread that
 * is. NULL after reporting. */
VA_MUST_USE void *va_pages_new(int64_t bytes);
void va_pages_free(void *p, int64_t bytes);

/*
 * Whether memory is short: a block of some size cannot be allocated. Libraries then fail in many ways
 * and may report damaged data; for impossible sizes in damaged data they report a lack of memory.
 * Ask this before believing either report. Errno is preserved.
 */
bool va_mem_short(void);

/* *product = a * b for sizes from files; -1 when negative or beyond int64. */
VA_MUST_USE int va_mul(int64_t a, int64_t b, int64_t *product);

#endif
