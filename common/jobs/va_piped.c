#include "jobs/va_piped.h"

#include "base/va_error.h"
#include "base/va_leftover.h"
#include "base/va_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct va_piped {
    const struct va_piped_options *o;
    pid_t pid;     /* 0: none */
    int to, from;  /* its standard input and output; -1: closed */
    int64_t given; /* pictures */
    int64_t taken; /* rows */
    char *bytes;   /* [used] of rows that came and were not taken */
    int64_t used, room;
};

static int64_t row_bytes(const struct va_piped *f)
{
    return f->o->width * (int64_t)sizeof(float);
}

static int64_t rows_so_far(const struct va_piped *f)
{
    return f->taken + f->used / row_bytes(f);
}

/* ---- its life -------------------------------------------------------------------------------- */

/* Start sh -c COMMAND with these descriptors. 0, or an error number. */
static int start(struct va_piped *f, int in, int out)
{
    char *words[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                      (char *)(uintptr_t)f->o->command, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t pipe_only;
    int error;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawnattr_setsigdefault(&attr, &pipe_only);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(&f->pid, "/bin/sh", &actions, &attr, words, environ);
    if (error)
        f->pid = 0;
    va_leftover_group(f->pid);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return error;
}

struct va_piped *va_piped_open(const struct va_piped_options *o)
{
    struct va_piped *f = va_new(1, sizeof(*f));
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, error;

    if (!f)
        return NULL;
    f->o = o;
    f->to = f->from = -1;
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        error = errno;
    else
        error = start(f, in[0], out[1]);
    f->to = in[1];
    f->from = out[0];
    if (in[0] >= 0)
        close(in[0]);
    if (out[1] >= 0)
        close(out[1]);
    if (!error &&
        (fcntl(f->to, F_SETFL, O_NONBLOCK) < 0 || fcntl(f->from, F_SETFL, O_NONBLOCK) < 0))
        error = errno;
    if (!error)
        return f;
    va_error_machine("--filter: cannot start sh: %s", strerror(error));
    va_piped_close(f);
    return NULL;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Its status, as waitpid gives it. What it left in its process group is ended first: as long as it is not
 * reaped, the group's number is nobody else's. */
static int reap(struct va_piped *f)
{
    int status = 0;

    kill(-f->pid, SIGKILL);
    while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
        ;
    f->pid = 0;
    va_leftover_group(0);
    return status;
}

void va_piped_close(struct va_piped *f)
{
    if (!f)
        return;
    shut(&f->to);
    shut(&f->from);
    if (f->pid)
        reap(f);
    va_free(f->bytes);
    va_free(f);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Wait for it to end, but not for ever; whether it did. */
static bool ended(struct va_piped *f, int *status)
{
    const struct timespec pause = { 0, 10 * 1000 * 1000 };

    for (int64_t i = 0; i < 100 * f->o->timeout; i++) {
        siginfo_t end = { .si_pid = 0 };

        if (waitid(P_PID, (id_t)f->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid) {
            *status = reap(f);
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

static int hangs(const struct va_piped *f)
{
    return va_error_machine(
        "--filter: no sign of '%s' for %lld seconds, after %lld rows for %lld "
        "pictures (--filter-timeout gives it longer)",
        f->o->command, (long long)f->o->timeout, (long long)rows_so_far(f),
        (long long)f->given);
}

/* It closed a pipe: why, and whether all rows are there. */
static int conclude(struct va_piped *f)
{
    int64_t rows = rows_so_far(f);
    int status = 0;

    shut(&f->to);
    if (!ended(f, &status))
        return hangs(f);
    if (WIFSIGNALED(status))
        return va_error_machine("--filter: '%s' was ended by signal %d, after %lld rows",
                                f->o->command, WTERMSIG(status), (long long)rows);
    if (WEXITSTATUS(status))
        return va_error_machine("--filter: '%s' ended with status %d, after %lld rows",
                                f->o->command, WEXITSTATUS(status), (long long)rows);
    if (f->used % row_bytes(f))
        return va_error("--filter: '%s' gave %lld bytes after row %lld, expected rows of %lld "
                        "float32 (--filter-width)",
                        f->o->command, (long long)(f->used % row_bytes(f)), (long long)rows,
                        (long long)f->o->width);
    if (rows < f->given)
        return va_error("--filter: '%s' gave %lld rows for %lld pictures, expected one each",
                        f->o->command, (long long)rows, (long long)f->given);
    return 0;
}

/* 1 with bytes, 0 at the end, -1 after reporting. */
static int receive(struct va_piped *f)
{
    enum { PIECE = 1 << 16 };
    ssize_t n;

    if (va_grow(&f->bytes, &f->room, f->used + PIECE, 1) < 0)
        return -1;
    n = read(f->from, f->bytes + f->used, PIECE);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 1
                   : va_error_machine("--filter: cannot read: %s", strerror(errno));
    f->used += n;
    if (f->used > (f->given - f->taken) * row_bytes(f))
        return va_error("--filter: '%s' gave more than %lld rows of %lld float32 for %lld "
                        "pictures, expected one each (--filter-width)",
                        f->o->command, (long long)f->given, (long long)f->o->width,
                        (long long)f->given);
    return n > 0;
}

/* Write `size` bytes, or none, and read what comes meanwhile: with none until the end. 0, or -1 after reporting. */
static int pump(struct va_piped *f, const char *bytes, int64_t size)
{
    bool finishing = size == 0;

    while (size > 0 || finishing) {
        struct pollfd fds[2] = { { f->from, POLLIN, 0 },
                                 { finishing ? -1 : f->to, POLLOUT, 0 } };
        int got = poll(fds, 2, (int)(1000 * f->o->timeout));

        if (got < 0 && errno != EINTR)
            return va_error_machine("--filter: cannot wait: %s", strerror(errno));
        if (got == 0)
            return hangs(f);
        if (fds[0].revents && got > 0) {
            int more = receive(f);

            if (more < 0)
                return -1;
            if (more == 0) /* while it should read on, too */
                return conclude(f) < 0 ? -1
                       : finishing     ? 0
                                   : va_error("--filter: '%s' ended before the last picture",
                                              f->o->command);
        }
        if (fds[1].revents && got > 0) {
            ssize_t n = write(f->to, bytes, (size_t)size);

            if (n < 0 && errno == EPIPE) {
                finishing =
                    true; /* it does not read any more: what is left of its rows, and why */
                shut(&f->to);
                size = 0;
            } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
                return va_error_machine("--filter: cannot write: %s", strerror(errno));
            } else if (n > 0) {
                bytes += n;
                size -= n;
            }
        }
    }
    return 0;
}

int va_piped_give(struct va_piped *f, int64_t count, const float *cut)
{
    struct va_intake intake = va_piped_intake(f->o);

    for (int64_t i = 0; i < count; i++) {
        f->given++;
        if (pump(f, (const char *)(cut + i * intake.numbers), 3 * f->o->size * f->o->size) < 0)
            return -1;
        if (f->to < 0)
            return va_error("--filter: '%s' ended before the last picture", f->o->command);
    }
    return 0;
}

int va_piped_finish(struct va_piped *f)
{
    shut(&f->to);
    return pump(f, NULL, 0);
}

int64_t va_piped_take(struct va_piped *f, int64_t most, float *rows)
{
    int64_t n = f->used / row_bytes(f), bytes;

    n = n < most ? n : most;
    bytes = n * row_bytes(f);
    if (n == 0)
        return 0;
    memcpy(rows, f->bytes, (size_t)bytes);
    memmove(f->bytes, f->bytes + bytes, (size_t)(f->used - bytes));
    f->used -= bytes;
    f->taken += n;
    for (int64_t i = 0; i < n * f->o->width; i++)
        if (!isfinite(rows[i]))
            return va_error(
                "--filter: '%s' gave %g as number %lld of row %lld, expected a finite "
                "one",
                f->o->command, (double)rows[i], (long long)(i % f->o->width),
                (long long)(f->taken - n + i / f->o->width));
    return n;
}

/* ---- pictures -------------------------------------------------------------------------------- */

static void cut(const void *model, const uint8_t *picture, float *row)
{
    const struct va_piped_options *o = model;

    memcpy(row, picture, (size_t)(3 * o->size * o->size));
}

struct va_intake va_piped_intake(const struct va_piped_options *o)
{
    int64_t bytes = 3 * o->size * o->size, n = (int64_t)sizeof(float);

    return (struct va_intake){ o->size, (bytes + n - 1) / n, cut, o };
}
