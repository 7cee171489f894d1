#include "data/va_table.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include <math.h>
#include <string.h>

enum { COLUMNS_MAX = 256, ROWS_MAX = 1000000 };

static int add_line(struct va_table *t, struct va_lines *lines)
{
    char *fields[COLUMNS_MAX];
    int n = va_split(lines->text, '\t', fields, COLUMNS_MAX);

    if (n > COLUMNS_MAX)
        return va_error("%s: line %lld: more than %d columns", t->path,
                        (long long)lines->number, COLUMNS_MAX);
    if (t->columns && n != t->columns)
        return va_error("%s: line %lld: found %d columns, expected %lld as in the header",
                        t->path, (long long)lines->number, n, (long long)t->columns);
    if (lines->number > ROWS_MAX)
        return va_error("%s: more than %d lines", t->path, ROWS_MAX);
    t->columns = n;
    if (va_grow(&t->cells, &t->room, lines->number * n, sizeof(*t->cells)) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        char *cell = va_strdup(va_trim(fields[i]));

        if (!cell)
            return -1;
        t->cells[(lines->number - 1) * n + i] = cell;
    }
    t->rows = lines->number - 1;
    return 0;
}

int va_table_read(struct va_table *t, const char *path)
{
    struct va_lines lines;
    int got = -1;

    *t = (struct va_table){ .path = va_strdup(path) };
    if (!t->path || va_lines_open(&lines, path) < 0)
        goto done;
    while ((got = va_lines_next(&lines)) > 0)
        if (add_line(t, &lines) < 0) {
            got = -1;
            break;
        }
    va_lines_close(&lines);
    if (got == 0 && t->rows < 1)
        got = va_error("%s: found no rows, expected a header line and rows", path);
done:
    if (got < 0)
        va_table_release(t);
    return got;
}

void va_table_release(struct va_table *t)
{
    for (int64_t i = 0; i < t->room && t->cells; i++)
        va_free(t->cells[i]);
    va_free(t->cells);
    va_free(t->path);
    *t = (struct va_table){ 0 };
}

int64_t va_table_column(const struct va_table *t, const char *name)
{
    for (int64_t i = 0; i < t->columns; i++)
        if (!strcmp(t->cells[i], name))
            return i;
    return -1;
}

const char *va_table_text(const struct va_table *t, int64_t row, int64_t column)
{
    return t->cells[(row + 1) * t->columns + column];
}

int va_table_number(const struct va_table *t, int64_t row, int64_t column, double *value)
{
    const char *text = va_table_text(t, row, column);

    if (!strcmp(text, "nan")) {
        *value = (double)NAN;
        return 0;
    }
    if (va_parse_decimal(text, value) == 0)
        return 0;
    return va_error("%s: line %lld: %s: found '%.60s', expected a number", t->path,
                    (long long)row + 2, t->cells[column], text);
}
