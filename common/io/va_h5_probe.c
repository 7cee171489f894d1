/*
 * The HDF5 library trusts what it reads: a damaged file can make it crash, loop or ask for all
 * memory. So a file is opened first in a child process that may die of it. The child has its
 * own limits, a pipe for its one message, and no way to our stdout and stderr.
 */
#include "base/va_error.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif

enum {
    CPU_SECONDS = 1, /* two thousand datasets take a tenth of that */
    BIG = 1 << 30,   /* no more time for files beyond this */
    WALL_SECONDS = 60,
    MEMORY = 1 << 27,         /* bytes beyond what the parent has and what the file holds */
    BYTES_A_SECOND = 1 << 26, /* slower than any disk with compressed data is read */
    LINE = 2048,
};

/* Set a soft limit; the hard one stays, and keeps it down. */
static void set_limit(int what, rlim_t value)
{
    struct rlimit limit;

    if (getrlimit(what, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || value < limit.rlim_max ? value
                                                                               : limit.rlim_max;
    setrlimit(what, &limit);
}

static rlim_t soft_limit(int what)
{
    struct rlimit limit;

    return getrlimit(what, &limit) < 0 ? RLIM_INFINITY : limit.rlim_cur;
}

/* What a library may want for a file: not much more than the file is long. */
static void limit_memory(int64_t file_size)
{
    (void)file_size;
#ifndef HAVE_SANITIZER /* which maps terabytes */
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long pages;
    rlim_t wanted;

    if (f && fscanf(f, "%llu", &pages) == 1) {
        wanted = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY + 2 * (rlim_t)file_size;
        if (wanted < soft_limit(RLIMIT_AS))
            set_limit(RLIMIT_AS, wanted);
    }
    if (f)
        fclose(f);
#endif
}

void va_h5_probe_more_time(int64_t bytes)
{
    static int64_t total; /* of this child */
    int64_t seconds;

    total += bytes;
    seconds = CPU_SECONDS + total / BYTES_A_SECOND;
    set_limit(RLIMIT_CPU, (rlim_t)seconds);
    alarm((unsigned)(seconds + WALL_SECONDS));
}

/* Dies by _exit or a signal; nothing of the parent is flushed or cleaned up here. */
static void child(int report, int64_t file_size, int (*fn)(void *arg), void *arg)
{
    static const int signals[] = { SIGINT,  SIGTERM, SIGHUP, SIGALRM, SIGXCPU,
                                   SIGSEGV, SIGBUS,  SIGFPE, SIGABRT, SIGPIPE };
    int null = open("/dev/null", O_RDWR);
    char line[LINE];
    int result;

    for (size_t i = 0; i < VA_COUNT(signals); i++)
        signal(signals[i], SIG_DFL);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    set_limit(RLIMIT_CORE, 0);
    limit_memory(file_size);
    va_h5_probe_more_time(4 * (file_size < BIG ? file_size : BIG));
    va_error_catch_begin(line, sizeof(line));
    result = fn(arg);
    if (result < 0)
        (void)!write(report, line, strlen(line)); /* below PIPE_BUF: whole or not at all */
    _exit(result < 0);
}

int va_h5_probe(const char *path, int64_t file_size, int (*fn)(void *arg), void *arg)
{
    char line[LINE];
    size_t n = 0;
    ssize_t got;
    int ends[2], status;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return va_error_machine("%s: cannot make a pipe: %s", path, strerror(errno));
    pid = fork();
    if (pid == 0)
        child(ends[1], file_size, fn, arg);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return va_error_machine("%s: cannot start a process to open it: %s", path,
                                strerror(errno));
    }
    while ((got = read(ends[0], line + n, sizeof(line) - 1 - n)) != 0) {
        if (got > 0)
            n += (size_t)got;
        else if (errno != EINTR)
            break;
    }
    line[n] = 0;
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return va_error_machine("%s: lost the process that opens it: %s", path,
                                    strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (!strncmp(line, path, strlen(path)))
        return va_error("%s", line);
    if (WIFSIGNALED(status))
        return va_error("%s: damaged HDF5 file (the library fails on it: %s)", path,
                        strsignal(WTERMSIG(status)));
    return va_error("%s: damaged HDF5 file", path);
}
