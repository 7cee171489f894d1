#include "base/va_program.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

char *va_program_folder(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (n < 0) {
        va_error_read("/proc/self/exe", "read");
        return NULL;
    }
    path[n] = 0;
    slash = strrchr(path, '/');
    *slash = 0;
    return va_strdup(path);
}

char *va_program_above(int up)
{
    char *folder = va_program_folder(), *slash;

    for (; folder && up > 0; up--)
        if ((slash = strrchr(folder, '/')))
            *slash = 0;
    return folder;
}

char *va_program_share(const char *name)
{
    char *folder = va_program_above(1);
    char *path = folder ? va_format("%s/share/mamba-va/%s", folder, name) : NULL;

    va_free(folder);
    if (path && access(path, R_OK) == 0)
        return path;
    va_free(path);
    return NULL;
}
