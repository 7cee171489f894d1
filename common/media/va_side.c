/* The worker's side: it trusts its owner, the owner does not trust it. */
#include "base/va_confine.h"
#include "base/va_error.h"
#include "media/va_shared_priv.h"
#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct va_side {
    struct va_shared *shared;
    int sock, memory;
    struct va_slots slots;
    int generation;
    uint64_t frames; /* posted since the slots were made */
    uint64_t done;   /* requests answered */
    uint64_t request;
    int64_t missing;
    const struct va_source *source;
};

static struct va_side this; /* of this process, if it is a worker */

void va_worker_progress(void)
{
    if (this.shared)
        atomic_fetch_add_explicit(&this.shared->progress, 1, memory_order_relaxed);
}

/* ---- waiting ---------------------------------------------------------------------------- */

static void wake_owner(struct va_side *side, bool in_any_case)
{
    struct va_shared *s = side->shared;
    uint64_t wanted = atomic_load(&s->wanted);

    if (wanted && (in_any_case || atomic_load(&s->made) >= wanted) &&
        atomic_exchange(&s->wanted, 0))
        (void)!send(side->sock, "", 1, MSG_NOSIGNAL);
}

static void wait_until(struct va_side *side, enum va_wait what,
                       bool (*ready)(const struct va_side *side))
{
    char byte;

    while (!ready(side)) {
        atomic_store(&side->shared->worker_waits, what);
        if (!ready(side)) {
            wake_owner(side, true);
            if (recv(side->sock, &byte, 1, 0) == 0)
                _exit(0); /* the owner has gone */
        }
        atomic_store(&side->shared->worker_waits, VA_WAIT_AWAKE);
    }
}

static bool has_record(const struct va_side *side)
{
    return atomic_load(&side->shared->made) - atomic_load(&side->shared->taken) < VA_RECORDS;
}

static bool all_are_taken(const struct va_side *side)
{
    return atomic_load(&side->shared->made) == atomic_load(&side->shared->taken);
}

static bool has_free_slot(const struct va_side *side)
{
    return side->frames - atomic_load(&side->shared->freed) < (uint64_t)side->slots.slots;
}

static bool has_new_slots(const struct va_side *side)
{
    return atomic_load(&side->shared->generation) != side->generation;
}

static bool has_request(const struct va_side *side)
{
    return has_new_slots(side) || atomic_load(&side->shared->asked) > side->done;
}

/* ---- records ---------------------------------------------------------------------------- */

void va_side_post(struct va_side *side, struct va_record r, const struct va_source *s,
                  const char *text)
{
    struct va_shared *shared = side->shared;
    size_t at;

    wait_until(side, VA_WAIT_TAKEN, has_record);
    if (s) {
        r.expected = s->expected;
        r.frame_count = s->frame_count;
        r.broken = s->broken;
        r.fps = s->fps;
    }
    at = atomic_load(&shared->made) & (VA_RECORDS - 1);
    shared->records[at] = r;
    if (text)
        snprintf(shared->text[at], VA_TEXT, "%s", text);
    if (r.kind == VA_RECORD_FRAME)
        side->frames++;
    va_worker_progress();
    atomic_fetch_add(&shared->made, 1);
    wake_owner(side, false);
}

void va_side_source(struct va_side *side, const struct va_source *s)
{
    side->source = s;
}

/* Our messages become records. */
static void relay(int status, const char *text)
{
    struct va_record r = { .kind = VA_RECORD_SAY, .status = status };

    if (status) /* libraries do not always say that memory is short */
        r.bytes = va_confine_memory_hit();
    va_side_post(&this, r, this.source, text);
}

/* ---- slots ------------------------------------------------------------------------------ */

static void take_slots(struct va_side *side)
{
    struct va_shared *s = side->shared;

    va_slots_unmap(&side->slots);
    side->generation = atomic_load(&s->generation);
    side->slots = (struct va_slots){ .slots = atomic_load(&s->slots),
                                     .in_size = atomic_load(&s->in_size),
                                     .out_size = atomic_load(&s->out_size) };
    side->frames = 0;
    side->done = atomic_load(&s->restart);
    if (va_slots_map(&side->slots, side->memory) < 0)
        _exit(VA_EXIT_MACHINE);
}

void va_side_await_slots(struct va_side *side)
{
    wait_until(side, VA_WAIT_SLOTS, has_new_slots);
    take_slots(side);
}

uint8_t *va_side_place(void *arg, int64_t size)
{
    struct va_side *side = arg;

    if (size > side->slots.out_size) {
        wait_until(side, VA_WAIT_TAKEN, all_are_taken);
        va_side_post(side, (struct va_record){ .kind = VA_RECORD_NEED, .bytes = size },
                     side->source, NULL);
        va_side_await_slots(side);
    }
    wait_until(side, VA_WAIT_FREED, has_free_slot);
    return va_slots_out(&side->slots, side->frames);
}

const struct va_request *va_side_request(struct va_side *side, uint8_t **input)
{
    do {
        wait_until(side, VA_WAIT_ASKED, has_request);
        if (has_new_slots(side))
            take_slots(side);
    } while (atomic_load(&side->shared->asked) <= side->done);
    side->request = side->done++;
    *input = va_slots_in(&side->slots, side->request);
    return &side->shared->requests[side->request & (VA_RECORDS - 1)];
}

uint8_t *va_side_output(void *arg, int64_t size)
{
    struct va_side *side = arg;

    if (size <= side->slots.out_size)
        return va_slots_out(&side->slots, side->request);
    side->missing = size;
    return NULL;
}

int64_t va_side_missing(struct va_side *side)
{
    int64_t size = side->missing;

    side->missing = 0;
    return size;
}

/* ---- the process ------------------------------------------------------------------------ */

void va_side_run(va_worker_job job, const void *args, int sock, int memory, int64_t limit,
                 int spool)
{
    const struct va_confine limits = { .memory = limit, .spool = spool };
    const char *why;

    this.sock = sock;
    this.memory = memory;
    this.shared = mmap(NULL, va_slots_begin(), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (this.shared == MAP_FAILED)
        _exit(VA_EXIT_MACHINE);
    va_error_set_relay(relay);
    why = va_confine(&limits);
    if (why) {
        va_error_machine("cannot confine the decoder on this system (%s); --unconfined decodes "
                         "without, for files that you trust",
                         why);
        va_side_post(&this, (struct va_record){ .kind = VA_RECORD_FAILED }, NULL, NULL);
    } else {
        job(&this, args);
    }
    wake_owner(&this, true);
}
