/*
 * Libraries that end the process, or print: one line of ours is left, and our exit code.
 */
#include "base/va_error.h"
#include "base/va_library.h"
#include "base/va_mapped.h"
#include "base/va_mem.h"
#include "test/va_test.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char words[1024]; /* of the child, on stderr */

/* Run `child` in a process of its own; its exit code, or -1. */
static int exit_code(void (*child)(void))
{
    int ends[2], status;
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    fflush(stdout);
    if (pipe(ends) < 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        va_library_guard();
        child();
        va_library_release();
        exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], words + n, sizeof(words) - 1 - n)) > 0)
        n += (size_t)got;
    words[n] = 0;
    close(ends[0]);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void give_up(void)
{
    fprintf(stderr, "\nlibrary: out of memory\n");
    exit(1);
}

static void chatter(void)
{
    fprintf(stderr, "library: error stack\n");
    va_warn("a line of ours");
}

static void chatter_and_show(void)
{
    va_set_verbosity(VA_VERBOSE);
    chatter();
}

static void fault_of_ours(void)
{
    int *volatile nowhere = (int *)16;

    *nowhere = 1;
}

static void fault_in_libc_for_us(void)
{
    const char *volatile nothing = NULL;

    exit((int)strlen(nothing));
}

static void fault_of_our_own_is_a_signal(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
    VA_SKIP("the sanitizer reports the fault itself");
#endif
    if (va_test_emulated())
        VA_SKIP("the emulator reports the fault itself");
    VA_CHECK_INT(exit_code(fault_of_ours), -1);
    VA_CHECK(!words[0]);
    VA_CHECK_INT(exit_code(fault_in_libc_for_us), -1);
    VA_CHECK(!words[0]);
}

static void exit_of_a_library_is_a_line_and_4(void)
{
    VA_CHECK_INT(exit_code(give_up), VA_EXIT_MACHINE);
    VA_CHECK(strstr(words, "a library ended the run"));
    VA_CHECK(strchr(words, '\n') == words + strlen(words) - 1);
}

static void words_of_a_library_are_dropped_unless_verbose(void)
{
    VA_CHECK_INT(exit_code(chatter), 0);
    VA_CHECK(strstr(words, "a line of ours") && !strstr(words, "error stack"));
    VA_CHECK_INT(exit_code(chatter_and_show), 0);
    VA_CHECK(strstr(words, "a line of ours") && strstr(words, "error stack"));
}

/* A mapped page behind the end of its file. */
static void cut_short(void)
{
    FILE *f = tmpfile();
    volatile const char *p;

    if (!f || ftruncate(fileno(f), 10) < 0)
        return;
    p = mmap(NULL, 10, PROT_READ, MAP_SHARED, fileno(f), 0);
    if (p != MAP_FAILED && ftruncate(fileno(f), 0) == 0)
        (void)p[5];
}

static void a_file_cut_short_is_a_line_and_4(void)
{
#if defined(__SANITIZE_ADDRESS__)
    VA_SKIP("the sanitizer reports the signal itself");
#endif
    VA_CHECK_INT(exit_code(cut_short), VA_EXIT_MACHINE);
    VA_CHECK(strstr(words, "a file was cut short"));
}

/* One whose name is known, by two threads. */
static char named[] = "/tmp/va-test.XXXXXX";

static void *touch(void *p)
{
    (void)((volatile const char *)p)[5];
    return NULL;
}

static void cut_a_named_file_short(void)
{
    static struct va_mapped m, other;
    int fd = open(named, O_RDWR);
    pthread_t thread;

    if (fd < 0 || ftruncate(fd, 10) < 0)
        return;
    m = (struct va_mapped){ mmap(NULL, 10, PROT_READ, MAP_SHARED, fd, 0), 10, named, NULL,
                            NULL };
    other = (struct va_mapped){ &other, sizeof(other), "another file", NULL, NULL };
    va_mapped_add(&m);
    va_mapped_add(&other);
    if (ftruncate(fd, 0) == 0 && pthread_create(&thread, NULL, touch, (void *)m.begin) == 0)
        touch((void *)m.begin);
}

static void a_named_file_cut_short_is_a_line_with_its_name_and_3(void)
{
#if defined(__SANITIZE_ADDRESS__)
    VA_SKIP("the sanitizer reports the signal itself");
#endif
    close(mkstemp(named));
    VA_CHECK_INT(exit_code(cut_a_named_file_short), VA_EXIT_INPUT);
    unlink(named);
    VA_CHECK(strstr(words, named));
    VA_CHECK(strstr(words, ": was cut short while it was read: make it again"));
    VA_CHECK(strchr(words, '\n') == strrchr(words, '\n'));
}

static void ask_for_too_much(void)
{
    for (int i = 0; i < 5; i++)
        (void)!va_new(INT64_MAX / 8, 4);
}

static void memory_is_missed_once(void)
{
#if defined(__SANITIZE_ADDRESS__)
    VA_SKIP("the sanitizer ends a program that asks for so much");
#endif
    VA_CHECK_INT(exit_code(ask_for_too_much), 0);
    VA_CHECK(strstr(words, "out of memory"));
    VA_CHECK(strchr(words, '\n') == words + strlen(words) - 1);
}

int main(void)
{
    VA_TEST(exit_of_a_library_is_a_line_and_4);
    VA_TEST(fault_of_our_own_is_a_signal);
    VA_TEST(words_of_a_library_are_dropped_unless_verbose);
    VA_TEST(a_file_cut_short_is_a_line_and_4);
    VA_TEST(a_named_file_cut_short_is_a_line_with_its_name_and_3);
    VA_TEST(memory_is_missed_once);
    return va_test_finish();
}
