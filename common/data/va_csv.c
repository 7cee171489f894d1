#include "data/va_csv.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_lines.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include "base/va_nearest.h"
#include "base/va_text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 24, COLUMNS_MAX = 1 << 20, COLUMNS_SHOWN = 8 };

const char *const va_csv_header_names[] = { "auto", "yes", "no", NULL };

/* ---- lines ----------------------------------------------------------------------------- */

/* The next line into csv->text, without its end: 1, 0 at the end of the file, or -1 after reporting. */
static int next_line(struct va_csv *csv)
{
    int64_t n = 0;
    int c;

    errno = 0;
    csv->line++;
    while ((c = getc_unlocked(csv->stream)) != EOF && c != '\n') {
        if (c == 0)
            return va_error("%s: line %lld: found a NUL byte, expected text", csv->path,
                            (long long)csv->line);
        if (n == LINE_MAX_BYTES)
            return va_error("%s: line %lld: longer than %d bytes", csv->path,
                            (long long)csv->line, LINE_MAX_BYTES);
        if (n + 2 > csv->text_room && va_grow(&csv->text, &csv->text_room, n + 2, 1) < 0)
            return -1;
        csv->text[n++] = (char)c;
    }
    if (c == EOF && ferror(csv->stream)) {
        errno = errno ? errno : EIO;
        return va_error_read(csv->path, "read");
    }
    if (c == EOF && n == 0)
        return 0;
    if (va_grow(&csv->text, &csv->text_room, n + 1, 1) < 0)
        return -1;
    if (n && csv->text[n - 1] == '\r')
        n--;
    csv->text[n] = 0;
    if (csv->line == 1 && !strncmp(csv->text, "\xef\xbb\xbf", 3))
        memmove(csv->text, csv->text + 3, (size_t)n - 2);
    return 1;
}

/* ---- cells ----------------------------------------------------------------------------- */

/* Take a cell in double quotes out of them, in place; returns what follows it, NULL where they do not end. */
static char *unquote(char *text)
{
    char *to = text;

    for (char *from = text + 1; *from; from++) {
        if (*from == '"' && from[1] != '"') {
            *to = 0; /* before the quote: what follows it stays */
            from++;
            return from + strspn(from, " ");
        }
        if (*from == '"')
            from++;
        *to++ = *from;
    }
    return NULL;
}

/* Cut csv->text into csv->cells: how many there are, or -1 after reporting. */
static int64_t cut(struct va_csv *csv)
{
    char *at = csv->text;
    int64_t n = 0;

    for (;;) {
        char *cell, *end;

        at += strspn(at, csv->separator == '\t' ? " " : " \t");
        if (csv->separator == ' ' && !*at && n)
            return n;
        cell = at;
        if (*at == '"' &&
            (!(at = unquote(at)) || (*at && *at != csv->separator && csv->separator != ' ')))
            return va_error("%s: line %lld: found a quote that does not end with its cell",
                            csv->path, (long long)csv->line);
        end = csv->separator == ' ' ? at + strcspn(at, " \t") : strchr(at, csv->separator);
        if (n == COLUMNS_MAX)
            return va_error("%s: line %lld: more than %d columns", csv->path,
                            (long long)csv->line, COLUMNS_MAX);
        if (va_grow(&csv->cells, &csv->cell_room, n + 1, sizeof(*csv->cells)) < 0)
            return -1;
        csv->cells[n++] = cell;
        if (!end || !*end)
            break;
        *end = 0;
        at = end + 1;
    }
    for (int64_t i = 0; i < n; i++)
        csv->cells[i] = va_trim(csv->cells[i]);
    return n;
}

static bool is_missing(const char *cell)
{
    static const char *const words[] = { "", "nan", "na", "n/a", "null", "none" };

    for (size_t i = 0; i < VA_COUNT(words); i++)
        if (!strcasecmp(cell, words[i]))
            return true;
    return false;
}

/* ---- the first line -------------------------------------------------------------------- */

static char separator_of(const char *line)
{
    return strchr(line, '\t') ? '\t' : strchr(line, ';') ? ';' : strchr(line, ',') ? ',' : ' ';
}

/* Whether the cells are 0, 1, 2, ..., what pandas calls columns without names: where it writes its index
 * before them, the first cell is empty. */
static bool counts_columns(const struct va_csv *csv)
{
    int64_t first = csv->columns && !*csv->cells[0] ? 1 : 0;
    char number[24];

    for (int64_t i = first; i < csv->columns; i++) {
        snprintf(number, sizeof(number), "%lld", (long long)(i - first));
        if (strcmp(csv->cells[i], number))
            return false;
    }
    return csv->columns - first >= 3;
}

static bool has_words(const struct va_csv *csv)
{
    double x;

    for (int64_t i = 0; i < csv->columns; i++)
        if (!is_missing(csv->cells[i]) && va_parse_decimal(csv->cells[i], &x) < 0)
            return true;
    return false;
}

/* The first line is the header: keep it. */
static int take_names(struct va_csv *csv)
{
    csv->header = csv->text;
    csv->names = csv->cells;
    csv->text = NULL;
    csv->cells = NULL;
    csv->text_room = csv->cell_room = 0;
    return 0;
}

static int read_first(struct va_csv *csv, enum va_csv_header header)
{
    int got = next_line(csv);

    if (got < 0)
        return -1;
    if (got == 0)
        return va_error("%s: found an empty file, expected rows of numbers", csv->path);
    csv->separator = separator_of(csv->text);
    csv->columns = cut(csv);
    if (csv->columns < 0)
        return -1;
    if (header == VA_CSV_YES || (header == VA_CSV_AUTO && has_words(csv)))
        return take_names(csv);
    if (header == VA_CSV_AUTO && counts_columns(csv)) {
        va_info("%s: the first line counts columns from 0: taken for their names (--header no: "
                "for a row)",
                csv->path);
        return take_names(csv);
    }
    csv->waiting = true;
    return 0;
}

