#include "data/va_lists.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include <stdlib.h>
#include <string.h>

static int add(struct va_name_list *list, const struct va_lines *lines, const char *name)
{
    if (!va_video_name_valid(name))
        return va_error("%s: line %lld: found '%.60s', expected the name of a video",
                        lines->path, (long long)lines->number, name);
    if (va_grow(&list->items, &list->room, list->count + 1, sizeof(*list->items)) < 0 ||
        !(list->items[list->count].name = va_strdup(name)))
        return -1;
    list->items[list->count++].line = lines->number;
    return 0;
}

static int by_name_then_line(const void *a, const void *b)
{
    const struct va_name_line *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int refuse_twice(const struct va_name_list *list)
{
    size_t bytes = sizeof(*list->items);
    struct va_name_line *sorted = va_new(list->count, bytes);
    int status = sorted ? 0 : -1;

    if (sorted)
        memcpy(sorted, list->items, (size_t)list->count * bytes);
    if (sorted && list->count)
        qsort(sorted, (size_t)list->count, bytes, by_name_then_line);
    for (int64_t i = 1; status == 0 && i < list->count; i++)
        if (!strcmp(sorted[i - 1].name, sorted[i].name))
            status = va_error("%s: line %lld: '%s' is also in line %lld", list->path,
                              (long long)sorted[i].line, sorted[i].name,
                              (long long)sorted[i - 1].line);
    va_free(sorted);
    return status;
}

static void cut_comment(char *text)
{
    for (char *p = text; *p; p++)
        if (*p == '#' && (p == text || p[-1] == ' ' || p[-1] == '\t')) {
            *p = 0;
            return;
        }
}

int va_name_list_read(struct va_name_list *list, const char *path)
{
    struct va_lines lines;
    int got = -1;

    *list = (struct va_name_list){ .path = va_strdup(path) };
    if (!list->path || va_lines_open(&lines, path) < 0)
        goto done;
    while ((got = va_lines_next(&lines)) > 0) {
        char *name;

        cut_comment(lines.text);
        name = va_trim(lines.text);
        if (*name && add(list, &lines, name) < 0) {
            got = -1;
            break;
        }
    }
    va_lines_close(&lines);
    if (got == 0 && list->count == 0)
        got = va_error("%s: found no name, expected one per line", path);
    if (got == 0)
        got = refuse_twice(list);
done:
    if (got < 0)
        va_name_list_release(list);
    return got;
}

void va_name_list_release(struct va_name_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        va_free(list->items[i].name);
    va_free(list->items);
    va_free(list->path);
    *list = (struct va_name_list){ 0 };
}

int va_name_list_unknown(const struct va_name_list *list, int64_t i, const char *where)
{
    return va_error("%s: line %lld: found '%s', which is not in %s", list->path,
                    (long long)list->items[i].line, list->items[i].name, where);
}

int va_group_length(const char *name)
{
    static const char *const sides[] = { "_left", "_right" };
    size_t n = strlen(name);

    for (size_t i = 0; i < VA_COUNT(sides); i++) {
        size_t k = strlen(sides[i]);

        if (n > k && !strcmp(name + n - k, sides[i]))
            return (int)(n - k);
    }
    return (int)n;
}

int va_group_compare(const char *a, const char *b)
{
    int n = va_group_length(a), m = va_group_length(b),
        order = memcmp(a, b, (size_t)(n < m ? n : m));

    return order ? order : (n > m) - (n < m);
}
