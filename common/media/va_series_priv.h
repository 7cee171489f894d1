/*
 * va_series_priv.h - blocks of bytes that a worker hands over one after the other, of any size.
 *
 * A block is a head, a struct that both sides know, and bytes that follow it. The worker posts; the owner
 * looks at a block until it asks for the next one.
 *
 * Threads:   one thread per series
 */
#ifndef VA_SERIES_PRIV_H
#define VA_SERIES_PRIV_H

#include "media/va_bytes_priv.h"
#include "media/va_worker_priv.h"

enum { VA_SERIES_MAX = 64 << 20 }; /* bytes of a block */

struct va_series { /* zeroed but for the worker */
    struct va_worker *worker;
    uint64_t seen;    /* blocks in these slots */
    bool held, ended; /* the owner looks at the last one; there are no more */
};

/* Start a worker for job(args) on the file. -1 after reporting. */
VA_MUST_USE int va_series_start(struct va_series *s, va_worker_job job, const void *args,
                                size_t size, const struct va_bytes_input *input,
                                const char *path);

/* In the worker: copy head and `size` bytes into the next slot. */
void va_series_post(struct va_side *side, const void *head, size_t head_size, const void *bytes,
                    int64_t size);

/* The next block, whose slot has at least `head` bytes: 1, 0 at the worker's VA_RECORD_END, -1 after
 * reporting. */
VA_MUST_USE int va_series_next(struct va_series *s, size_t head, const uint8_t **block);

/* Whether the slot has `size` bytes beyond the head, at most `most`: the worker's word is not enough. */
bool va_series_holds(const struct va_series *s, size_t head, int64_t size, int64_t most);

#endif
