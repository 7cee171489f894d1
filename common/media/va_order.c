#include "media/va_source_priv.h"

#include <string.h>

void va_order_packet(struct va_order *o, int64_t pts)
{
    int i;

    if (o->count == VA_ORDER_MAX) { /* never shown, or time stamps that mean nothing */
        memmove(o->waiting, o->waiting + 1, (VA_ORDER_MAX - 1) * sizeof(*o->waiting));
        o->count--;
    }
    for (i = o->count; i > 0 && o->waiting[i - 1] > pts; i--)
        o->waiting[i] = o->waiting[i - 1];
    o->waiting[i] = pts;
    o->count++;
}

void va_order_refused(struct va_order *o)
{
    o->refused++;
}

/* Take out the first n stamps: frames that did not come. */
static void drop(struct va_order *o, int n)
{
    int64_t lost = n < o->refused ? n : o->refused;

    o->number += lost;
    o->refused -= lost;
    o->count -= n;
    memmove(o->waiting, o->waiting + n, (size_t)o->count * sizeof(*o->waiting));
}

int64_t va_order_frame(struct va_order *o, int64_t pts)
{
    int older = 0;

    while (older < o->count && o->waiting[older] < pts)
        older++;
    if (older < o->count && o->waiting[older] == pts) {
        drop(o, older);
        o->count--;
        memmove(o->waiting, o->waiting + 1, (size_t)o->count * sizeof(*o->waiting));
    }
    return ++o->number;
}

void va_order_end(struct va_order *o)
{
    drop(o, o->count);
}
