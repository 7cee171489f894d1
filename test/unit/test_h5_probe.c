/*
 * The process that opens an HDF5 file first may not take all memory. The file is "opened" by a function
 * that wants as many bytes of addresses as the schema says.
 */
#include "base/va_error.h"
#include "io/va_h5_priv.h"
#include "test/va_test.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define LIMITED false /* a sanitizer maps terabytes, so there is no limit then */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMITED false
#endif
#endif
#ifndef LIMITED
#define LIMITED true
#endif

static int take_memory(const char *path, struct va_stored *bytes, const char *schema)
{
    size_t size = strtoull(schema, NULL, 10);
    void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)bytes;
    if (p == MAP_FAILED)
        return va_error_memory("%s: cannot have %zu bytes", path, size);
    munmap(p, size);
    return 0;
}

static void memory_has_a_limit(void)
{
    struct va_stored bytes = { .fd = open("/dev/null", O_RDONLY), .size = 1000 };
    struct va_h5_file f = { .path = "a.h5", .bytes = &bytes };
    const char *some = "16000000", *much = "8000000000";
    char line[256];

    if (!LIMITED)
        VA_SKIP("no memory limit under a sanitizer");
    if (va_test_emulated())
        VA_SKIP("no memory limit under an emulator");
    VA_CHECK_INT(take_memory("a.h5", &bytes, much), 0); /* without a limit it is there */
    VA_CHECK_INT(va_h5_probe(&f, some, take_memory), 0);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_h5_probe(&f, much, take_memory), -1);
    VA_CHECK_INT(va_error_catch_end(), VA_EXIT_INPUT);
    VA_CHECK(strstr(line, "a.h5: ") == line);
    VA_CHECK(strstr(line, "more memory than it can need"));
    close(bytes.fd);
}

/* In a process of its own, and so with a checker of its own; true if `child` is. */
static bool in_process(bool (*child)(int), int arg)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(child(arg) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* Without the standard descriptors whose bit is set, whose numbers are then those of the file or the sockets. */
static bool some_closed(int which)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (which & 1 << fd)
            close(fd);
    struct va_stored bytes = { .fd = open("/dev/null", O_RDONLY), .size = 1000 };
    struct va_h5_file f = { .path = "a.h5", .bytes = &bytes };

    return va_h5_probe(&f, "1000", take_memory) == 0;
}

static void closed_standard_descriptors_are_fine(void)
{
    for (int which = 1; which < 8; which++)
        VA_CHECK(in_process(some_closed, which));
}

/* What a damaged file does to a library, or a stack that cannot grow. */
static int crash(const char *path, struct va_stored *bytes, const char *schema)
{
    (void)path, (void)bytes, (void)schema;
    raise(SIGSEGV);
    return 0;
}

/* With so many MiB of addresses in all, 0: without a limit. Exit code and message of a crash. */
static bool crash_under(int mebibytes)
{
    struct va_stored bytes = { .fd = open("/dev/null", O_RDONLY), .size = 1000 };
    struct va_h5_file f = { .path = "a.h5", .bytes = &bytes };
    struct rlimit limit;
    char line[256];
    int code;

    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = (rlim_t)mebibytes << 20;
    if (mebibytes)
        setrlimit(RLIMIT_AS, &limit);
    va_error_catch_begin(line, sizeof(line));
    code = va_h5_probe(&f, NULL, crash) < 0 ? va_error_catch_end() : 0;
    return mebibytes && mebibytes < 100
               ? code == VA_EXIT_MACHINE && strstr(line, "out of memory: a.h5: the limit")
               : code == VA_EXIT_INPUT && strstr(line, "damaged HDF5 file (the library fails");
}

static void a_crash_without_room_is_no_damage(void)
{
    if (!LIMITED)
        VA_SKIP("no memory limit under a sanitizer");
    if (va_test_emulated())
        VA_SKIP("no memory limit under an emulator");
    VA_CHECK(in_process(crash_under, 0));
    VA_CHECK(in_process(crash_under, 8000));
    VA_CHECK(in_process(crash_under, 1));
    VA_CHECK(in_process(crash_under, 90));
}

int main(void)
{
    VA_TEST(memory_has_a_limit);
    VA_TEST(closed_standard_descriptors_are_fine);
    VA_TEST(a_crash_without_room_is_no_damage);
    return va_test_finish();
}
