#include "base/va_tool.h"

#include "base/va_leftover.h"
#include "base/va_library.h"
#include "base/va_mem.h"
#include "base/va_option_priv.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "base/va_text.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct timespec began;

/* A file that is opened while 0, 1 or 2 is closed gets that number, and then what is printed goes
 * into it. So they are opened, on what refuses the first use as a closed one does. */
static void fill_standard(void)
{
    static const int flags[] = { O_WRONLY, O_RDONLY, O_WRONLY };

    for (int fd = 0; fd < (int)VA_COUNT(flags); fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", flags[fd]); /* gets the lowest number: fd */
}

void va_tool_init(const char *name)
{
    const char *with_parent = getenv("VA_STOP_WITH_PARENT");

    fill_standard();
    if (with_parent && !strcmp(with_parent, "yes"))
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    clock_gettime(CLOCK_MONOTONIC, &began);
    va_error_set_tool(name);
    va_tempfile_catch_signals();
    va_library_guard();
}

struct cost {
    double seconds, processor; /* processor: of this process and those that it waited for */
    long memory;               /* MiB at most, of one of them */
};

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

static struct cost cost_so_far(void)
{
    static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
    struct cost c = { 0 };
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    c.seconds = (double)(now.tv_sec - began.tv_sec) +
                1e-9 * (double)(now.tv_nsec - began.tv_nsec);
    for (size_t i = 0; i < VA_COUNT(whose); i++) {
        struct rusage use;

        if (getrusage(whose[i], &use) < 0)
            continue;
        c.processor += seconds_of(&use.ru_utime) + seconds_of(&use.ru_stime);
        if (use.ru_maxrss / 1024 > c.memory)
            c.memory = use.ru_maxrss / 1024;
    }
    return c;
}

/* With --verbose. */
static void tell_cost(void)
{
    struct cost c = cost_so_far();

    va_debug("took %.2f s, %.2f s of processors, at most %ld MiB", c.seconds, c.processor,
             c.memory);
}

/* VA_USAGE=FILE: a line for this run, in one write, since others may write there at the same time. The run has done its
 * work by then: a failure here is a warning. */
static void record_usage(void)
{
    const char *path = getenv("VA_USAGE");
    struct cost c = cost_so_far();
    char *output = va_strdup(va_option_output()), *line = NULL;
    ssize_t written = -1;
    int fd;

    if (!path || !*path || !output)
        goto done;
    va_text_clean(output);
    line = va_format("%s\t%.2f\t%.2f\t%ld\t%s\n", va_error_tool(), c.seconds, c.processor,
                     c.memory, output);
    fd = line ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        written = write(fd, line, strlen(line));
        if (close(fd) < 0)
            written = -1;
    }
    if (line && written < 0)
        va_warn("VA_USAGE=%s: cannot write: %s", path, strerror(errno));
done:
    va_free(line);
    va_free(output);
}

int va_tool_finish(int status)
{
    bool ran = status != VA_EXIT_USAGE && !va_option_wants.help && !va_option_wants.version;

    va_progress_end();
    va_leftover_remove_all();
    va_library_release();
    if (ran)
        tell_cost();
    errno = 0;
    if ((fflush(stdout) || ferror(stdout) || fclose(stdout)) && status == VA_EXIT_OK) {
        va_error_machine("standard output: cannot write: %s",
                         errno ? strerror(errno) : "an earlier write failed");
        status = VA_EXIT_MACHINE;
    }
    if (ran && status == VA_EXIT_OK)
        record_usage();
    return status;
}
