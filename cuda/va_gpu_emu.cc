/* The device of the host executor: its memory is the host's, and whatever is called has happened. */
#include "cuda/va_gpu.h"

#include "cuda/va_kernel.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static size_t held, most = SIZE_MAX; /* bytes: now, and VA_EMU_MEMORY */
static const char *fails;            /* VA_EMU_FAIL */
static char error[100];

int va_gpu_count(char *why, size_t room)
{
    (void)why, (void)room;
    return 1;
}

bool va_gpu_open(int number)
{
    const char *memory = getenv("VA_EMU_MEMORY");

    fails = getenv("VA_EMU_FAIL");
    if (memory)
        most = strtoull(memory, NULL, 10);
    return number == 0;
}

/* Whether it is time for VA_EMU_FAIL. */
static void called(const char *name)
{
    static int left = -1;
    size_t length = fails ? strcspn(fails, ":") : 0;

    if (!length || strlen(name) != length || memcmp(name, fails, length) != 0)
        return;
    if (left < 0)
        left = fails[length] ? atoi(fails + length + 1) : 1;
    if (--left == 0)
        snprintf(error, sizeof(error), "%s: VA_EMU_FAIL=%s", name, fails);
}

void *va_gpu_stream(void)
{
    return NULL;
}

/* Of the exact size, so that sanitizers know its end. What is read before it is written is a NaN. */
void *va_gpu_new(size_t bytes)
{
    void *memory;

    if (bytes > most || held > most - bytes || bytes > PTRDIFF_MAX ||
        posix_memalign(&memory, 256, bytes + !bytes) != 0)
        return NULL;
    held += malloc_usable_size(memory);
    return memory;
}

void va_gpu_free(void *memory)
{
    held -= malloc_usable_size(memory);
    free(memory);
}

void va_gpu_zero(void *to, size_t bytes)
{
    called("zero");
    memset(to, 0, bytes);
}

void va_gpu_copy(void *to, const void *from, size_t bytes)
{
    called("copy");
    memmove(to, from, bytes);
}

void va_gpu_put(void *to, const void *from, size_t bytes)
{
    called("put");
    memcpy(to, from, bytes);
}

void va_gpu_get(void *to, const void *from, size_t bytes)
{
    called("get");
    memcpy(to, from, bytes);
}

void va_gpu_launched(const char *name)
{
    called(name);
}

void va_gpu_wait(void)
{
    called("waiting");
}

const char *va_gpu_error(void)
{
    return error[0] ? error : NULL;
}
