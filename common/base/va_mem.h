/*
 * va_mem.h - memory whose size was checked before it was asked for.
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

/*
 * Make room for `need` elements in *array, which holds *room, at least doubling; new elements
 * are zero. Returns 0, or -1 after reporting; *array and *room then stand as they were.
 */
VA_MUST_USE int va_grow(void *array, int64_t *room, int64_t need, size_t size);

VA_MUST_USE char *va_strdup(const char *s);
VA_MUST_USE char *va_format(const char *format, ...) VA_PRINTF(1, 2); /* a new string */

void va_free(void *block); /* NULL is fine */

/*
 * Whether memory is short: a block of some size is not to be had. Libraries fail in many ways then,
 * and speak of damaged data; of sizes in damaged data that make no sense they say that memory is
 * short. Asked before either is believed. Errno stays.
 */
bool va_mem_short(void);

/* *product = a * b for sizes from files; -1 when negative or beyond int64. */
VA_MUST_USE int va_mul(int64_t a, int64_t b, int64_t *product);

#endif
