#include "base/va_mem.h"

#include "base/va_error.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, SOME = 64 << 20 /* bytes */ };

int va_mul(int64_t a, int64_t b, int64_t *product)
{
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, product))
        return -1;
    return 0;
}

static void *out_of_memory(int64_t count, size_t size)
{
    va_error_memory("out of memory: %lld x %zu bytes", (long long)count, size);
    return NULL;
}

/* A block of at least *bytes, and through it how long it is. */
static void *new_block(int64_t count, size_t size, int64_t *bytes)
{
    void *p;

    if (va_mul(count, (int64_t)size, bytes) < 0 || *bytes > INT64_MAX - ALIGNMENT)
        return out_of_memory(count, size);
    *bytes = (*bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    return posix_memalign(&p, ALIGNMENT, (size_t)*bytes) ? out_of_memory(count, size) : p;
}

void *va_new(int64_t count, size_t size)
{
    int64_t bytes;
    void *p = new_block(count, size, &bytes);

    if (p)
        memset(p, 0, (size_t)bytes);
    return p;
}

void *va_new_unset(int64_t count, size_t size)
{
    int64_t bytes;

    return new_block(count, size, &bytes);
}

void *va_pages_new(int64_t bytes)
{
    void *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                   0);

    if (p == MAP_FAILED)
        return out_of_memory(bytes, 1);
    madvise(p, (size_t)bytes,
            MADV_HUGEPAGE); /* a wish: where it is not granted, pages are small */
    return p;
}

void va_pages_free(void *p, int64_t bytes)
{
    munmap(p, (size_t)bytes);
}

int va_grow(void *array, int64_t *room, int64_t need, size_t size)
{
    int64_t more = *room < 8 ? 8 : *room;
    void *old, *grown;

    if (need <= *room)
        return 0;
    while (more < need)
        if (va_mul(more, 2, &more) < 0)
            return out_of_memory(need, size), -1;
    grown = va_new(more, size);
    if (!grown)
        return -1;
    memcpy(&old, array, sizeof(old));
    if (old)
        memcpy(grown, old, (size_t)*room * size);
    va_free(old);
    memcpy(array, &grown, sizeof(grown));
    *room = more;
    return 0;
}

/* Strings are short, and many: aligned blocks would take four times as much. */
static char *new_string(size_t length)
{
    char *s = malloc(length + 1);

    return s ? s : out_of_memory((int64_t)length + 1, 1);
}

char *va_strndup(const char *s, size_t length)
{
    char *copy = new_string(length);

    if (!copy)
        return NULL;
    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *va_strdup(const char *s)
{
    return va_format("%s", s);
}

char *va_format(const char *format, ...)
{
    va_list args;
    char *s;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    s = n < 0 ? NULL : new_string((size_t)n);
    if (!s)
        return NULL;
    va_start(args, format);
    vsnprintf(s, (size_t)n + 1, format, args);
    va_end(args);
    return s;
}

char *va_join(char *all, const char *more)
{
    char *both = all && more ? va_format("%s%s%s", all, *all ? " " : "", more) : NULL;

    va_free(all);
    return both;
}

void va_free(void *block)
{
    free(block);
}

bool va_mem_short(void)
{
    int saved = errno;
    void *volatile block = malloc(SOME); /* volatile: or the compiler leaves both calls out */
    bool some = block != NULL;

    free(block);
    errno = saved;
    return !some;
}
