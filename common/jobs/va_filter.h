/*
 * va_filter.h - features from another program: pictures go to its standard input, rows come from its
 * standard output.
 *
 * A picture is size * size * 3 bytes, RGB, packed, row by row; a row is `width` float32 numbers in the
 * machine's byte order. The program may read ahead and answer late, but answers every picture once, in
 * order, and ends after the end of its input. It is started by sh -c, in a process group of its own.
 *
 * Ownership: the filter owns its process; va_filter_close ends one that still runs, with its children
 * Threads:   one. SIGPIPE must be ignored
 */
#ifndef VA_FILTER_H
#define VA_FILTER_H

#include "base/va_attr.h"
#include "model/va_intake.h"
#include <stdint.h>

struct va_filter_options {
    const char *command; /* NULL: no filter */
    int64_t size, width; /* side of pictures; numbers of a row */
    int64_t timeout; /* seconds without a byte read or written, after which it is given up */
};

struct va_filter; /* opaque */

/* Start it; the options outlive it. NULL after reporting. */
VA_MUST_USE struct va_filter *va_filter_open(const struct va_filter_options *o);
void va_filter_close(struct va_filter *f); /* NULL is fine */

/* Rows of bytes in place of numbers: pictures as they are. */
struct va_intake va_filter_intake(const struct va_filter_options *o);

/* Write pictures [count, numbers], as the intake cut them. 0, or -1 after reporting: it ended, gave more rows
 * than it got pictures, or gave no sign in time. */
VA_MUST_USE int va_filter_give(struct va_filter *f, int64_t count, const float *cut);

/* No more pictures: read all that is left, and wait. 0, or -1 after reporting, as above; or too few rows, a part of
 * one, or a status other than 0. */
VA_MUST_USE int va_filter_finish(struct va_filter *f);

/* Up to `most` rows [.., width] that came and were not taken yet; how many, or -1 after reporting a number that
 * is not finite. */
VA_MUST_USE int64_t va_filter_take(struct va_filter *f, int64_t most, float *rows);

#endif
