/*
 * va_worker_priv.h - a confined process that decodes, and the memory it shares with us.
 *
 *     this process --> keeper --> worker, worker, ...
 *
 * The keeper is forked once, early: small, one thread, nothing of ours in it. It forks a worker per
 * video or per reader of pictures, waits for its end and tells us why it ended. A worker is a
 * fresh process: one file cannot change how another one is read.
 *
 * Worker and owner share a header of counters, a ring of records that the worker writes, a
 * ring of requests that the owner writes, and slots for pixels and file contents. Counters only
 * grow. Who has nothing to do says so in the header and sleeps on a socket; who makes progress
 * wakes the other one. So a run in which both are busy makes no system call per picture. The end
 * of the worker arrives on the same socket.
 *
 * The owner copies a record before it looks at it, and keeps sizes and slot numbers itself.
 *
 * Threads:   one thread per worker at a time
 */
#ifndef VA_WORKER_PRIV_H
#define VA_WORKER_PRIV_H

#include "base/va_attr.h"
#include "media/va_source.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    VA_RECORDS = 256,       /* a power of two */
    VA_TEXT = 4096,         /* bytes of a message or a path */
    VA_WORKER_ARGS = 6144,  /* bytes of a job's arguments */
    VA_WORKER_SECONDS = 60, /* of CPU time without progress */
    VA_WORKER_INPUT = 5,    /* descriptors of a worker */
    VA_WORKER_SPOOL = 6,
};

enum va_record_kind {
    VA_RECORD_SAY,    /* text for people; status as va_exit, 0: a line that is no error */
    VA_RECORD_READY,  /* opened */
    VA_RECORD_FRAME,  /* pixels in the slot */
    VA_RECORD_BROKEN, /* an image that cannot be decoded; text says why */
    VA_RECORD_NEED,   /* slots of `bytes` are needed; the worker waits for them */
    VA_RECORD_END,    /* no more frames */
    VA_RECORD_FAILED, /* reported in an earlier record */
};

struct va_record {
    int kind, status;
    int64_t bytes, width, height, index;
    int64_t expected, frame_count, broken; /* of the source, at this moment */
    double pts, arrived, fps;
};

struct va_request {
    int64_t size; /* bytes in the slot's input */
    char path[VA_TEXT];
};

/* What a sleeping worker waits for: only that wakes it. */
enum va_wait { VA_WAIT_AWAKE, VA_WAIT_TAKEN, VA_WAIT_FREED, VA_WAIT_SLOTS, VA_WAIT_ASKED };

struct va_shared {
    atomic_ullong made, taken; /* records posted by the worker, consumed by the owner */
    atomic_ullong freed;       /* frames given back */
    atomic_ullong asked;       /* requests posted by the owner */
    atomic_ullong progress;    /* anything the worker got done */
    atomic_ullong wanted;      /* the owner sleeps until `made` is this; 0: awake */
    atomic_int worker_waits;   /* for what it sleeps: enum va_wait */
    atomic_int generation;     /* of the slots below */
    atomic_ullong restart;     /* the request with which this generation begins */
    atomic_llong slots, in_size, out_size; /* bytes per slot */
    struct va_record records[VA_RECORDS];
    struct va_request requests[VA_RECORDS];
    char text[VA_RECORDS][VA_TEXT];
};

/* ---- the owner -------------------------------------------------------------------------- */

struct va_worker; /* opaque */

/* What runs in the worker; returns when there is no more to do. */
struct va_side;
typedef void (*va_worker_job)(struct va_side *side, const void *args);

struct va_worker_start {
    va_worker_job job;
    const void *args; /* copied */
    size_t args_size;
    int input, spool; /* descriptors for the worker, -1: none; the caller's */
    int64_t memory;   /* bytes, as va_confine */
    int64_t seconds;  /* of CPU time without progress; 0: VA_WORKER_SECONDS */
    const char *name; /* of what is decoded, for messages; stays the caller's */
};

bool va_worker_confined(void); /* whether decoding happens in workers */

VA_MUST_USE struct va_worker *va_worker_new(const struct va_worker_start *start);
void va_worker_free(struct va_worker *w); /* ends the process; NULL is fine */
void va_worker_rename(struct va_worker *w, const char *name); /* it reads something else now */

/*
 * The next record, after messages before it are printed. Sleeps until `batch` records are there
 * or the worker waits itself. NULL after reporting that the worker died or makes no progress.
 * Valid until the next call; its text by va_worker_text.
 */
VA_MUST_USE const struct va_record *va_worker_next(struct va_worker *w, int batch);
const char *va_worker_text(const struct va_worker *w);

/* Report that a record makes no sense: somebody else speaks for the decoder. Returns -1. */
void va_worker_stop(
    struct va_worker *w); /* from any thread: va_worker_next gives NULL, unreported */
int va_worker_senseless(const struct va_worker *w);

/* New slots, all free, `requests` of the past forgotten. -1 after reporting. */
VA_MUST_USE int va_worker_resize(struct va_worker *w, int64_t slots, int64_t in_size,
                                 int64_t out_size);
int64_t va_worker_slots(const struct va_worker *w);
int64_t va_worker_in_size(const struct va_worker *w);
int64_t va_worker_out_size(const struct va_worker *w);
uint8_t *va_worker_in(const struct va_worker *w, uint64_t slot);
const uint8_t *va_worker_out(const struct va_worker *w, uint64_t slot);
void va_worker_freed(struct va_worker *w); /* a frame is given back */
uint64_t va_worker_asked(const struct va_worker *w);
void va_worker_ask(struct va_worker *w, const char *path, int64_t size); /* input is in place */

/* ---- the worker ------------------------------------------------------------------------- */

/* Post a record with the state of `s` (NULL: none). Waits while the ring is full. */
void va_side_post(struct va_side *side, struct va_record record, const struct va_source *s,
                  const char *text);
/* The state that goes with messages, from now on. */
void va_side_source(struct va_side *side, const struct va_source *s);

/* Where the next frame's pixels go, waiting for a free slot; as va_rgb_into wants it. */
uint8_t *va_side_place(void *side, int64_t size);

/* The next request, waiting; the slot's input and its number. NULL never: it ends the process. */
const struct va_request *va_side_request(struct va_side *side, uint8_t **input);
/* The output of that slot; NULL when it is smaller than `size`, which is then remembered. */
uint8_t *va_side_output(void *side, int64_t size);
/* The size that did not fit in since the last call, 0: none. */
int64_t va_side_missing(struct va_side *side);
/* After VA_RECORD_NEED: wait for the new slots. */
void va_side_await_slots(struct va_side *side);

/* Something was done: the limit on CPU time begins anew. Anywhere, any thread; in a process that
 * is no worker it does nothing. */
void va_worker_progress(void);

/* ---- between the keeper and the other two --------------------------------------------- */

struct va_fate { /* what the keeper says on a worker's socket */
    enum { VA_FATE_STARTED = 1, VA_FATE_ENDED, VA_FATE_NOT_STARTED } kind;
    int value; /* pid; status of waitpid; errno */
};

/* Ask the keeper, starting it if need be, for a worker that runs job(args) on its ends of `sock`
 * and `memory`. -1 after reporting. */
VA_MUST_USE int va_keeper_ask(const struct va_worker_start *start, int sock, int memory);

/* In the worker: map `memory`, take the error voice over, confine, run the job. */
void va_side_run(va_worker_job job, const void *args, int sock, int memory, int64_t limit,
                 int spool);

#endif
