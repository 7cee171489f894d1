#include "test/fuzz/fuzz.h"

#include "base/va_error.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char said[2048];
static char folder[PATH_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *program = (*argv)[0], *slash = strrchr(program, '/');

    (void)argc;
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - program) + 1 : 0, program);
    return 0;
}

const char *fuzz_folder(void)
{
    return folder;
}

static char path[PATH_MAX];
static pid_t owner; /* of the file: a child that ends does not remove it */

static void remove_file(void)
{
    if (getpid() == owner)
        unlink(path);
}

const char *fuzz_file(const void *data, size_t size)
{
    static int fd = -1;
    const char *tmp = getenv("TMPDIR");

    if (fd < 0) {
        snprintf(path, sizeof(path), "%s/va_fuzz_XXXXXX", tmp ? tmp : "/tmp");
        fd = mkostemp(path, O_CLOEXEC);
        owner = getpid();
        atexit(remove_file);
    }
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

void fuzz_begin(void)
{
    va_set_verbosity(VA_QUIET);
    va_error_catch_begin(said, sizeof(said));
}

void fuzz_end(void)
{
    va_error_catch_end();
}

const char *fuzz_said(void)
{
    return said;
}

void fuzz_use(const void *bytes, size_t size)
{
    const volatile uint8_t *b = bytes;

    for (size_t i = 0; i < size; i++)
        (void)b[i];
}

_Noreturn void fuzz_found(const char *what)
{
    fprintf(stderr, "found: %s: %s\n", what, said);
    abort();
}
