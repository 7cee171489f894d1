/* The device of the host executor: its memory is the host's, and whatever is called has happened. */
#include "cuda/va_gpu.h"

#include "cuda/va_kernel.h"
#include <stdio.h>
#include <stdlib.h>

int va_gpu_count(char *why, size_t room)
{
    (void)why, (void)room;
    return 1;
}

bool va_gpu_open(int number)
{
    return number == 0;
}

void *va_gpu_stream(void)
{
    return NULL;
}

/* Of the exact size, so that sanitizers know its end. What is read before it is written is a NaN. */
void *va_gpu_new(size_t bytes)
{
    void *memory;

    if (bytes > PTRDIFF_MAX || posix_memalign(&memory, 256, bytes + !bytes) != 0)
        return NULL;
    return memory;
}

void va_gpu_free(void *memory)
{
    free(memory);
}

void va_gpu_zero(void *to, size_t bytes)
{
    memset(to, 0, bytes);
}

void va_gpu_copy(void *to, const void *from, size_t bytes)
{
    memmove(to, from, bytes);
}

void va_gpu_put(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}

void va_gpu_get(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}

void va_gpu_launched(const char *name)
{
    (void)name;
}

void va_gpu_wait(void)
{
}

const char *va_gpu_error(void)
{
    return NULL;
}
