/*
 * The HDF5 library trusts what it reads: a damaged file can make it crash, loop or ask for all
 * memory. So a file is walked first by a child process that may die of it. The child gets the
 * descriptor, and for each file its own limits; it has no way to our stdout and stderr.
 *
 * One child walks file after file, because a process for each of a thousand files takes longer
 * than the files. It is replaced after a file that it refuses, whose traces it may carry. It holds
 * no descriptor of ours, so locks and pipes of the tool are the tool's alone, and where the system
 * has it, it can only compute and read the descriptors that it is sent (va_confine.h).
 *
 * The first child is forked when the first file is opened, while the tool is small, and stays. A later
 * one may share gigabytes that the tool then changes, so it ends when it has nothing to do.
 */
#include "base/va_confine.h"
#include "base/va_error.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
    CPU_SECONDS = 1,   /* and one for each MiB of the file: ten times what its objects take */
    MOST_SECONDS = 60, /* of these together */
    UNPACKED_SECOND = 1 << 25, /* bytes unpacked in a second, by a slow processor */
    VALGRIND = 100,            /* times slower is code that it runs, at most */
    WALL_SECONDS = 60,
    IDLE_MILLISECONDS = 2000,
    MEMORY = 1 << 27, /* bytes beyond what the child has and what the file holds */
    MEBIBYTE = 1 << 20,
    LINE = PATH_MAX + 256,
};

struct request { /* its descriptor goes along */
    struct va_stored bytes;
    char schema[64]; /* "": any */
    char path[PATH_MAX];
};

struct reply {
    int status; /* exit code: 0, VA_EXIT_INPUT or VA_EXIT_MACHINE */
    bool again; /* another attempt may end otherwise */
    char line[LINE];
};

/* ---- limits of the child --------------------------------------------------------------- */

static struct {
    int64_t file_size;
    unsigned long long began; /* bytes of memory at the beginning of this file */
    rlim_t users;             /* limit of memory that the user set */
    bool limited;             /* by us, to less than that */
    int statm;                /* what the system says of our memory, open; -1: not */
} allowed;

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

static int open_statm(void)
{
    return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* Bytes of memory that this process has mapped, by its open statm; 0 where the system does not say. */
static unsigned long long mapped(int statm)
{
    unsigned long long pages = 0;
#ifndef HAVE_SANITIZER /* which maps terabytes */
    char text[64] = "";

    if (statm >= 0 && !va_confine_valgrind() && pread(statm, text, sizeof(text) - 1, 0) > 0)
        (void)!sscanf(text, "%llu", &pages);
#else
    (void)statm;
#endif
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

/* What a library may want for a file: not much more than the file is long, and the chunks that
 * are unpacked at once, whose buffer it doubles until they fit. */
static void limit_memory(int64_t at_once)
{
    rlim_t wanted = (rlim_t)allowed.began + MEMORY + 2 * (rlim_t)allowed.file_size +
                    4 * (rlim_t)at_once;

    allowed.limited = allowed.began && wanted < allowed.users;
    set_limit(RLIMIT_AS, allowed.limited ? wanted : allowed.users);
}

static void limit_time(int64_t unpacked)
{
    struct rusage use = { 0 };
    int64_t seconds = CPU_SECONDS + allowed.file_size / MEBIBYTE;

    if (seconds > MOST_SECONDS)
        seconds = MOST_SECONDS;
    seconds += unpacked / UNPACKED_SECOND;
    if (va_confine_valgrind())
        seconds *= VALGRIND;
    alarm((unsigned)(seconds + WALL_SECONDS));
    getrusage(RUSAGE_SELF, &use);
    set_limit(RLIMIT_CPU, (rlim_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec + 1 + seconds));
}

void va_h5_probe_allow(int64_t bytes, int64_t at_once)
{
    limit_memory(at_once);
    limit_time(bytes);
}

static void begin_file(int64_t size)
{
    allowed.file_size = size;
    set_limit(RLIMIT_AS, allowed.users);
    allowed.began = mapped(allowed.statm);
    va_h5_probe_allow(0, 0);
}

/* ---- the child ------------------------------------------------------------------------- */

static void answer(struct reply *r, struct request *q, va_h5_try_fn *try)
{
    int status;
    bool out_of_memory;

    *r = (struct reply){ 0 };
    begin_file(q->bytes.size);
    va_error_catch_begin(r->line, sizeof(r->line));
    status = try(q->path, &q->bytes, *q->schema ? q->schema : NULL);
    out_of_memory = va_h5_errno() == ENOMEM || errno == ENOMEM;
    r->status = va_error_catch_end();
    if (status == 0) {
        r->status = 0;
        return;
    }
    r->again = out_of_memory || va_h5_unexplained();
    if (r->status != VA_EXIT_MACHINE || !allowed.limited || !out_of_memory || q->bytes.error)
        return;
    /* a file can claim sizes for which its allowance of memory is too small: that is its fault,
     * unless the limit was the user's or a read failed */
    snprintf(r->line, sizeof(r->line),
             "%s: damaged HDF5 file (it asks for more memory than it can need)", q->path);
    r->status = VA_EXIT_INPUT;
}

/* Receive a message of `size` bytes, and a descriptor if *fd is wanted: 1; 0 at the end. */
static int receive(int from, void *data, size_t size, int *fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { data, size };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
    struct cmsghdr *c;
    ssize_t n;

    if (fd) {
        m.msg_control = control.space;
        m.msg_controllen = sizeof(control.space);
    }
    do
        n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)size)
        return 0;
    c = fd ? CMSG_FIRSTHDR(&m) : NULL;
    if (fd && !c)
        *fd = -1; /* there was no descriptor left for it */
    else if (fd)
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
    return 1;
}

