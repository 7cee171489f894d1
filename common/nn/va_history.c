#include "nn/va_history.h"

void va_history_plan(struct va_history *h, struct va_arena *a, int64_t reach, int64_t block,
                     int64_t width)
{
    *h = (struct va_history){ .width = width, .reach = reach, .room = 2 * reach + block };
    h->rows = va_arena_take(a, h->room, width);
}

void *va_history_append(struct va_history *h, struct va_backend *be, int64_t T, int64_t *lead)
{
    void *place;

    if (h->used + T > h->room) {
        be->ops->copy(be, h->rows, va_at(be, h->rows, (h->used - h->reach) * h->width),
                      h->reach * h->width);
        h->used = h->reach;
    }
    *lead = h->used < h->reach ? h->used : h->reach;
    place = va_at(be, h->rows, h->used * h->width);
    h->used += T;
    return place;
}

void *va_cache_append(struct va_cache *c, struct va_backend *be, int64_t T)
{
    if (c->used + T > c->room) {
        int64_t room = 2 * c->room > c->used + T ? 2 * c->room : c->used + T;
        void *rows = be->failed ? NULL : be->ops->alloc(be, room * c->width);

        if (!rows) {
            be->failed = true;
            return NULL;
        }
        if (c->rows)
            be->ops->copy(be, rows, c->rows, c->used * c->width);
        be->ops->free(be, c->rows);
        c->rows = rows;
        c->room = room;
    }
    c->used += T;
    return va_at(be, c->rows, (c->used - T) * c->width);
}

void va_cache_release(struct va_cache *c, struct va_backend *be)
{
    be->ops->free(be, c->rows);
    c->rows = NULL;
    c->room = c->used = 0;
}
