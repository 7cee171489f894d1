/*
 * va_shared_priv.h - the slots of a worker: per slot the contents of a file and pixels, behind the
 * header in the same shared memory.
 */
#ifndef VA_SHARED_PRIV_H
#define VA_SHARED_PRIV_H

#include "media/va_worker_priv.h"
#include <errno.h>
#include <sys/mman.h>

struct va_slots {
    int64_t slots, in_size, out_size; /* bytes */
    uint8_t *area;                    /* [slots, in_size + out_size]; NULL: not mapped */
};

/* Where the slots begin: the header, rounded up to the largest page there is. */
static inline size_t va_slots_begin(void)
{
    const size_t page = 1 << 16;

    return (sizeof(struct va_shared) + page - 1) / page * page;
}

static inline size_t va_slots_bytes(const struct va_slots *s)
{
    return (size_t)s->slots * (size_t)(s->in_size + s->out_size);
}

static inline int va_slots_map(struct va_slots *s, int memory)
{
    void *p = mmap(NULL, va_slots_bytes(s), PROT_READ | PROT_WRITE, MAP_SHARED, memory,
                   (off_t)va_slots_begin());

    s->area = p == MAP_FAILED ? NULL : p;
    return s->area ? 0 : -1;
}

static inline void va_slots_unmap(struct va_slots *s)
{
    if (s->area)
        munmap(s->area, va_slots_bytes(s));
    s->area = NULL;
}

static inline uint8_t *va_slots_in(const struct va_slots *s, uint64_t slot)
{
    return s->area + (int64_t)(slot % (uint64_t)s->slots) * (s->in_size + s->out_size);
}

static inline uint8_t *va_slots_out(const struct va_slots *s, uint64_t slot)
{
    return va_slots_in(s, slot) + s->in_size;
}

#endif