/* Close all descriptors but *kept, and make the standard ones lead nowhere. Where these were closed, *kept may
 * be one of them: it moves. */
static int be_alone(int *kept)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int keep = *kept > STDERR_FILENO ? *kept : fcntl(*kept, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (null < 0 || keep < 0)
        return -1;
    *kept = keep;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (dup2(null, fd) < 0)
            return -1;
    for (int fd = STDERR_FILENO + 1; fd < keep; fd++)
        close(fd);
#ifdef SYS_close_range
    if (syscall(SYS_close_range, keep + 1, ~0u, 0) == 0)
        return 0;
#endif
    for (long fd = keep + 1, end = sysconf(_SC_OPEN_MAX); fd < end; fd++)
        close((int)fd);
    return 0;
}

/* What it may do from now on. Where the system cannot confine, the limits above are all there is. */
static void be_confined(void)
{
    const struct va_confine limits = { .spool = -1, .serves = true };

    allowed.statm = open_statm();
    (void)!va_confine(&limits);
}

/* Ends by _exit or a signal; nothing of the parent is flushed or cleaned up here. `idle`: milliseconds
 * without work before it ends, -1: never. */
static void child(int to_parent, int idle, va_h5_try_fn *try)
{
    static const int signals[] = { SIGINT,  SIGTERM, SIGHUP, SIGALRM, SIGXCPU,
                                   SIGSEGV, SIGBUS,  SIGFPE, SIGABRT, SIGPIPE };
    static struct request q;
    static struct reply r;
    struct pollfd wait = { .events = POLLIN };
    struct rlimit limit;
    int failed;

    for (size_t i = 0; i < VA_COUNT(signals); i++)
        signal(signals[i], SIG_DFL);
    va_error_keep(NULL);
    set_limit(RLIMIT_CORE, 0);
    allowed.users = getrlimit(RLIMIT_AS, &limit) < 0 ? RLIM_INFINITY : limit.rlim_cur;
    failed = be_alone(&to_parent) < 0 ? errno : 0;
    wait.fd = to_parent;
    be_confined();
    while (poll(&wait, 1, idle) > 0 && receive(to_parent, &q, sizeof(q), &q.bytes.fd)) {
        if (q.bytes.fd < 0)
            failed = failed ? failed : EMFILE;
        if (failed) {
            snprintf(r.line, sizeof(r.line), "%s: cannot check it in another process: %s",
                     q.path, strerror(failed));
            r.status = VA_EXIT_MACHINE;
        } else {
            answer(&r, &q, try);
            close(q.bytes.fd);
        }
        alarm(0);
        if (send(to_parent, &r, sizeof(r), MSG_NOSIGNAL) < 0 || r.status)
            break;
    }
    _exit(0);
}

/* ---- the parent ------------------------------------------------------------------------ */

static struct {
    pid_t owner, child; /* owner: a process that forks on its own does not share the child */
    int socket;
    bool later; /* than the first */
} checker;

static herr_t fork_here(unsigned n, const H5E_error2_t *e, void *child)
{
    (void)n, (void)e;
    *(pid_t *)child = fork();
    return 0;
}

/* The library has a lock of its own, which another thread may hold just now; the child would wait for it for ever. Within a
 * call of it, such as this one back, it is ours, and the child's. */
static pid_t fork_with_library(void)
{
    pid_t pid = -1;
    hid_t stack = H5Ecreate_stack();

    H5Epush2(stack, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_NONE_MAJOR, H5E_NONE_MINOR,
             "fork");
    H5Ewalk2(stack, H5E_WALK_DOWNWARD, fork_here, &pid);
    H5Eclose_stack(stack);
    return pid;
}

