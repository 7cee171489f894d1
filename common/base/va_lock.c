/*
 * A lock file that is removed at the end has a trap: a process may open it, wait while its owner
 * removes it and a third makes a new one, and then hold the lock of a file that nobody sees. So
 * whoever gets the flock looks whether the path still leads to the file it locked.
 */
#include "base/va_lock.h"

#include "base/va_beside.h"
#include "base/va_error.h"
#include "base/va_leftover.h"
#include "base/va_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* An owner that has not yet written its number, or one that is dead while a child of it still
 * ends, is waited for so long. */
enum { PATIENCE = 1000 /* milliseconds */ };

struct va_lock {
    struct va_lock *next;
    char *path; /* of the lock file */
    int fd;     /* -1: no locks on this file system */
    int count;
    struct stat st;
    struct va_leftover *leftover;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct va_lock *mine; /* what this process holds */

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The number in a lock file; 0 while there is none. */
static long owner(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static void sign(int fd)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
        (void)!ftruncate(fd, 0); /* a full disk: the lock holds without a number */
}

/* Open the lock file; one that another user left in a shared folder can only be read. */
static int open_lock(const char *path, struct stat *st)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);

    if (fd < 0 && errno == EACCES)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static struct va_lock *held(const struct stat *st)
{
    for (struct va_lock *l = mine; l; l = l->next)
        if (l->fd >= 0 && same(&l->st, st))
            return l;
    return NULL;
}

static int in_use(const char *target, long pid)
{
    if (pid)
        return va_error_machine("%s: in use by process %ld", target, pid);
    return va_error_machine("%s: in use by another process", target);
}

/* Lock l->path. 0 with l->fd set, 1 when this process has *other already, -1 after reporting. */
static int acquire(struct va_lock *l, const char *target, struct va_lock **other)
{
    for (int waited = 0;;) {
        struct stat now;
        long pid;

        l->fd = open_lock(l->path, &l->st);
        if (l->fd < 0)
            return va_error_write(target, "create");
        *other = held(&l->st);
        if (*other) {
            close(l->fd);
            return 1;
        }
        if (flock(l->fd, LOCK_EX | LOCK_NB) == 0) {
            if (stat(l->path, &now) == 0 && same(&now, &l->st)) {
                sign(l->fd);
                return 0;
            }
            close(l->fd);
            continue;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            unlink(l->path);
            close(l->fd);
            l->fd = -1;
            return 0;
        }
        pid = owner(l->fd);
        close(l->fd);
        if (waited == PATIENCE || (pid && (kill((pid_t)pid, 0) == 0 || errno == EPERM)))
            return in_use(target, pid);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        waited++;
    }
}

static void free_lock(struct va_lock *l)
{
    if (!l)
        return;
    va_free(l->path);
    va_free(l);
}

/* The path of the lock file of `target`, or NULL after reporting. */
static char *lock_path(const char *target)
{
    char *file = va_beside_follow(target), *folder = NULL, *beginning = NULL, *path = NULL;

    if (file && va_beside_split(file, &folder, &beginning) == 0)
        path = va_format("%s/%slock", folder, beginning);
    va_free(file);
    va_free(folder);
    va_free(beginning);
    return path;
}

struct va_lock *va_lock_take(const char *path)
{
    struct va_lock *l = va_new(1, sizeof(*l)), *other = NULL;
    int status = -1;

    if (!l || !(l->path = lock_path(path))) {
        free_lock(l);
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    status = acquire(l, path, &other);
    if (status == 0 && l->fd >= 0 && !(l->leftover = va_leftover_add(l->path, path))) {
        unlink(l->path);
        close(l->fd);
        status = -1;
    }
    if (status == 0) {
        l->count = 1;
        l->next = mine;
        mine = l;
    } else {
        free_lock(l);
        l = other;
        if (l)
            l->count++;
    }
    pthread_mutex_unlock(&mutex);
    return l;
}

bool va_lock_is_held(const char *path)
{
    char *lock = lock_path(path);
    int fd = lock ? open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    va_free(lock);
    return held;
}

bool va_lock_exclusive(const struct va_lock *l)
{
    return l->fd >= 0;
}

void va_lock_release(struct va_lock *l)
{
    struct va_lock **link = &mine;

    if (!l)
        return;
    pthread_mutex_lock(&mutex);
    if (--l->count == 0) {
        while (*link != l)
            link = &(*link)->next;
        *link = l->next;
        if (l->fd >= 0) {
            unlink(
                l->path); /* before the lock is let go: what stands there then is another's */
            va_leftover_drop(l->leftover);
            close(l->fd);
        }
        free_lock(l);
    }
    pthread_mutex_unlock(&mutex);
}
