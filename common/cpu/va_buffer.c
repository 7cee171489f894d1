#include "cpu/va_buffer.h"

#include "base/va_mem.h"
#include <string.h>

enum {
    HEAD = 64, /* bytes in front of a buffer: its size, and the alignment kept */
    LARGE =
        4 << 20 /* from here on in pages of its own: nobody writes zeros that are not read */
};

void *va_buffer_new(struct va_backend *be, int64_t count)
{
    int64_t bytes;
    char *block;

    if (va_mul(count, (int64_t)be->ops->elem, &bytes) < 0 || bytes > INT64_MAX - HEAD)
        bytes = INT64_MAX - HEAD; /* refused and reported below */
    block = bytes < LARGE ? va_new(bytes + HEAD, 1) : va_pages_new(bytes + HEAD);
    if (!block)
        return NULL;
    memcpy(block, &bytes, sizeof(bytes));
    be->held += bytes;
    if (be->held > be->held_max)
        be->held_max = be->held;
    return block + HEAD;
}

void va_buffer_free(struct va_backend *be, void *buffer)
{
    int64_t bytes;

    if (!buffer)
        return;
    memcpy(&bytes, (char *)buffer - HEAD, sizeof(bytes));
    be->held -= bytes;
    if (bytes < LARGE)
        va_free((char *)buffer - HEAD);
    else
        va_pages_free((char *)buffer - HEAD, bytes + HEAD);
}

void va_buffer_move(struct va_backend *be, void *dst, const void *src, int64_t bytes)
{
    (void)be;
    memcpy(dst, src, (size_t)bytes);
}
