#include "base/va_tool.h"

#include "base/va_leftover.h"
#include "base/va_library.h"
#include "base/va_option_priv.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
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
    fill_standard();
    clock_gettime(CLOCK_MONOTONIC, &began);
    va_error_set_tool(name);
    va_tempfile_catch_signals();
    va_library_guard();
}

/* With --verbose. */
static void tell_cost(void)
{
    struct timespec now;
    struct rusage use;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (getrusage(RUSAGE_SELF, &use) == 0)
        va_debug("took %.2f s, %.2f s of processors, at most %ld MiB",
                 (double)(now.tv_sec - began.tv_sec) +
                     1e-9 * (double)(now.tv_nsec - began.tv_nsec),
                 (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                     1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec),
                 use.ru_maxrss / 1024);
}

int va_tool_finish(int status)
{
    va_progress_end();
    va_leftover_remove_all();
    va_library_release();
    if (status != VA_EXIT_USAGE && !va_option_wants.help && !va_option_wants.version)
        tell_cost();
    errno = 0;
    if ((fflush(stdout) || ferror(stdout) || fclose(stdout)) && status == VA_EXIT_OK) {
        va_error_machine("standard output: cannot write: %s",
                         errno ? strerror(errno) : "an earlier write failed");
        status = VA_EXIT_MACHINE;
    }
    return status;
}
