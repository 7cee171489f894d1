/*
 * va_piped.h - features from another program: pictures go to its standard input, rows come from its
 * standard output.
 *
 * A picture is size * size * 3 bytes, RGB, packed, row by row; a row is `width` float32 numbers in the
 * machine's byte order. The program may read ahead and answer late, but answers every picture once, in
 * order, and ends after the end of its input. It is started by sh -c, in a process group of its own.
 *
 * Ownership: the filter owns its process group, which ends with it: va_piped_close ends a program that still runs, and
 *            what one that has ended left there. A process that went into a session or group of its own (setsid)
 *            is not reached
 * Threads:   one. SIGPIPE must be ignored
 */
#ifndef VA_PIPED_H
#define VA_PIPED_H

#include "base/va_attr.h"
#include "model/va_intake.h"
#include <stdint.h>

struct va_piped_options {
    const char *command; /* NULL: no filter */
    int64_t size, width; /* side of pictures; numbers of a row */
    int64_t timeout; /* seconds without a byte read or written, after which it is given up */
};

struct va_piped; /* opaque */

/* Start it; the options outlive it. NULL after reporting. */
VA_MUST_USE struct va_piped *va_piped_open(const struct va_piped_options *o);
void va_piped_close(struct va_piped *f); /* NULL is fine */

/* Rows of bytes in place of numbers: pictures as they are. */
struct va_intake va_piped_intake(const struct va_piped_options *o);

/* Write pictures [count, numbers], as the intake cut them. 0, or -1 after reporting: it ended, gave more rows
 * than it got pictures, or gave no sign in time. */
VA_MUST_USE int va_piped_give(struct va_piped *f, int64_t count, const float *cut);

/* No more pictures: read all that is left, and wait. 0, or -1 after reporting, as above; or too few rows, a part of
 * one, or a status other than 0. */
VA_MUST_USE int va_piped_finish(struct va_piped *f);

/* Up to `most` rows [.., width] that came and were not taken yet; how many, or -1 after reporting a number that
 * is not finite. */
VA_MUST_USE int64_t va_piped_take(struct va_piped *f, int64_t most, float *rows);

#endif
