#include "base/va_tool.h"

#include "base/va_leftover.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct timespec began;
static pid_t owner; /* a child of it ends as it likes */
static bool finished;

/* ---- ends that nobody planned ---------------------------------------------------------- */

/*
 * Libraries end the process when they find no memory or no thread (libgomp by exit, others by
 * abort), or use memory that they did not get. The user then gets a line and exit code 4 like
 * for any failure of the machine, and no temporary file is left. Where cores are wanted, the
 * signal goes on to make one.
 */
static const struct {
    int signal;
    const char *line;
} fatal[] = {
    { SIGABRT, ": a library ended the program: out of memory, or a defect (SIGABRT)\n" },
    { SIGSEGV, ": ended by a memory fault: out of memory, or a defect (SIGSEGV)\n" },
    { SIGFPE, ": ended by an arithmetic fault, a defect (SIGFPE)\n" },
    { SIGILL, ": ended by an instruction that this machine does not have (SIGILL)\n" },
    { SIGBUS, ": a file was cut short while it was read, or cannot be read (SIGBUS)\n" },
};

static void say_and_end(int number)
{
    struct rlimit core;
    const char *name = va_error_tool(), *line = "";

    signal(number, SIG_DFL);
    if (getpid() != owner) {
        raise(number);
        return;
    }
    for (size_t i = 0; i < VA_COUNT(fatal); i++)
        if (fatal[i].signal == number)
            line = fatal[i].line;
    (void)!write(STDERR_FILENO, name, strlen(name));
    (void)!write(STDERR_FILENO, line, strlen(line));
    va_leftover_remove_all();
    if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur > 0)
        raise(number);
    else
        _exit(VA_EXIT_MACHINE);
}

/* exit() that did not come from main(). */
static void exit_of_a_library(void)
{
    if (finished || getpid() != owner)
        return;
    va_leftover_remove_all();
    va_error_machine("a library ended the program: out of memory or threads");
    _exit(VA_EXIT_MACHINE);
}

static void catch_ends(void)
{
    owner = getpid();
    atexit(exit_of_a_library);
    for (size_t i = 0; i < VA_COUNT(fatal); i++) {
        struct sigaction act = { .sa_handler = say_and_end, .sa_flags = SA_NODEFER }, old;

        /* a sanitizer has its own */
        if (sigaction(fatal[i].signal, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(fatal[i].signal, &act, NULL);
    }
}

/* ---- the life of a tool ---------------------------------------------------------------- */

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
    catch_ends();
}

void va_tool_cost(void)
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
    finished = true;
    va_progress_end();
    va_leftover_remove_all();
    errno = 0;
    if ((fflush(stdout) || ferror(stdout) || fclose(stdout)) && status == VA_EXIT_OK) {
        va_error_machine("standard output: cannot write: %s",
                         errno ? strerror(errno) : "an earlier write failed");
        status = VA_EXIT_MACHINE;
    }
    return status;
}
