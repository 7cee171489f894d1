/*
 * va_arena.h - one buffer for all activations of a model.
 *
 * A model walks through its layers twice with the same code: first the arena only measures what
 * is taken, then it hands out addresses. After that no step allocates. mark and rewind let parts
 * that are not alive together share their place.
 *
 *     va_arena_begin(&a);  plan(model, &a);       (measures; every take returns NULL)
 *     if (va_arena_commit(&a) < 0) ...            (allocates, if more than before is needed)
 *     plan(model, &a);                            (the same takes; now with addresses)
 */
#ifndef VA_ARENA_H
#define VA_ARENA_H

#include "ops/va_ops.h"

struct va_arena {
    struct va_backend *be;
    void *base;
    int64_t size;       /* numbers in base */
    int64_t used, peak; /* numbers taken now, and the most since begin */
    bool measuring;
    bool too_large; /* some size went beyond int64 */
};

void va_arena_init(struct va_arena *a, struct va_backend *be);
void va_arena_release(struct va_arena *a);

void va_arena_begin(struct va_arena *a);
VA_MUST_USE int va_arena_commit(struct va_arena *a); /* -1 after reporting */

/* rows x cols numbers, aligned to 64 bytes; contents undefined. */
void *va_arena_take(struct va_arena *a, int64_t rows, int64_t cols);

static inline int64_t va_arena_mark(const struct va_arena *a)
{
    return a->used;
}

static inline void va_arena_rewind(struct va_arena *a, int64_t mark)
{
    a->used = mark;
}

#endif
