/*
 * The keeper: forked from a tool before it has threads and memory, so that every worker is forked
 * from a small process with one thread. (A fork of the tool itself would copy page tables of
 * gigabytes, leave locks of its threads held, and hand weights and labels to whoever takes
 * a decoder over.) An exec would be as clean, but loads a hundred libraries for each video.
 *
 * It holds a copy of each worker's end of the socket, so its word on how a worker ended arrives
 * before the end of file. The owner ends a worker by closing the socket; the end of the tool, by
 * whatever signal, closes the keeper's socket, and the keeper ends everything. Signals of the
 * terminal are for the tool alone, which may want some more pictures before it stops.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_decoder.h"
#include "media/va_worker_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SOCK = 3, /* descriptors of a worker: these, VA_WORKER_INPUT, VA_WORKER_SPOOL */
    MEMORY = 4,
    FIRST_UNUSED = 7,
    CONTROL = 3, /* of the keeper */
    FDS = 4,
    ABOVE = 16, /* where descriptors are put before they get their numbers */
};

struct order {
    va_worker_job job; /* the same program: the same address */
    int64_t memory;
    bool input, spool; /* come along, after the socket and the memory */
    size_t args_size;
    _Alignas(16) char args[VA_WORKER_ARGS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool unconfined;
static int control = -1; /* to the keeper */
static pid_t keeper, owner;

/* ---- the keeper ------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int sock;
    bool killed;
};

static struct child *children; /* [count] */
static struct pollfd *polls;   /* [count + 2] */
static int64_t count, room, poll_room;

static void close_from(int first)
{
    struct rlimit limit;

#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
#endif
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        for (rlim_t fd = (rlim_t)first; fd < limit.rlim_cur; fd++)
            close((int)fd);
}

static void tell(int sock, int kind, int value)
{
    struct va_fate fate;

    memset(&fate, 0, sizeof(fate));
    fate.kind = kind;
    fate.value = value;
    (void)!send(sock, &fate, sizeof(fate), MSG_NOSIGNAL);
}

/* In the worker, just forked. */
static void run(const struct order *o, const int fds[FDS], pid_t parent)
{
    const int numbers[FDS] = { SOCK, MEMORY, VA_WORKER_INPUT, VA_WORKER_SPOOL };
    sigset_t none;
    int high[FDS], spool = o->spool ? VA_WORKER_SPOOL : -1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(VA_EXIT_MACHINE);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < FDS; i++)
        high[i] = fds[i] >= 0 ? fcntl(fds[i], F_DUPFD, ABOVE) : -1;
    for (int i = 0; i < FDS; i++)
        if (high[i] >= 0 ? dup2(high[i], numbers[i]) < 0
                         : close(numbers[i]) < 0 && errno != EBADF)
            _exit(VA_EXIT_MACHINE);
    close_from(FIRST_UNUSED);
    va_side_run(o->job, o->args, SOCK, MEMORY, o->memory, spool);
    _exit(0);
}

/* Receive an order. False when the owner has gone. */
static bool receive(struct order *o, int fds[FDS])
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(FDS * sizeof(int))];
    } space;
    struct iovec data = { o, sizeof(*o) };
    struct msghdr m = { .msg_iov = &data,
                        .msg_iovlen = 1,
                        .msg_control = &space,
                        .msg_controllen = sizeof(space) };
    ssize_t n = recvmsg(CONTROL, &m, 0);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    int got[FDS] = { -1, -1, -1, -1 };

    for (int i = 0; i < FDS; i++)
        fds[i] = -1;
    if (c && c->cmsg_type == SCM_RIGHTS) {
        size_t bytes = c->cmsg_len - CMSG_LEN(0);

        memcpy(got, CMSG_DATA(c), bytes < sizeof(got) ? bytes : sizeof(got));
        fds[0] = got[0];
        fds[1] = got[1];
        fds[2] = o->input ? got[2] : -1;
        fds[3] = o->spool ? got[o->input ? 3 : 2] : -1;
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

static void start(const struct order *o, const int fds[FDS])
{
    pid_t parent = getpid(), pid = -1;
    int error = 0;

    if (fds[1] < 0 || (o->input && fds[2] < 0) || (o->spool && fds[3] < 0))
        error = EMFILE; /* they did not get through */
    else if (va_grow(&children, &room, count + 1, sizeof(*children)) < 0)
        error = ENOMEM;
    else if ((pid = fork()) == 0)
        run(o, fds, parent);
    else if (pid < 0)
        error = errno;
    for (int i = 1; i < FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    tell(fds[0], pid > 0 ? VA_FATE_STARTED : VA_FATE_NOT_STARTED, pid > 0 ? (int)pid : error);
    if (pid > 0)
        children[count++] = (struct child){ .pid = pid, .sock = fds[0] };
    else
        close(fds[0]);
}

static void reap(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int64_t i = 0; i < count; i++)
            if (children[i].pid == pid) {
                tell(children[i].sock, VA_FATE_ENDED, status);
                close(children[i].sock);
                children[i] = children[--count];
                break;
            }
}

static void kill_all(void)
{
    for (int64_t i = 0; i < count; i++)
        kill(children[i].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
}

/* Wait for orders, ends of workers, and workers that nobody wants any more. */
static void look_around(int signals)
{
    struct signalfd_siginfo info;
    static struct order o; /* too large for comfort on the stack */
    int fds[FDS];

    if (va_grow(&polls, &poll_room, count + 2, sizeof(*polls)) < 0)
        _exit(1);
    polls[0] = (struct pollfd){ .fd = CONTROL, .events = POLLIN };
    polls[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
    for (int64_t i = 0; i < count; i++)
        polls[i + 2] = (struct pollfd){ .fd = children[i].killed ? -1 : children[i].sock };
    if (poll(polls, (nfds_t)count + 2, -1) < 0)
        return;
    for (int64_t i = 0; i < count; i++)
        if (polls[i + 2].revents) {
            kill(children[i].pid, SIGKILL);
            children[i].killed = true;
        }
    if (polls[1].revents) {
        (void)!read(signals, &info, sizeof(info));
        reap();
    }
    if (polls[0].revents) {
        if (!receive(&o, fds)) {
            kill_all();
            _exit(0);
        }
        if (fds[0] >= 0)
            start(&o, fds);
    }
}

static void keep(int sock)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
    static const int usual[] = { SIGQUIT, SIGALRM, SIGXCPU, SIGSEGV, SIGBUS, SIGFPE, SIGABRT };
    int null = open("/dev/null", O_RDWR), signals;
    sigset_t set;

    for (size_t i = 0; i < VA_COUNT(ignored); i++)
        signal(ignored[i], SIG_IGN);
    for (size_t i = 0; i < VA_COUNT(usual); i++)
        signal(usual[i], SIG_DFL);
    sock = fcntl(sock, F_DUPFD, ABOVE);
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (sock < 0 || dup2(sock, CONTROL) < 0)
        _exit(1);
    close_from(CONTROL + 1);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGCHLD, SIG_DFL);
    signals = signalfd(-1, &set, 0);
    if (signals < 0)
        _exit(1);
    for (;;)
        look_around(signals);
}

/* ---- the tool --------------------------------------------------------------------------- */

/* At exit: no process of ours is left. */
static void stop_keeper(void)
{
    if (control < 0 || getpid() != owner)
        return;
    close(control);
    control = -1;
    while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static int start_keeper(void)
{
    int ends[2];

    if (control >= 0 && getpid() == owner)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return va_error_machine("cannot make a socket for the decoders: %s", strerror(errno));
    owner = getpid();
    keeper = fork();
    if (keeper == 0)
        keep(ends[1]);
    close(ends[1]);
    if (keeper < 0) {
        close(ends[0]);
        return va_error_machine("cannot start a process for the decoders: %s", strerror(errno));
    }
    control = ends[0];
    atexit(stop_keeper);
    return 0;
}

int va_decoder_start(bool without)
{
    int result;

    pthread_mutex_lock(&lock);
    unconfined = without;
    result = without ? 0 : start_keeper();
    pthread_mutex_unlock(&lock);
    return result;
}

bool va_worker_confined(void)
{
    return !unconfined;
}

static int send_order(const struct va_worker_start *start, int sock, int memory)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(FDS * sizeof(int))];
    } space;
    static struct order o; /* under the lock */
    struct iovec data = { &o, sizeof(o) };
    struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &space };
    int fds[FDS] = { sock, memory }, n = 2;
    ssize_t sent;

    memset(&space, 0, sizeof(space));
    memset(&o, 0, sizeof(o));
    o.job = start->job;
    o.memory = start->memory;
    o.input = start->input >= 0;
    o.spool = start->spool >= 0;
    o.args_size = start->args_size;
    memcpy(o.args, start->args, start->args_size);
    if (o.input)
        fds[n++] = start->input;
    if (o.spool)
        fds[n++] = start->spool;
    m.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
    space.header.cmsg_level = SOL_SOCKET;
    space.header.cmsg_type = SCM_RIGHTS;
    space.header.cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
    memcpy(CMSG_DATA(&space.header), fds, (size_t)n * sizeof(int));
    do
        sent = sendmsg(control, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? va_error_machine("%s: cannot start a decoder: %s", start->name,
                                       strerror(errno))
                    : 0;
}

int va_keeper_ask(const struct va_worker_start *start, int sock, int memory)
{
    int result;

    if (start->args_size > VA_WORKER_ARGS)
        return va_error("%s: the name is too long", start->name);
    pthread_mutex_lock(&lock);
    result = start_keeper();
    if (result == 0)
        result = send_order(start, sock, memory);
    pthread_mutex_unlock(&lock);
    return result;
}
