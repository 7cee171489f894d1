#include "base/va_names.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Containers, still images, and what the tools themselves write. */
static const char *const extensions[] = {
    ".mp4", ".m4v",  ".mov", ".avi", ".mkv", ".webm", ".mpg",    ".mpeg",     ".wmv", ".flv",
    ".ts",  ".m2ts", ".mts", ".3gp", ".ogv", ".gif",  ".mjpeg",  ".h264",     ".txt", ".csv",
    ".tsv", ".npy",  ".h5",  ".zip", ".jpg", ".jpeg", ".frames", ".features",
};

/* Length of `name` without one known extension; the same length when it has none. A name that
 * is nothing but an extension is left alone. */
static size_t without_extension(const char *name, size_t length)
{
    for (size_t i = 0; i < VA_COUNT(extensions); i++) {
        size_t n = strlen(extensions[i]);

        if (length > n && !strncasecmp(name + length - n, extensions[i], n))
            return length - n;
    }
    return length;
}

/* The last part of a path, its length without trailing slashes. */
static const char *last_part(const char *path, size_t *length)
{
    size_t end = strlen(path), begin;

    while (end > 0 && path[end - 1] == '/')
        end--;
    begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *length = end - begin;
    return path + begin;
}

char *va_video_name(const char *path)
{
    char *resolved = NULL, *name;
    const char *part;
    size_t length, shorter;

    if (!strcmp(path, "-"))
        return va_strdup("stdin");
    part = last_part(path, &length);
    if (length == 0 || (length == 1 && *part == '.') ||
        (length == 2 && !strncmp(part, "..", 2))) {
        resolved = realpath(path, NULL);
        part = last_part(resolved ? resolved : "", &length);
    }
    while ((shorter = without_extension(part, length)) < length)
        length = shorter;
    name = length ? va_format("%.*s", (int)length, part) : va_strdup("video");
    free(resolved);
    return name;
}

char *va_video_name_enter(const char *path, const char *remedy)
{
    char *name = va_video_name(path);

    if (!name || va_video_name_valid(name))
        return name;
    va_error("%s: '%s' cannot be the name of a video (see va.frames(5)): %s", path, name,
             remedy);
    va_free(name);
    return NULL;
}

bool va_video_name_valid(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= VA_VIDEO_NAME_MAX && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && !strchr(name, '/') && name[0] != ' ' &&
           name[n - 1] != ' ' && name[0] != '#' && !strstr(name, " #") && va_text_prints(name);
}
