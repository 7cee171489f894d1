/*
 * Ends that a library decides on: one line, exit code 4, no temporary file left.
 */
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "base/va_tool.h"
#include "test/va_test.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char line[512];

/* Exit code of a tool that does `what`; its stderr goes to `line`. */
static int end_of(void (*what)(void))
{
    const struct rlimit none = { 0, 0 };
    int ends[2], status = -1;
    size_t at = 0;
    ssize_t n;
    pid_t pid;

    fflush(stdout); /* or the child prints it again */
    if (pipe(ends) < 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        setrlimit(RLIMIT_CORE, &none);
        va_tool_init("tool");
        what();
        _exit(0);
    }
    close(ends[1]);
    for (line[0] = 0; at < sizeof(line) - 1; at += (size_t)n)
        if ((n = read(ends[0], line + at, sizeof(line) - 1 - at)) <= 0)
            break;
    line[at] = 0;
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void begin_output(void)
{
    struct va_textfile f;

    if (va_textfile_create(&f, "out.txt") < 0)
        _exit(99);
}

static void exits(void)
{
    begin_output();
    exit(1); /* as libgomp does */
}

static void aborts(void)
{
    begin_output();
    abort();
}

static void finishes(void)
{
    exit(va_tool_finish(VA_EXIT_NO));
}

static void asks_for_too_much(void)
{
    for (int i = 0; i < 5; i++)
        (void)!va_new(INT64_MAX / 8, 4);
    _exit(va_error_status());
}

static bool one_line(const char *words)
{
    char *end = strchr(line, '\n');

    return strstr(line, words) && end && !end[1];
}

static void libraries_end_the_program(void)
{
    VA_CHECK_INT(end_of(exits), VA_EXIT_MACHINE);
    VA_CHECK(one_line("tool: a library ended the program"));
#ifndef __SANITIZE_ADDRESS__ /* which has handlers of its own */
    VA_CHECK_INT(end_of(aborts), VA_EXIT_MACHINE);
    VA_CHECK(one_line("tool: a library ended the program"));
#else
    (void)aborts;
#endif
    VA_CHECK_INT(end_of(finishes), VA_EXIT_NO);
    VA_CHECK(!*line);
}

static void memory_is_missed_once(void)
{
    VA_CHECK_INT(end_of(asks_for_too_much), VA_EXIT_MACHINE);
    VA_CHECK(one_line("tool: out of memory: "));
}

int main(void)
{
    char folder[] = "/tmp/va_test_ends_XXXXXX";

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    VA_TEST(libraries_end_the_program);
    VA_TEST(memory_is_missed_once);
    if (chdir("/") < 0 || rmdir(folder) < 0) /* fails when a temporary file is left */
        return 1;
    return va_test_finish();
}
