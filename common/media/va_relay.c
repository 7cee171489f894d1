#include "media/va_relay.h"

#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One is filled, VA_RELAY_WAITING wait, one is looked at. */
enum { SLOTS = VA_RELAY_WAITING + 2 };
enum state { FREE, FILLING, WAITING, HELD };

struct slot {
    enum state state;
    struct va_frame frame; /* its pixels are those below */
    uint8_t *pixels;
    int64_t room, number; /* number: of the frame among those that were put, from 0 */
    double ready;         /* when it came */
};

struct va_relay {
    struct va_relay_options options;
    struct va_source *source;
    struct slot slots[SLOTS];
    struct va_relay_counts counts;
    int64_t put;
    double due; /* pts from which `rate` lets a frame through */
    int ended; /* 0: not yet; 1 at the end of the source; -1 when it failed, which is reported */
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* by the monotonic clock */
    pthread_t thread;
    bool started;
};

/* ---- the thread ------------------------------------------------------------------------- */

/* The slot in this state that was put first, or NULL. */
static struct slot *oldest(struct va_relay *r, enum state state)
{
    struct slot *found = NULL;

    for (int i = 0; i < SLOTS; i++)
        if (r->slots[i].state == state && (!found || r->slots[i].number < found->number))
            found = &r->slots[i];
    return found;
}

static int count_waiting(const struct va_relay *r)
{
    int n = 0;

    for (int i = 0; i < SLOTS; i++)
        n += r->slots[i].state == WAITING;
    return n;
}

/* A slot to fill; NULL when told to stop. */
static struct slot *take_slot(struct va_relay *r)
{
    struct slot *s = NULL;

    pthread_mutex_lock(&r->lock);
    while (!r->stop && !r->options.drop && count_waiting(r) == VA_RELAY_WAITING)
        pthread_cond_wait(&r->changed, &r->lock);
    if (!r->stop) {
        s = oldest(r, FREE);
        if (count_waiting(r) == VA_RELAY_WAITING) {
            s = oldest(r, WAITING);
            r->counts.dropped++;
        }
        s->state = FILLING;
    }
    pthread_mutex_unlock(&r->lock);
    return s;
}

/* Whether `rate` lets a frame through. Its time may be anything: after a jump the rule begins anew. */
static bool is_due(struct va_relay *r, double pts)
{
    double step = r->options.rate > 0 ? 1 / r->options.rate : 0;

    if (step == 0)
        return true;
    if (r->counts.frames > 1 && pts < r->due - 1e-6 && pts > r->due - 2 * step)
        return false;
    r->due = r->counts.frames > 1 && pts < r->due + step && pts > r->due - step ? r->due + step
                                                                                : pts + step;
    return true;
}

static int put_frame(struct va_relay *r, const struct va_frame *frame)
{
    double ready = va_clock();
    int64_t size = frame->width * frame->height * 3;
    struct slot *s = take_slot(r);

    if (!s)
        return 0;
    if (va_grow(&s->pixels, &s->room, size, 1) < 0)
        return -1;
    memcpy(s->pixels, frame->pixels, (size_t)size);
    s->frame = *frame;
    s->frame.pixels = s->pixels;
    s->ready = ready;
    pthread_mutex_lock(&r->lock);
    s->number = r->put++;
    s->state = WAITING;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return 1;
}

static void *work(void *arg)
{
    struct va_relay *r = arg;
    struct va_frame frame;
    double origin = 0;
    int got;

    while ((got = va_source_next(r->source, &frame)) > 0) {
        bool due;

        if (r->counts.frames == 0 && r->options.from_first)
            origin = frame.pts;
        frame.pts -= origin;
        pthread_mutex_lock(&r->lock);
        r->counts.frames++;
        due = is_due(r, frame.pts);
        r->counts.skipped += !due;
        pthread_mutex_unlock(&r->lock);
        if (due && (got = put_frame(r, &frame)) <= 0)
            break;
    }
    pthread_mutex_lock(&r->lock);
    r->ended = got < 0 ? -1 : 1;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- who takes -------------------------------------------------------------------------- */

static bool told(const struct va_relay *r)
{
    return r->options.stop && *r->options.stop;
}

/* Wait for a tenth of a second at most; the lock is held. */
static void wait_a_little(struct va_relay *r)
{
    enum { LOOK = 100000000, SECOND = 1000000000 }; /* ns */
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK;
    until.tv_sec += until.tv_nsec / SECOND;
    until.tv_nsec %= SECOND;
    pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

int va_relay_next(struct va_relay *r, const char *path, struct va_frame *frame, double *ready)
{
    double begun = va_clock();
    struct slot *s;
    bool late = false;
    int got;

    pthread_mutex_lock(&r->lock);
    if ((s = oldest(r, HELD)))
        s->state = FREE;
    pthread_cond_broadcast(&r->changed);
    while (!(s = oldest(r, WAITING)) && !r->ended && !told(r) && !late) {
        wait_a_little(r);
        late = r->options.patience > 0 && va_clock() - begun > r->options.patience;
    }
    if (s && !told(r)) {
        s->state = HELD;
        *frame = s->frame;
        *ready = s->ready;
    }
    got = told(r) ? 0 : s ? 1 : r->ended < 0 || !r->ended ? -1 : 0;
    late = got < 0 && !r->ended;
    pthread_mutex_unlock(&r->lock);
    if (late)
        va_error_machine("%s: no frame came for %g s: is it still connected?", path,
                         r->options.patience);
    return got;
}

struct va_relay_counts va_relay_counts(struct va_relay *r)
{
    struct va_relay_counts c;

    pthread_mutex_lock(&r->lock);
    c = r->counts;
    pthread_mutex_unlock(&r->lock);
    return c;
}

/* ---- life ------------------------------------------------------------------------------- */

/* Signals are for the thread that takes. */
static int start(struct va_relay *r)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&r->thread, NULL, work, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->started = error == 0;
    return error ? va_error_machine("cannot start a thread: %s", strerror(error)) : 0;
}

struct va_relay *va_relay_new(struct va_source *source, const struct va_relay_options *options)
{
    struct va_relay *r = va_new(1, sizeof(*r));
    pthread_condattr_t clock;

    if (!r)
        return NULL;
    r->source = source;
    r->options = *options;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (start(r) == 0)
        return r;
    va_relay_free(r);
    return NULL;
}

void va_relay_free(struct va_relay *r)
{
    if (!r)
        return;
    va_source_stop(r->source);
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->started)
        pthread_join(r->thread, NULL);
    for (int i = 0; i < SLOTS; i++)
        va_free(r->slots[i].pixels);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    va_free(r);
}

/* A descriptor from which bytes come, -1: none has to be waited for. */
static int pipe_of(const char *path)
{
    struct stat about;

    if (!strcmp(path, "-"))
        return STDIN_FILENO;
    return stat(path, &about) == 0 && S_ISFIFO(about.st_mode)
               ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
               : -1;
}

int va_relay_await(const char *path, const struct va_relay_options *options)
{
    struct pollfd input = { .fd = pipe_of(path), .events = POLLIN };
    double begun = va_clock();
    int got = input.fd < 0, late = 0;

    while (!got && !late && !(options->stop && *options->stop)) {
        got = poll(&input, 1, 100) > 0;
        late = !got && options->patience > 0 && va_clock() - begun > options->patience;
    }
    if (late)
        va_error_machine("%s: nothing came for %g s: is somebody writing to it?",
                         input.fd == STDIN_FILENO ? "standard input" : path, options->patience);
    /* a pipe stays open until this process ends: closing it here might be the end for who writes to it */
    return late ? -1 : got;
}
