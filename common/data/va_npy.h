/*
 * va_npy.h - NumPy's array files (.npy, versions 1 to 3), read block by block and written.
 *
 * Format: numpy.lib.format: magic, version, length of the header (2 bytes in version 1, else 4), the
 * header as the text of a Python dict with descr, fortran_order and shape, then the elements.
 * Nothing in it is run: an array of objects is refused, and so is a header of more than VA_NPY_HEADER
 * bytes, which no array of numbers needs.
 *
 * Taken are arrays [T, D] or [T] of float16, float32, float64, integers of 1 to 8 bytes and bool, of
 * either byte order, by rows or by columns (fortran_order).
 *
 * Ownership: the caller's struct; `path` is kept, not copied
 */
#ifndef VA_NPY_H
#define VA_NPY_H

#include "base/va_attr.h"
#include "base/va_stored.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { VA_NPY_HEADER = 1 << 16 };

struct va_npy {
    const char *path;
    struct va_stored bytes;
    char kind[4];          /* as numpy writes it: "f4", "i8", "b1" */
    int64_t rows, columns; /* one column: of a vector, too */
    bool swapped, by_columns;
    int64_t at; /* of the first element */
    uint8_t *block;
    int64_t room;
};

/* Whether `path` is a regular file that begins as these do: 1 or 0, -1 after reporting that it cannot be read. */
VA_MUST_USE int va_npy_is(const char *path);

/* 0, or -1 after reporting; close in both cases. */
VA_MUST_USE int va_npy_open(struct va_npy *npy, const char *path);
void va_npy_close(struct va_npy *npy);

/* Rows [first, first + count) as doubles, to [count, columns]. -1 after reporting. */
VA_MUST_USE int va_npy_read(struct va_npy *npy, int64_t first, int64_t count, double *to);

/* Write the header of an array [rows, columns], or with columns 0 [rows], of `descr` ("<f4"), in the bytes of
 * numpy.save; the elements follow. */
void va_npy_write_header(FILE *f, const char *descr, int64_t rows, int64_t columns);

#endif
