#include "base/va_beside.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_mem.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LINKS = 40, HASH_DIGITS = 16 };

/* Length of the folder's part of `path`: up to and with the last slash. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash + 1 - path) : 0;
}

char *va_beside_follow(const char *path)
{
    char link[PATH_MAX], *now = va_strdup(path), *next;
    ssize_t n;

    for (int i = 0; now; i++) {
        n = readlink(now, link, sizeof(link) - 1);
        if (n < 0)
            return now; /* no link, or nothing there */
        if (i == MAX_LINKS || n == (ssize_t)sizeof(link) - 1) {
            errno = ELOOP;
            va_error_write(path, "create");
            va_free(now);
            return NULL;
        }
        link[n] = 0;
        next = va_format("%.*s%s", *link == '/' ? 0 : folder_length(now), now, link);
        va_free(now);
        now = next;
    }
    return NULL;
}

/* As many bytes of `name` as fit before a hash, whole characters of UTF-8. */
static int cut(const char *name, size_t limit)
{
    size_t n = limit - HASH_DIGITS - 1;

    while (n && ((unsigned char)name[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

int va_beside_split(const char *path, char **folder, char **beginning)
{
    int n = folder_length(path);
    const char *name = path + n;
    long limit;

    *beginning = NULL;
    *folder = n ? va_format("%.*s", n > 1 ? n - 1 : 1, path) : va_strdup(".");
    if (!*folder)
        return -1;
    limit = pathconf(*folder, _PC_NAME_MAX);
    limit = (limit > 2 * VA_BESIDE_SUFFIX ? limit : NAME_MAX) - 2 - VA_BESIDE_SUFFIX;
    if ((long)strlen(name) <= limit) {
        *beginning = va_format(".%s.", name);
    } else {
        char digits[VA_HASH_TEXT];
        struct va_hash hash;

        va_hash_init(&hash);
        va_hash_add(&hash, name, strlen(name));
        va_hash_finish(&hash, digits);
        *beginning = va_format(".%.*s~%.*s.", cut(name, (size_t)limit), name, HASH_DIGITS,
                               digits);
    }
    if (*beginning)
        return 0;
    va_free(*folder);
    *folder = NULL;
    return -1;
}
