/* The owner's side of a worker. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_shared_priv.h"
#include "media/va_worker_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct va_worker {
    const char *name;
    int sock, memory;
    pid_t pid; /* 0: not known yet; only for its clock */
    struct va_shared *shared;
    struct va_slots slots;
    uint64_t taken, freed, asked;
    struct va_record record;
    char text[VA_TEXT];
    struct va_fate fate; /* kind 0: it lives */
    int64_t seconds;
    uint64_t progress; /* when last looked at */
    double since;      /* CPU seconds then */
    atomic_bool stopped;
};

/* ---- life ------------------------------------------------------------------------------- */

static int make_memory(struct va_worker *w)
{
    w->memory = memfd_create("va-decoder", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (w->memory < 0 || ftruncate(w->memory, (off_t)va_slots_begin()) < 0 ||
        fcntl(w->memory, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
        return va_error_machine("%s: cannot make shared memory: %s", w->name, strerror(errno));
    w->shared = mmap(NULL, va_slots_begin(), PROT_READ | PROT_WRITE, MAP_SHARED, w->memory, 0);
    if (w->shared == MAP_FAILED) {
        w->shared = NULL;
        return va_error_machine("%s: out of memory", w->name);
    }
    return 0;
}

struct va_worker *va_worker_new(const struct va_worker_start *start)
{
    const struct timeval second = { .tv_sec = 1 };
    struct va_worker *w = va_new(1, sizeof(*w));
    int ends[2], result;

    if (!w)
        return NULL;
    w->sock = w->memory = -1;
    w->seconds = start->seconds ? start->seconds : VA_WORKER_SECONDS;
    w->name = start->name;
    if (make_memory(w) < 0)
        goto failed;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        va_error_machine("%s: cannot make a socket: %s", w->name, strerror(errno));
        goto failed;
    }
    w->sock = ends[0];
    setsockopt(w->sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    result = va_keeper_ask(start, ends[1], w->memory);
    close(ends[1]);
    if (result == 0)
        return w;
failed:
    va_worker_free(w);
    return NULL;
}

void va_worker_free(struct va_worker *w)
{
    if (!w)
        return;
    if (w->sock >= 0)
        close(w->sock); /* the keeper ends it */
    va_slots_unmap(&w->slots);
    if (w->shared)
        munmap(w->shared, va_slots_begin());
    if (w->memory >= 0)
        close(w->memory);
    va_free(w);
}

void va_worker_stop(struct va_worker *w)
{
    atomic_store(&w->stopped, true);
    shutdown(w->sock, SHUT_RDWR);
}

void va_worker_rename(struct va_worker *w, const char *name)
{
    w->name = name;
}

/* ---- how it ended ----------------------------------------------------------------------- */

static int report_end(struct va_worker *w)
{
    int value = w->fate.value;

    if (w->fate.kind == VA_FATE_NOT_STARTED)
        return va_error_machine("%s: cannot start a decoder: %s", w->name, strerror(value));
    if (w->fate.kind != VA_FATE_ENDED)
        return va_error_machine("%s: lost the process that starts decoders", w->name);
    if (WIFSIGNALED(value) && WTERMSIG(value) == SIGKILL) /* no fault of a file ends so */
        return va_error_machine("%s: its decoder was killed, perhaps because memory ran out",
                                w->name);
    if (WIFEXITED(value) && WEXITSTATUS(value) == VA_EXIT_MACHINE)
        return va_error_machine("%s: cannot start a decoder: out of memory", w->name);
    if (va_mem_short())
        return va_error_memory("%s: its decoder ended: out of memory", w->name);
    if (WIFSIGNALED(value))
        return va_error("%s: the decoder failed on it (signal %d, %s)", w->name,
                        WTERMSIG(value), strsignal(WTERMSIG(value)));
    return va_error("%s: the decoder failed on it (exit %d)", w->name,
                    WIFEXITED(value) ? WEXITSTATUS(value) : -1);
}

/* After a second of waiting: -1 after reporting that it computes without getting anywhere. */
static int check_progress(struct va_worker *w)
{
    uint64_t progress = atomic_load(&w->shared->progress);
    struct timespec used;
    clockid_t clock;
    double now;

    if (!w->pid || clock_getcpuclockid(w->pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return 0; /* it is just ending */
    now = (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
    if (progress != w->progress) {
        w->progress = progress;
        w->since = now;
    }
    if (now - w->since < (double)w->seconds)
        return 0;
    close(w->sock);
    w->sock = -1;
    return va_error("%s: the decoder found nothing in %lld s of CPU time; is the file damaged?",
                    w->name, (long long)w->seconds);
}

/* ---- waiting ---------------------------------------------------------------------------- */

/* What the worker waits for may have come. */
static void wake(struct va_worker *w, int what)
{
    if (atomic_load(&w->shared->worker_waits) == what &&
        atomic_exchange(&w->shared->worker_waits, VA_WAIT_AWAKE) != VA_WAIT_AWAKE)
        (void)!send(w->sock, "", 1, MSG_NOSIGNAL);
}

/* Sleep until something arrives on the socket. -1 after reporting. */
static int listen_once(struct va_worker *w)
{
    struct va_fate fate = { 0 };
    ssize_t n = recv(w->sock, &fate, sizeof(fate), 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return check_progress(w);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n == (ssize_t)sizeof(fate) && fate.kind == VA_FATE_STARTED)
        w->pid = fate.value;
    else if (n == (ssize_t)sizeof(fate) || n <= 0)
        w->fate = n > 0 ? fate : (struct va_fate){ .kind = VA_FATE_STARTED };
    return 0;
}

/* Wait for a record; better for `batch` of them. */
static int await(struct va_worker *w, int batch)
{
    struct va_shared *s = w->shared;
    uint64_t target = w->taken + (uint64_t)(batch > 1 ? batch : 1);

    if (atomic_load(&s->made) > w->taken)
        return 0;
    for (;;) {
        bool sleeps, some;

        atomic_store(&s->wanted, target);
        sleeps = atomic_load(&s->worker_waits) != VA_WAIT_AWAKE;
        some = atomic_load(&s->made) > w->taken;
        if (atomic_load(&s->made) >= target || (some && (sleeps || w->fate.kind)))
            break;
        if (w->sock < 0 || atomic_load(&w->stopped))
            return -1;
        if (w->fate.kind)
            return report_end(w);
        if (listen_once(w) < 0)
            return -1;
    }
    atomic_store(&s->wanted, 0);
    return 0;
}

/* A line from the worker, in our voice. */
static void say(const struct va_worker *w, const struct va_record *r)
{
    if (r->bytes > 0)
        va_error(
            "%s: decoding it takes more than %lld MiB, the limit for pictures of its size; "
            "--unconfined lifts it",
            w->name, (long long)(r->bytes >> 20));
    else if (r->status == VA_EXIT_INPUT)
        va_error("%s", w->text);
    else if (r->status)
        va_error_machine("%s", w->text);
    else
        va_warn("%s", w->text);
}

const struct va_record *va_worker_next(struct va_worker *w, int batch)
{
    struct va_record *r = &w->record;
    size_t at;

    do {
        if (await(w, batch) < 0)
            return NULL;
        at = w->taken & (VA_RECORDS - 1);
        *r = w->shared->records[at];
        if (r->kind == VA_RECORD_SAY || r->kind == VA_RECORD_BROKEN) {
            memcpy(w->text, w->shared->text[at], sizeof(w->text));
            w->text[sizeof(w->text) - 1] = 0;
        }
        atomic_store(&w->shared->taken, ++w->taken);
        wake(w, VA_WAIT_TAKEN);
        if (r->kind == VA_RECORD_SAY)
            say(w, r);
    } while (r->kind == VA_RECORD_SAY);
    return r;
}

const char *va_worker_text(const struct va_worker *w)
{
    return w->text;
}

int va_worker_senseless(const struct va_worker *w)
{
    return va_error("%s: the decoder failed on it (its answer is invalid)", w->name);
}

/* ---- slots ------------------------------------------------------------------------------ */

int va_worker_resize(struct va_worker *w, int64_t slots, int64_t in_size, int64_t out_size)
{
    struct va_slots next = { .slots = slots, .in_size = in_size, .out_size = out_size };
    off_t size = (off_t)(va_slots_begin() + va_slots_bytes(&next));
    off_t now = lseek(w->memory, 0, SEEK_END);

    va_slots_unmap(&w->slots);
    if ((size > now && ftruncate(w->memory, size) < 0) || va_slots_map(&next, w->memory) < 0)
        return va_error_machine("%s: out of memory for its pictures", w->name);
    w->slots = next;
    w->freed = 0;
    atomic_store(&w->shared->freed, 0);
    atomic_store(&w->shared->slots, slots);
    atomic_store(&w->shared->in_size, in_size);
    atomic_store(&w->shared->out_size, out_size);
    atomic_store(&w->shared->restart, w->asked);
    atomic_fetch_add(&w->shared->generation, 1);
    wake(w, VA_WAIT_SLOTS);
    return 0;
}

int64_t va_worker_slots(const struct va_worker *w)
{
    return w->slots.slots;
}

int64_t va_worker_in_size(const struct va_worker *w)
{
    return w->slots.in_size;
}

int64_t va_worker_out_size(const struct va_worker *w)
{
    return w->slots.out_size;
}

uint8_t *va_worker_in(const struct va_worker *w, uint64_t slot)
{
    return va_slots_in(&w->slots, slot);
}

const uint8_t *va_worker_out(const struct va_worker *w, uint64_t slot)
{
    return va_slots_out(&w->slots, slot);
}

void va_worker_freed(struct va_worker *w)
{
    atomic_store(&w->shared->freed, ++w->freed);
    wake(w, VA_WAIT_FREED);
}

uint64_t va_worker_asked(const struct va_worker *w)
{
    return w->asked;
}

void va_worker_ask(struct va_worker *w, const char *path, int64_t size)
{
    struct va_request *r = &w->shared->requests[w->asked & (VA_RECORDS - 1)];

    snprintf(r->path, sizeof(r->path), "%s", path);
    r->size = size;
    atomic_store(&w->shared->asked, ++w->asked);
    wake(w, VA_WAIT_ASKED);
}
