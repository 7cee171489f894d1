/*
 * va_lines.h - untrusted text files, line by line.
 *
 * A line ends with LF, CR LF or the end of the file. Lines that are too long and NUL bytes are
 * reported as what they are instead of being cut; a UTF-8 byte order mark in front is dropped.
 *
 * Ownership: the caller's struct; `path` is kept, not copied
 */
#ifndef VA_LINES_H
#define VA_LINES_H

#include "base/va_attr.h"
#include <stdint.h>
#include <stdio.h>

enum { VA_LINE_MAX = 4095 }; /* bytes in a line */

struct va_lines {
    FILE *stream;
    const char *path;
    int64_t number; /* of the line in `text`, from 1 */
    char text[VA_LINE_MAX + 1];
};

/* 0, or -1 after reporting; lines then needs no close. */
VA_MUST_USE int va_lines_open(struct va_lines *lines, const char *path);

/* The same for a file that somebody put into a folder: a pipe there is refused, not waited for. */
VA_MUST_USE int va_lines_open_file(struct va_lines *lines, const char *path);

/* The next line into lines->text, without its end: 1, 0 at the end of the file, or -1 after
 * reporting. */
VA_MUST_USE int va_lines_next(struct va_lines *lines);

void va_lines_close(struct va_lines *lines); /* twice is fine */

/* Take blanks off both ends of `text` in place; returns its new begin. */
char *va_trim(char *text);

/*
 * Cut `text` at `separator` into at most `most` fields in place. Returns how many there are in
 * the line, which may be more than `most`: then the last one holds the rest.
 */
int va_split(char *text, char separator, char **fields, int most);

/* A decimal number and nothing else: no blanks, no hexadecimal, no nan or inf. 0 or -1, not
 * reported. */
VA_MUST_USE int va_parse_decimal(const char *text, double *value);

#endif
