/* What a confined process can no longer do, and what it still can. */
#include "base/va_confine.h"
#include "test/va_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NEED_CONFINEMENT() VA_SKIP("sanitizers are not confined")
#else
#define NEED_CONFINEMENT()                                            \
    do {                                                              \
        if (!va_confine_built())                                      \
            VA_SKIP("no list of system calls for this processor");    \
        if (in_child(&usual, nothing, NULL) == REFUSED)               \
            VA_SKIP("seccomp is refused here, and the tools say so"); \
    } while (0)
#endif

enum { REFUSED = 99, MIB = 1 << 20 };
static const struct va_confine usual = { .spool = -1 };

/* Run `fn` in a confined child: its result, or 100 + the signal that ended it. */
static int in_child(const struct va_confine *limits, int (*fn)(void *arg), void *arg)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(va_confine(limits) ? REFUSED : fn(arg));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* ---- refused ---------------------------------------------------------------------------- */

/* Each gives 0 when it failed with EPERM. */
static int refused(long result)
{
    return result == -1 && errno == EPERM ? 0 : 1;
}
static int try_open(void *path)
{
    return refused(open(path, O_RDONLY));
}
static int try_create(void *path)
{
    return refused(open(path, O_WRONLY | O_CREAT, 0600));
}
static int try_unlink(void *path)
{
    return refused(unlink(path));
}
static int try_socket(void *arg)
{
    (void)arg;
    return refused(socket(AF_INET, SOCK_STREAM, 0)) | refused(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int try_exec(void *path)
{
    char *const argv[] = { path, NULL };

    return refused(execve(path, argv, NULL));
}
static int try_fork(void *arg)
{
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        _exit(0);
    return refused(pid);
}
static int try_kill(void *arg)
{
    (void)arg;
    return refused(kill(getppid(), 0));
}
static int try_code(void *arg)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)arg;
    if (p == MAP_FAILED)
        return 1;
    return refused(mprotect(p, 4096, PROT_READ | PROT_EXEC)) |
           (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
            MAP_FAILED);
}

static void files_sockets_and_processes_are_refused(void)
{
    static char null[] = "/dev/null", passwd[] = "/etc/passwd", program[] = "/bin/true";
    static char other[] = "/tmp/va-test-confined";

    NEED_CONFINEMENT();
    VA_CHECK_INT(in_child(&usual, try_open, null), 0);
    VA_CHECK_INT(in_child(&usual, try_open, passwd), 0);
    VA_CHECK_INT(in_child(&usual, try_create, other), 0);
    VA_CHECK_INT(in_child(&usual, try_unlink, other), 0);
    VA_CHECK_INT(in_child(&usual, try_socket, NULL), 0);
    VA_CHECK_INT(in_child(&usual, try_exec, program), 0);
    VA_CHECK_INT(in_child(&usual, try_fork, NULL), 0);
    VA_CHECK_INT(in_child(&usual, try_kill, NULL), 0);
    VA_CHECK_INT(in_child(&usual, try_code, NULL), 0);
}

/* A system that refuses: here because the first confinement allows no second one. */
static int confine_again(void *arg)
{
    const char *why = va_confine(&usual);

    (void)arg;
    return why && strstr(why, ": Operation not permitted") ? 0 : 1;
}

static void a_refusal_is_told(void)
{
    NEED_CONFINEMENT();
    VA_CHECK_INT(in_child(&usual, confine_again, NULL), 0);
}

/* ---- allowed ---------------------------------------------------------------------------- */

static void *set_flag(void *flag)
{
    *(int *)flag = 1;
    return NULL;
}

static int use_threads_and_pipes(void *arg)
{
    const int *ends = arg;
    pthread_t thread;
    char byte = 0;
    int flag = 0;

    if (pthread_create(&thread, NULL, set_flag, &flag) || pthread_join(thread, NULL) || !flag)
        return 1;
    if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1 || byte != 'x')
        return 2;
    free(malloc(64 * MIB));
    return 0;
}

static int write_spool(void *arg)
{
    const int *files = arg;

    if (pwrite(files[0], "x", 1, 0) != 1)
        return 1;
    return refused(pwrite(files[1], "x", 1, 0));
}

static void threads_pipes_and_the_spool_still_work(void)
{
    char one[] = "/tmp/va-test-XXXXXX", two[] = "/tmp/va-test-XXXXXX";
    int ends[2], files[2] = { mkstemp(one), mkstemp(two) }, rc;
    const struct va_confine spool = { .spool = files[0] };

    unlink(one);
    unlink(two);
    VA_CHECK(pipe(ends) == 0 && files[0] >= 0 && files[1] >= 0);
    rc = in_child(&usual, use_threads_and_pipes, ends);
    VA_CHECK(rc == 0 || rc == REFUSED);
    NEED_CONFINEMENT();
    VA_CHECK_INT(in_child(&spool, write_spool, files), 0);
}

/* ---- limits ----------------------------------------------------------------------------- */

static int64_t eat(int64_t most)
{
    void *volatile block; /* volatile: or the compiler leaves malloc out */
    int64_t got = 0;

    for (; got < most; got += MIB) {
        block = malloc(MIB);
        if (!block)
            break;
    }
    return got;
}

static int eat_all(void *arg)
{
    (void)arg;
    if (eat((int64_t)4096 * MIB) > (int64_t)256 * MIB)
        return 1;
    return va_confine_memory_hit() == (int64_t)256 * MIB ? 0 : 2;
}

static int eat_less(void *arg)
{
    (void)arg;
    va_confine_memory((int64_t)512 * MIB); /* more than allowed: no effect */
    va_confine_memory((int64_t)128 * MIB);
    if (va_confine_memory_hit() || eat((int64_t)4096 * MIB) > (int64_t)128 * MIB)
        return 1;
    return va_confine_memory_hit() == (int64_t)128 * MIB ? 0 : 2;
}

static void memory_has_an_end_and_the_end_is_known(void)
{
    const struct va_confine limits = { .memory = (int64_t)256 * MIB, .spool = -1 };

    NEED_CONFINEMENT();
    VA_CHECK_INT(in_child(&limits, eat_all, NULL), 0);
    VA_CHECK_INT(in_child(&limits, eat_less, NULL), 0);
}

static int loop(void *arg)
{
    volatile unsigned *n = arg;

    while (++*n || *n == 0)
        continue;
    return 0;
}

static void time_has_an_end(void)
{
    const struct va_confine limits = { .seconds = 1, .spool = -1 };
    unsigned n = 0;

    NEED_CONFINEMENT();
    VA_CHECK_INT(in_child(&limits, loop, &n), 100 + SIGXCPU);
}

int main(void)
{
    VA_TEST(files_sockets_and_processes_are_refused);
    VA_TEST(a_refusal_is_told);
    VA_TEST(threads_pipes_and_the_spool_still_work);
    VA_TEST(memory_has_an_end_and_the_end_is_known);
    VA_TEST(time_has_an_end);
    return va_test_finish();
}
