/*
 * va_history.h - rows of a sequence that comes in blocks, so that those before a block can be
 * seen from it.
 *
 * A history keeps at least the last `reach` rows, in a buffer of 2 reach + block rows: new rows
 * are appended, and when it is full its last `reach` rows move to the front, which they cannot
 * overlap. So most blocks copy nothing. A cache keeps all rows and grows.
 */
#ifndef VA_HISTORY_H
#define VA_HISTORY_H

#include "ops/va_arena.h"

struct va_history {
    void *rows; /* [room, width] */
    int64_t width, reach, room, used;
};

void va_history_plan(struct va_history *h, struct va_arena *a, int64_t reach, int64_t block,
                     int64_t width);

static inline void va_history_reset(struct va_history *h)
{
    h->used = 0;
}

/* Room for T <= block rows behind those that count as history, of which there are *lead. */
void *va_history_append(struct va_history *h, struct va_backend *be, int64_t T, int64_t *lead);

struct va_cache {
    void *rows; /* [room, width], of the backend; NULL before the first row */
    int64_t width, room, used;
};

/* Room for T rows behind the `used` - T ones before them. NULL when the backend has failed. */
void *va_cache_append(struct va_cache *c, struct va_backend *be, int64_t T);
void va_cache_release(struct va_cache *c, struct va_backend *be);

#endif