static int start(const char *path, va_h5_try_fn *try)
{
    int ends[2];

    if (checker.child > 0 && checker.owner == getpid())
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return va_error_machine("%s: cannot make a socket: %s", path, strerror(errno));
    checker.owner = getpid();
    checker.child = checker.later ? fork_with_library() : fork();
    if (checker.child == 0)
        child(ends[1], checker.later ? IDLE_MILLISECONDS : -1, try);
    checker.later = true;
    close(ends[1]);
    checker.socket = ends[0];
    if (checker.child < 0) {
        va_error_machine("%s: cannot start a process to check it: %s", path, strerror(errno));
        close(ends[0]);
        return -1;
    }
    return 0;
}

/* Let the child go and see how it ended; *status as of waitpid. */
static int stop(const char *path, int *status)
{
    pid_t pid = checker.child;

    close(checker.socket);
    checker.child = 0;
    while (waitpid(pid, status, 0) < 0)
        if (errno ==
            ECHILD) { /* a program that ignores its children, and has us as a library */
            *status = 0;
            break;
        } else if (errno != EINTR)
            return va_error_machine("%s: lost the process that checks it: %s", path,
                                    strerror(errno));
    return 0;
}

void va_h5_end_checker(void)
{
    VA_H5_ALONE;

    if (checker.child <= 0 || checker.owner != getpid())
        return;
    close(checker.socket);
    while (waitpid(checker.child, NULL, 0) < 0 && errno == EINTR)
        ;
    checker.child = 0;
}

static int put(const struct request *q)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { (void *)q, sizeof(*q) };
    struct msghdr m = { .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = control.space,
                        .msg_controllen = sizeof(control.space) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    ssize_t n;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &q->bytes.fd, sizeof(int));
    do
        n = sendmsg(checker.socket, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

/* Whether the user's limit of memory leaves less than a checker needs: even its stack may have no room to grow, of
 * which a process dies as of a damaged file. */
static bool cramped(void)
{
    int statm = open_statm();
    rlim_t used = (rlim_t)mapped(statm);
    struct rlimit limit;

    if (statm >= 0)
        close(statm);
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           limit.rlim_cur < used + MEMORY;
}

/* Say how the child ended that did not answer. */
static void tell_end(const char *path, int status, struct reply *r)
{
    int how = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    *r = (struct reply){ .status = VA_EXIT_MACHINE };
    switch (how) {
    case SIGALRM:
        snprintf(r->line, LINE, "%s: cannot read: not finished within %d seconds", path,
                 WALL_SECONDS);
        return;
    case SIGKILL:
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
        snprintf(r->line, LINE, "%s: cannot read: the process that checks it was ended (%s)",
                 path, strsignal(how));
        return;
    case 0: snprintf(r->line, LINE, "%s: damaged HDF5 file", path); break;
    default:
        if (how != SIGXCPU && cramped()) {
            snprintf(
                r->line, LINE,
                "out of memory: %s: the limit (ulimit -v) leaves less than %d MiB to check it",
                path, MEMORY / MEBIBYTE);
            return;
        }
        snprintf(r->line, LINE, "%s: damaged HDF5 file (the library fails on it: %s)", path,
                 strsignal(how));
    }
    r->status = VA_EXIT_INPUT;
    r->again = how != SIGXCPU;
}

/* Ask once: 0 with an answer, 1 when the child had ended for lack of work, -1 after reporting. */
static int ask(const struct request *q, va_h5_try_fn *try, struct reply *r)
{
    int status;

    if (start(q->path, try) < 0)
        return -1;
    if (put(q) == 0 && receive(checker.socket, r, sizeof(*r), NULL))
        return r->status ? stop(q->path, &status) : 0;
    if (stop(q->path, &status) < 0)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 1;
    tell_end(q->path, status, r);
    return 0;
}

/* A child that was there may end for lack of work just now; the next one is new. */
static int ask_any(const struct request *q, va_h5_try_fn *try, struct reply *r)
{
    int asked = ask(q, try, r);

    if (asked == 1)
        asked = ask(q, try, r);
    return asked == 1 ? va_error_machine("%s: the process that checks it ends", q->path)
                      : asked;
}

int va_h5_probe(const struct va_h5_file *f, const char *schema, va_h5_try_fn *try)
{
    struct request q = { .bytes = *f->bytes };
    struct reply r;

    if (strlen(f->path) >= sizeof(q.path) || (schema && strlen(schema) >= sizeof(q.schema)))
        return va_error("%s: name too long", f->path);
    memcpy(q.path, f->path, strlen(f->path) + 1);
    if (schema)
        memcpy(q.schema, schema, strlen(schema) + 1);
    if (ask_any(&q, try, &r) < 0)
        return -1;
    /* The library does not always tell lack of memory from damage, but damage stays. */
    if (r.again && ask_any(&q, try, &r) < 0)
        return -1;
    if (r.status == VA_EXIT_MACHINE)
        return va_error_machine("%s", r.line);
    return r.status ? va_error("%s", r.line) : 0;
}
