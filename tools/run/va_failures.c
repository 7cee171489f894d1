#include "tools/run/va_failures.h"

#include "base/va_mem.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN = 12 };

int va_failures_add(int fd, int code, const char *name)
{
    return dprintf(fd, "%d %s\n", code, strchr(name, '\n') ? "-" : name) > 0 ? 0 : -1;
}

/* Add `name` to the first ones, each once. False where it is not known, or one too many. */
static bool keep(char *names[SHOWN], int *count, const char *name)
{
    for (int i = 0; i < *count; i++)
        if (!strcmp(names[i], name))
            return true;
    if (!strcmp(name, "-") || *count == SHOWN || !(names[*count] = va_strdup(name)))
        return false;
    ++*count;
    return true;
}

/* A new string, and the names freed. */
static char *join(char *names[SHOWN], int count, bool others)
{
    char *all = count ? va_strdup("") : NULL;

    for (int i = 0; i < count; i++) {
        char *more = va_format("%s%s%s", all ? all : "", i ? ", " : "", names[i]);

        va_free(all);
        va_free(names[i]);
        all = more;
    }
    if (all && others) {
        char *more = va_format("%s and others", all);

        va_free(all);
        all = more;
    }
    return all;
}

enum va_exit va_failures_read(int fd, char **names)
{
    FILE *lines = lseek(fd, 0, SEEK_SET) == 0 ? fdopen(dup(fd), "r") : NULL;
    enum va_exit worst = lines ? VA_EXIT_OK : VA_EXIT_MACHINE;
    char *kept[SHOWN], *line = NULL;
    bool others = false;
    size_t room = 0;
    int count = 0;
    ssize_t n;

    while (lines && (n = getline(&line, &room, lines)) > 0) {
        char *name;
        long code = strtol(line, &name, 10);

        if (line[n - 1] == '\n')
            line[n - 1] = 0;
        if (!keep(kept, &count, *name == ' ' ? name + 1 : "-"))
            others = true;
        if (worst != VA_EXIT_MACHINE)
            worst = code == VA_EXIT_USAGE || code == VA_EXIT_INPUT ? VA_EXIT_INPUT
                                                                   : VA_EXIT_MACHINE;
    }
    free(line);
    if (lines)
        fclose(lines);
    *names = join(kept, count, others);
    return worst;
}
