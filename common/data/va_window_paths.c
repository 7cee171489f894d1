/*
 * Paths of feature files, as an index stores them: relative to itself, so that both may move together.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_window_index_priv.h"
#include <stdlib.h>
#include <string.h>

/* Folder part of a path with its slash: "" for a bare name. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash - path) + 1 : 0;
}

/* The folder of `path` with links resolved and a slash at the end: of a video of a shard, the shard. */
static char *real_folder(const char *path)
{
    int length = folder_length(path);
    char *folder = length ? va_format("%.*s", length > 1 ? length - 1 : length, path)
                          : va_strdup("."),
         *resolved = folder ? realpath(folder, NULL) : NULL, *result = NULL;

    if (resolved)
        result = va_format("%s%s", resolved, strcmp(resolved, "/") ? "/" : "");
    else if (folder)
        va_error_read(folder, "find folder");
    free(resolved);
    va_free(folder);
    return result;
}

char *va_path_relative_to(const char *path, const char *file)
{
    char *from = real_folder(file), *to = real_folder(path), *up = NULL, *result = NULL;
    size_t common = 0;

    if (!from || !to)
        goto done;
    for (size_t i = 0; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    up = va_strdup("");
    for (const char *p = from + common; up && *p; p++)
        if (*p == '/') {
            char *more = va_format("%s../", up);

            va_free(up);
            up = more;
        }
    if (up)
        result = va_format("%s%s%s", up, to + common, path + folder_length(path));
done:
    va_free(from);
    va_free(to);
    va_free(up);
    return result;
}

char *va_path_seen_from_here(const char *relative, const char *file)
{
    if (relative[0] == '/')
        return va_strdup(relative);
    return va_format("%.*s%s", folder_length(file), file, relative);
}
