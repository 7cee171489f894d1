#include "data/va_expressions.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "data/va_labels.h"
#include <math.h>

static int bad(const struct va_lines *lines, const char *found, int64_t classes)
{
    return va_error("%s: line %lld: found '%.60s', expected a class from 0 to %lld, or -1",
                    lines->path, (long long)lines->number, found, (long long)classes - 1);
}

/* A header names classes: anything that is no number. */
static int check_header(struct va_lines *lines)
{
    double number;
    int got = va_lines_next(lines);

    if (got == 0)
        return va_error("%s: found an empty file, expected a header of classes", lines->path);
    if (got > 0 && va_parse_decimal(va_trim(lines->text), &number) == 0)
        return va_error("%s: line 1: found a number, expected a header of classes",
                        lines->path);
    return got < 0 ? -1 : 0;
}

static int read_rows(struct va_expressions *e, struct va_lines *lines, int64_t classes)
{
    bool ended = false;
    int got;

    while ((got = va_lines_next(lines)) > 0) {
        const char *text = va_trim(lines->text);
        double class;

        if (!*text) {
            ended = true;
            continue;
        }
        if (ended || va_parse_decimal(text, &class) < 0 || class != floor(class) ||
            class < -1 || class >= (double)classes)
            return bad(lines, text, classes);
        if (e->count == VA_FRAMES_MAX)
            return va_error("%s: more than %d rows", lines->path, VA_FRAMES_MAX);
        if (va_grow(&e->class, &e->room, e->count + 1, sizeof(*e->class)) < 0)
            return -1;
        e->class[e->count++] = (int32_t) class;
    }
    return got;
}

int va_expressions_read(struct va_expressions *e, const char *path, int64_t classes)
{
    struct va_lines lines;
    int status = -1;

    *e = (struct va_expressions){ 0 };
    if (va_lines_open_file(&lines, path) < 0)
        return -1;
    if (check_header(&lines) == 0)
        status = read_rows(e, &lines, classes);
    va_lines_close(&lines);
    if (status < 0)
        va_expressions_release(e);
    return status;
}

void va_expressions_release(struct va_expressions *e)
{
    va_free(e->class);
    *e = (struct va_expressions){ 0 };
}
