/*
 * One voice for all messages. The line is made in a fixed buffer and written by a single
 * write(2), so that lines of threads and of tools sharing a terminal stay whole.
 */
#include "base/va_error.h"

#include "base/va_text.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = VA_ERROR_LINE };

static const char *tool_name = "va";
static enum va_verbosity verbosity = VA_NORMAL;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int first_status, last_status; /* 0: nothing reported yet */
static bool memory_ran_out;           /* and that was said */
static char *catch_line;
static unsigned long catch_size;
static int catch_status;
static _Thread_local struct va_error_kept *kept;
static void (*before_line)(void);
static void (*relay_line)(int status, const char *text);
static struct {
    bool on, speaks;
    int status; /* 0: no error yet */
    char line[LINE_SIZE];
} held;

void va_error_set_tool(const char *name)
{
    tool_name = name;
}

const char *va_error_tool(void)
{
    return tool_name;
}

void va_set_verbosity(enum va_verbosity v)
{
    verbosity = v;
}

enum va_verbosity va_verbosity(void)
{
    return verbosity;
}

void va_error_set_before(void (*clear)(void))
{
    before_line = clear;
}

void va_error_set_relay(void (*relay)(int status, const char *text))
{
    relay_line = relay;
}

int va_error_status(void)
{
    return first_status ? first_status : VA_EXIT_MACHINE;
}

int va_error_last_status(void)
{
    return last_status ? last_status : VA_EXIT_MACHINE;
}

void va_error_catch_begin(char *line, unsigned long size)
{
    line[0] = 0;
    catch_line = line;
    catch_size = size;
    catch_status = 0;
}

int va_error_catch_end(void)
{
    catch_line = NULL;
    return catch_status;
}

void va_error_keep(struct va_error_kept *to)
{
    kept = to;
}

struct va_error_kept *va_error_keeping(void)
{
    return kept;
}

static void keep(int status, const char *text)
{
    while (atomic_flag_test_and_set(&kept->busy))
        sched_yield(); /* another thread of the pool reports */
    if (!kept->status) {
        snprintf(kept->line, sizeof(kept->line), "%s", text);
        kept->status = status;
    }
    atomic_flag_clear(&kept->busy);
}

static void write_all(const char *s, size_t n)
{
    while (n) {
        ssize_t w = write(STDERR_FILENO, s, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return; /* nobody is left to tell */
        s += w;
        n -= (size_t)w;
    }
}

/* Print "tool: message\n"; what does not print becomes '?'. */
static void say(const char *format, va_list args, int status)
{
    char line[LINE_SIZE];
    int saved = errno;
    size_t prefix, n;

    prefix = (size_t)snprintf(line, sizeof(line) - 1, "%s: ", tool_name);
    n = (size_t)vsnprintf(line + prefix, sizeof(line) - 1 - prefix, format, args);
    va_text_clean(line);
    n = strlen(line);
    if (kept) {
        keep(status, line + prefix);
        errno = saved;
        return;
    }
    if (relay_line) {
        relay_line(status, line + prefix);
        errno = saved;
        return;
    }

    pthread_mutex_lock(&lock);
    if (status && catch_line) {
        if (!catch_line[0]) {
            snprintf(catch_line, catch_size, "%s", line + prefix);
            catch_status = status;
        }
    } else if (status && memory_ran_out) {
        last_status = VA_EXIT_MACHINE; /* a consequence of what was said */
    } else if (status && held.on) {
        if (!held.status)
            memcpy(held.line, line + prefix, n - prefix + 1);
        held.status = held.status ? held.status : status;
    } else if (status || !held.on || held.speaks) {
        if (status && !first_status)
            first_status = status;
        last_status = status ? status : last_status;
        fflush(stdout);
        if (before_line)
            before_line();
        line[n++] = '\n';
        write_all(line, n);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
}

void va_error_hold_begin(bool speaks)
{
    held.on = true;
    held.speaks = speaks;
}

void va_error_hold_end(void)
{
    va_error_held_tell("");
    held.on = false;
}

int va_error_held(void)
{
    return held.status;
}

static void say_plain(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args, status);
    va_end(args);
}

void va_error_held_tell(const char *prefix)
{
    bool on = held.on;

    if (!held.status)
        return;
    held.on = false;
    say_plain(held.status, "%s%s", prefix, held.line);
    held.on = on;
    held.status = 0;
}

void va_error_held_drop(int status)
{
    held.status = 0;
    if (!first_status)
        first_status = status;
}

#define SAY(status)                  \
    do {                             \
        va_list args;                \
        va_start(args, format);      \
        say(format, args, (status)); \
        va_end(args);                \
    } while (0)

int va_error(const char *format, ...)
{
    SAY(VA_EXIT_INPUT);
    return -1;
}

int va_error_machine(const char *format, ...)
{
    SAY(VA_EXIT_MACHINE);
    return -1;
}

int va_error_memory(const char *format, ...)
{
    SAY(VA_EXIT_MACHINE);
    pthread_mutex_lock(&lock);
    memory_ran_out = memory_ran_out || (!kept && !catch_line && !held.on);
    pthread_mutex_unlock(&lock);
    errno = ENOMEM;
    return -1;
}

int va_error_read(const char *path, const char *verb)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG: return va_error("%s: cannot %s: %s", path, verb, strerror(errno));
    default: return va_error_write(path, verb);
    }
}

int va_error_write(const char *path, const char *verb)
{
    if (errno == ENOMEM)
        return va_error_memory("%s: cannot %s: %s", path, verb, strerror(errno));
    return va_error_machine("%s: cannot %s: %s%s", path, verb, strerror(errno),
                            errno == ENOENT ? ": make its folder first" : "");
}

void va_warn(const char *format, ...)
{
    SAY(0);
}

void va_info(const char *format, ...)
{
    if (verbosity > VA_QUIET && !kept)
        SAY(0);
}

void va_debug(const char *format, ...)
{
    if (verbosity >= VA_VERBOSE && !kept)
        SAY(0);
}
