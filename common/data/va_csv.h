/*
 * va_csv.h - untrusted tables of others as text, row by row: CSV, TSV, columns between blanks.
 *
 * The first line decides: a tab, a semicolon, a comma or else blanks separate the cells; it is a
 * header where a cell of it is no number, or where it counts the columns from 0, as pandas does.
 * Cells may stand in double quotes. Every row has as many cells as the first line. A cell is
 * missing where it is empty, nan, na, n/a, null or none.
 *
 * Ownership: the caller's struct; `path` is kept, not copied
 */
#ifndef VA_CSV_H
#define VA_CSV_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum va_csv_header { VA_CSV_AUTO, VA_CSV_YES, VA_CSV_NO };
extern const char *const va_csv_header_names[]; /* in enum order, NULL last */
#define VA_OPT_CSV_HEADER(target_)                 \
    VA_OPT_CHOICE(                                 \
        0, "header", target_, va_csv_header_names, \
        "whether the first line of a CSV file holds names; auto: if it is not all numbers")

struct va_csv {
    const char *path;
    FILE *stream;
    char separator; /* ' ': blanks, however many */
    int64_t line;   /* of the row in `cells`, from 1 */
    int64_t columns, cell_room, text_room;
    char **names; /* [columns], NULL without a header */
    char **cells; /* [columns] of the row, without blanks around them */
    char *text, *header;
    bool waiting; /* the first line is a row, and in `cells` */
};

/* `expected` is "a CSV file", or more that the caller takes, for messages. 0, or -1 after reporting; close in both
 * cases. */
VA_MUST_USE int va_csv_open(struct va_csv *csv, const char *path, enum va_csv_header header,
                            const char *expected);
void va_csv_close(struct va_csv *csv);

/* The next row into csv->cells: 1, 0 at the end of the file, or -1 after reporting. */
VA_MUST_USE int va_csv_next(struct va_csv *csv);

/* The column of this name, upper and lower case being equal, or where none has it of this number, from 1: its place
 * from 0, or -1 after reporting, with the option that names another: "--time". */
VA_MUST_USE int64_t va_csv_column(const struct va_csv *csv, const char *name,
                                  const char *option);

/* A cell as a number: 0; 1, and NaN, for one that is missing; -1 after reporting what else it holds. */
VA_MUST_USE int va_csv_number(const struct va_csv *csv, int64_t column, double *value);

/* Report a missing cell, and what to do. Returns -1. */
int va_csv_missing(const struct va_csv *csv, int64_t column, const char *remedy);

/* "line 5, column 3 (gaze_x)" for messages; returns `text`. */
const char *va_csv_place(const struct va_csv *csv, int64_t line, int64_t column, char *text,
                         size_t size);

#endif
