/*
 * va_replay.h - calls that are the same in every step: made, then recorded and replayed where a device can.
 *
 * The second time that calls of the largest size are made they are recorded, as the first may still ask for
 * memory. Calls of a smaller size, such as the last batch of an epoch has, are made one by one.
 */
#ifndef VA_REPLAY_H
#define VA_REPLAY_H

#include "ops/va_ops.h"

struct va_replay {
    struct va_backend *be;
    void *calls;  /* of `size`; NULL: not recorded */
    int64_t size; /* the largest so far, and */
    int64_t made; /* how often it was made one by one */
};

/*
 * Make the calls of `make`, which are a function of `size` and of nothing else that changes: what differs
 * from step to step is what buffers hold. Where they are replayed `make` is not called.
 */
void va_replay_make(struct va_replay *r, struct va_backend *be, int64_t size,
                    void (*make)(void *arg), void *arg);

/* Before buffers go that the calls use. Zeroed is fine. */
void va_replay_release(struct va_replay *r);

#endif
