#include "ops/va_arena.h"

#include "base/va_error.h"
#include "base/va_mem.h"

enum { ALIGNMENT = 16 }; /* numbers: 64 bytes of float32 */

void va_arena_init(struct va_arena *a, struct va_backend *be)
{
    *a = (struct va_arena){ .be = be };
}

void va_arena_release(struct va_arena *a)
{
    if (a->be)
        a->be->ops->free(a->be, a->base);
    *a = (struct va_arena){ 0 };
}

void va_arena_begin(struct va_arena *a)
{
    a->used = a->peak = 0;
    a->measuring = true;
    a->too_large = false;
}

int va_arena_commit(struct va_arena *a)
{
    if (a->too_large)
        return va_error("activations: too large to address, expected smaller sizes");
    a->used = 0;
    a->measuring = false;
    if (a->peak <= a->size)
        return 0;
    a->be->ops->free(a->be, a->base);
    a->size = 0;
    a->base = a->be->ops->alloc(a->be, a->peak);
    if (!a->base)
        return -1;
    a->size = a->peak;
    return 0;
}

void *va_arena_take(struct va_arena *a, int64_t rows, int64_t cols)
{
    int64_t count, start = a->used;

    if (va_mul(rows, cols, &count) < 0 || count > INT64_MAX / 64 - ALIGNMENT - a->used) {
        a->too_large = true;
        return NULL;
    }
    a->used += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (a->used > a->peak)
        a->peak = a->used;
    return a->measuring ? NULL : va_at(a->be, a->base, start);
}
