#include "base/va_streams.h"

#include "base/va_error.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool va_stream_name_valid(const char *name)
{
    size_t n = 0;

    while (is_letter(name[n]) || (n && ((name[n] >= '0' && name[n] <= '9') || name[n] == '_')))
        n++;
    return n && !name[n] && n < VA_STREAM_NAME;
}

int64_t va_streams_find(const struct va_streams *s, const char *name)
{
    for (int64_t i = 0; i < s->count; i++)
        if (!strcmp(s->items[i].name, name))
            return i;
    return -1;
}

int64_t va_streams_columns(const struct va_streams *s)
{
    int64_t columns = s->count;

    for (int64_t i = 0; i < s->count; i++)
        columns += s->items[i].dim;
    return columns;
}

const char *va_streams_text(const struct va_streams *s, char text[VA_STREAMS_TEXT])
{
    size_t n = 0;

    text[0] = 0;
    for (int64_t i = 0; i < s->count; i++)
        n += (size_t)snprintf(text + n, VA_STREAMS_TEXT - n, "%s%s=%" PRId64, i ? "," : "",
                              s->items[i].name, s->items[i].dim);
    return text;
}

const char *va_stream_split(const char *given, char name[VA_STREAM_NAME])
{
    const char *equals = strchr(given, '=');
    size_t n = equals ? (size_t)(equals - given) : VA_STREAM_NAME;

    if (n >= VA_STREAM_NAME || !equals[1])
        return NULL;
    memcpy(name, given, n);
    name[n] = 0;
    return va_stream_name_valid(name) ? equals + 1 : NULL;
}

int va_streams_parse(struct va_streams *s, const char *text, int64_t most, const char *where)
{
    *s = (struct va_streams){ 0 };
    for (const char *p = text; *p || !s->count;) {
        struct va_stream_shape *to = &s->items[s->count];
        char name[VA_STREAM_NAME];
        const char *number = s->count < VA_STREAMS_MAX ? va_stream_split(p, name) : NULL;
        char *end = NULL;

        errno = 0;
        if (number && va_streams_find(s, name) < 0)
            to->dim = strtoll(number, &end, 10);
        if (!end || end == number || errno || to->dim < 1 || to->dim > most ||
            (*end && (*end != ',' || !end[1])))
            return va_error("%s: streams: found '%.200s', expected NAME=WIDTH,... with widths "
                            "from 1 to %" PRId64 " and at most %d different names",
                            where, text, most, VA_STREAMS_MAX);
        memcpy(to->name, name, sizeof(name));
        s->count++;
        p = *end ? end + 1 : end;
    }
    return 0;
}
