#include "base/va_mem.h"
#include "data/va_report.h"
#include <string.h>

/* Method that a baseline belongs to: NAME of NAME=FILE, else the file's name up to its first
 * dot, digits and what joins them to it taken off. A new string. */
static char *baseline_name(const char *text, const char **path)
{
    const char *equals = strchr(text, '='), *slash = strrchr(text, '/');
    size_t n;

    if (equals && equals > text && (!slash || equals < strchr(text, '/'))) {
        *path = equals + 1;
        return va_format("%.*s", (int)(equals - text), text);
    }
    *path = text;
    text = slash ? slash + 1 : text;
    n = strcspn(text, ".");
    while (n && strchr("0123456789-_", text[n - 1]))
        n--;
    return n ? va_format("%.*s", (int)n, text) : va_strdup("baseline");
}

int va_report_add_baselines(struct va_report *report, const char *const *list, int64_t count)
{
    const char **paths = va_new(count + 1, sizeof(*paths)),
               **mine = va_new(count + 1, sizeof(*mine));
    char **names = va_new(count + 1, sizeof(*names));
    int status = paths && mine && names ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < count; i++)
        status = (names[i] = baseline_name(list[i], &paths[i])) ? 0 : -1;
    for (int64_t i = 0; status == 0 && i < count; i++) {
        int64_t n = 0;

        for (int64_t k = 0; k < count; k++)
            if (!strcmp(names[k], names[i])) {
                if (k < i)
                    break; /* that method is in the report */
                mine[n++] = paths[k];
            }
        if (n)
            status = va_report_add(report, names[i], mine, n);
    }
    for (int64_t i = 0; names && i < count; i++)
        va_free(names[i]);
    va_free(names);
    va_free(paths);
    va_free(mine);
    return status;
}
