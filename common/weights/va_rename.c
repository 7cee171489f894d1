#include "weights/va_rename.h"

#include "base/va_mem.h"
#include <string.h>

/* Match `name` with a rule; the number and the rest are parts of it. */
static bool fits(const char *rule, const char *name, const char **number, int *digits,
                 const char **rest)
{
    *number = *rest = "";
    *digits = 0;
    for (; *rule; rule++) {
        if (*rule == '*') {
            *rest = name;
            return true;
        }
        if (*rule != '#') {
            if (*rule != *name++)
                return false;
            continue;
        }
        *number = name;
        *digits = (int)strspn(name, "0123456789");
        if (*digits == 0)
            return false;
        name += *digits;
    }
    return *name == '\0';
}

char *va_rename(const struct va_rename *rules, size_t count, const char *name)
{
    const char *number, *rest;
    int digits;

    for (size_t i = 0; i < count; i++) {
        const char *ours = rules[i].ours, *hash = strchr(ours, '#'), *tail;
        int end;

        if (!fits(rules[i].theirs, name, &number, &digits, &rest))
            continue;
        tail = hash ? hash + 1 : ours;
        end = (int)strcspn(tail, "*");
        return va_format("%.*s%.*s%.*s%s", hash ? (int)(hash - ours) : 0, ours,
                         hash ? digits : 0, number, end, tail, tail[end] ? rest : "");
    }
    return va_strdup(name);
}

int va_rename_all(struct va_tensors *set, const struct va_rename *rules, size_t count)
{
    for (int64_t i = 0; i < set->count; i++) {
        char *name = va_rename(rules, count, set->items[i].name);

        if (!name)
            return -1;
        va_free(set->items[i].name);
        set->items[i].name = name;
    }
    return 0;
}