/* Other kinds of files are named; of a pipe, nothing is read before its time. */
static int check_kind(const char *path, int fd, int64_t size, const char *expected)
{
    uint8_t head[VA_MAGIC_BYTES];
    int64_t n = size > 0 ? va_input_read(fd, head, sizeof(head), 0) : 0;
    const char *name = n > 0 ? va_magic_name(head, (size_t)n) : NULL;

    if (n < 0)
        return va_error_read(path, "read");
    if (!name ||
        !memchr(head, 0, (size_t)n)) /* two letters of a text may be a mark of others */
        return 0;
    return va_error("%s: found %s, expected %s%s", path, name, expected,
                    strstr(expected, ".npy") &&
                            (strstr(name, "zip archive") || strstr(name, "pickle"))
                        ? ": save arrays one by one, with numpy.save"
                        : "");
}

int va_csv_open(struct va_csv *csv, const char *path, enum va_csv_header header,
                const char *expected)
{
    int64_t size;
    int fd = va_input_open_stream(path, expected, &size);

    *csv = (struct va_csv){ .path = path };
    if (fd < 0)
        return -1;
    if (check_kind(path, fd, size, expected) < 0) {
        close(fd);
        return -1;
    }
    csv->stream = fdopen(fd, "r");
    if (!csv->stream) {
        va_error_read(path, "open");
        close(fd);
        return -1;
    }
    return read_first(csv, header);
}

void va_csv_close(struct va_csv *csv)
{
    if (csv->stream)
        fclose(csv->stream);
    va_free(csv->text);
    va_free(csv->cells);
    va_free(csv->header);
    va_free(csv->names);
    *csv = (struct va_csv){ 0 };
}

/* ---- rows ------------------------------------------------------------------------------ */

int va_csv_next(struct va_csv *csv)
{
    int64_t empty = 0, n;
    int got;

    if (csv->waiting) {
        csv->waiting = false;
        return 1;
    }
    while ((got = next_line(csv)) > 0 && !csv->text[strspn(csv->text, " \t")])
        empty = empty ? empty : csv->line;
    if (got <= 0)
        return got;
    if (empty)
        return va_error("%s: line %lld: found an empty line, expected a row: more rows follow",
                        csv->path, (long long)empty);
    n = cut(csv);
    if (n < 0)
        return -1;
    if (n != csv->columns)
        return va_error(
            "%s: line %lld: found %lld column%s, expected %lld as in the first line", csv->path,
            (long long)csv->line, (long long)n, va_plural(n), (long long)csv->columns);
    return 1;
}

/* "expected one of video, time, valence, arousal": as many columns as a line takes. */
static void list_columns(const struct va_csv *csv, char *text, size_t size)
{
    int64_t shown = csv->columns < COLUMNS_SHOWN ? csv->columns : COLUMNS_SHOWN;
    size_t n;

    if (!csv->names) {
        snprintf(text, size, "the first line has no names, expected a number from 1 to %lld",
                 (long long)csv->columns);
        return;
    }
    n = (size_t)snprintf(text, size, "expected ");
    for (int64_t i = 0; i < shown; i++)
        n += (size_t)snprintf(text + n, size - n, "%s'%.24s'", i ? ", " : "", csv->names[i]);
    if (shown < csv->columns)
        snprintf(text + n, size - n, " or one of %lld more", (long long)(csv->columns - shown));
}

int64_t va_csv_column(const struct va_csv *csv, const char *name, const char *option)
{
    struct va_nearest near = va_nearest_to(name, strlen(name));
    int64_t found = -1;
    char *end, text[320];
    long long number;

    for (int64_t i = 0; csv->names && i < csv->columns; i++) {
        va_nearest_offer(&near, csv->names[i]);
        if (strcasecmp(csv->names[i], name))
            continue;
        if (found >= 0)
            return va_error("%s: found two columns '%.60s', expected one", csv->path, name);
        found = i;
    }
    if (found >= 0)
        return found;
    errno = 0;
    number = strtoll(name, &end, 10);
    if (isdigit((unsigned char)*name) && !*end && !errno && number >= 1 &&
        number <= csv->columns)
        return number - 1;
    if (near.name)
        return va_error("%s: found no column '%.60s', did you mean '%.60s'?", csv->path, name,
                        near.name);
    list_columns(csv, text, sizeof(text));
    return va_error("%s: found no column '%.60s', %s: name one with %s", csv->path, name, text,
                    option);
}

int va_csv_number(const struct va_csv *csv, int64_t column, double *value)
{
    const char *cell = csv->cells[column];
    char place[160];

    if (va_parse_decimal(cell, value) == 0)
        return 0;
    *value = (double)NAN;
    if (is_missing(cell))
        return 1;
    return va_error("%s: %s: found '%.60s', expected a number%s", csv->path,
                    va_csv_place(csv, csv->line, column, place, sizeof(place)), cell,
                    strchr(cell, ',') ? " with a decimal point" : "");
}

int va_csv_missing(const struct va_csv *csv, int64_t column, const char *remedy)
{
    char place[160];

    return va_error("%s: %s: found no number: %s", csv->path,
                    va_csv_place(csv, csv->line, column, place, sizeof(place)), remedy);
}

const char *va_csv_place(const struct va_csv *csv, int64_t line, int64_t column, char *text,
                         size_t size)
{
    const char *name = csv->names ? csv->names[column] : "";

    snprintf(text, size, "line %lld, column %lld%s%.60s%s", (long long)line,
             (long long)column + 1, *name ? " (" : "", name, *name ? ")" : "");
    return text;
}
