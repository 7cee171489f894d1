#include "base/va_lines.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* fd < 0: the opening was reported. */
static int begin(struct va_lines *lines, const char *path, int fd)
{
    lines->path = path;
    lines->number = 0;
    lines->text[0] = 0;
    lines->stream = fd < 0 ? NULL : fdopen(fd, "r");
    if (fd >= 0 && !lines->stream) {
        va_error_read(path, "open");
        close(fd);
    }
    return lines->stream ? 0 : -1;
}

int va_lines_open(struct va_lines *lines, const char *path)
{
    return begin(lines, path, va_input_open_stream(path, "a text file", NULL));
}

int va_lines_open_file(struct va_lines *lines, const char *path)
{
    return begin(lines, path, va_input_open(path, "a text file", NULL));
}

void va_lines_close(struct va_lines *lines)
{
    if (lines->stream)
        fclose(lines->stream);
    lines->stream = NULL;
}

static int read_failed(struct va_lines *lines)
{
    if (!errno)
        errno = EIO;
    return va_error_read(lines->path, "read");
}

int va_lines_next(struct va_lines *lines)
{
    size_t n = 0;
    int c;

    errno = 0;
    lines->number++;
    while ((c = getc_unlocked(lines->stream)) != EOF && c != '\n') {
        if (c == 0)
            return va_error("%s: line %lld: found a NUL byte, expected text", lines->path,
                            (long long)lines->number);
        if (n == VA_LINE_MAX)
            return va_error("%s: line %lld: longer than %d bytes", lines->path,
                            (long long)lines->number, VA_LINE_MAX);
        lines->text[n++] = (char)c;
    }
    if (c == EOF && ferror(lines->stream))
        return read_failed(lines);
    if (c == EOF && n == 0)
        return 0;
    if (n && lines->text[n - 1] == '\r')
        n--;
    lines->text[n] = 0;
    if (lines->number == 1 && !strncmp(lines->text, "\xef\xbb\xbf", 3))
        memmove(lines->text, lines->text + 3, n - 2);
    return 1;
}

char *va_trim(char *text)
{
    size_t n;

    text += strspn(text, " \t\r");
    n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        n--;
    text[n] = 0;
    return text;
}

int va_split(char *text, char separator, char **fields, int most)
{
    int n = 0;

    for (;;) {
        char *end = strchr(text, separator);

        if (n < most) {
            fields[n] = text;
            if (end && n + 1 < most)
                *end = 0;
        }
        n++;
        if (!end)
            return n;
        text = end + 1;
    }
}

int va_parse_decimal(const char *text, double *value)
{
    char *end;

    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return -1; /* strtod alone would take blanks, 0x1p3, inf and nan */
    *value = strtod(text, &end);
    return *end || end == text || !isfinite(*value) ? -1 : 0;
}
