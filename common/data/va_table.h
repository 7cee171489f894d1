/*
 * va_table.h - small TSV files with a header line, in memory.
 *
 * Every row has as many fields as the header; row i is line i + 2 of the file. Meant for tables
 * that people read too (folds, scores): at most a million rows.
 *
 * Ownership: the caller's struct; release frees what it owns
 */
#ifndef VA_TABLE_H
#define VA_TABLE_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_table {
    char *path;
    char **cells; /* [1 + rows, columns]; the header first */
    int64_t rows, columns, room;
};

VA_MUST_USE int va_table_read(struct va_table *table,
                              const char *path); /* -1 after reporting */
void va_table_release(struct va_table *table);

/* Number of column `name`, or -1 (not reported). */
int64_t va_table_column(const struct va_table *table, const char *name);
const char *va_table_text(const struct va_table *table, int64_t row, int64_t column);

/* A number, or "nan". -1 after reporting. */
VA_MUST_USE int va_table_number(const struct va_table *table, int64_t row, int64_t column,
                                double *value);

#endif
