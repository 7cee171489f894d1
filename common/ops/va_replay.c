#include "ops/va_replay.h"

#include "base/va_error.h"

static void record(struct va_replay *r, void (*make)(void *arg), void *arg)
{
    r->be->ops->record(r->be);
    make(arg);
    r->calls = r->be->ops->recorded(r->be);
    if (r->calls)
        va_debug("steps of a batch of %lld: recorded, and replayed from now on",
                 (long long)r->size);
}

void va_replay_make(struct va_replay *r, struct va_backend *be, int64_t size,
                    void (*make)(void *arg), void *arg)
{
    r->be = be;
    if (size > r->size) {
        va_replay_release(r);
        r->size = size;
        r->made = 0;
    }
    if (!be->ops->replay || size < r->size)
        make(arg);
    else if (r->calls)
        be->ops->replay(be, r->calls);
    else if (++r->made == 2)
        record(r, make, arg);
    else
        make(arg);
}

void va_replay_release(struct va_replay *r)
{
    if (r->calls)
        r->be->ops->forget(r->be, r->calls);
    r->calls = NULL;
}
