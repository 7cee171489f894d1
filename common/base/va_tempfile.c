/*
 * The registry of temporary files is a fixed table of names, so that a signal handler can walk
 * it: a slot is filled before its file exists and cleared after it is gone, and the flag is
 * the last thing written and the first thing cleared.
 */
#include "base/va_tempfile.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 64 };

static struct slot {
    volatile sig_atomic_t used;
    char path[PATH_MAX];
} slots[SLOTS];

struct va_tempfile {
    char *target, *folder, *base, *path;
    struct slot *slot;
};

static void split(const char *target, char **folder, char **base)
{
    const char *slash = strrchr(target, '/');

    *base = va_strdup(slash ? slash + 1 : target);
    *folder = !slash ? va_strdup(".") : va_format("%.*s", (int)(slash - target), target);
    if (*folder && !**folder) {
        va_free(*folder);
        *folder = va_strdup("/");
    }
}

/* Whether `name` is ".BASE.<digits>-<digits>.part". */
static int is_part_of(const char *name, const char *base)
{
    size_t n = strlen(base);
    const char *p = name + 1;

    if (name[0] != '.' || strncmp(p, base, n) || p[n] != '.')
        return 0;
    p += n + 1;
    if (!strspn(p, "0123456789"))
        return 0;
    p += strspn(p, "0123456789");
    if (*p++ != '-')
        return 0;
    p += strspn(p, "0123456789");
    return !strcmp(p, ".part");
}

/* Remove parts of this target whose writer is gone: nobody holds their lock. */
static void sweep(const struct va_tempfile *t)
{
    DIR *dir = opendir(t->folder);
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        int fd;

        if (!is_part_of(e->d_name, t->base))
            continue;
        fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(dir), e->d_name, 0);
        close(fd);
    }
    if (dir)
        closedir(dir);
}

static void free_tempfile(struct va_tempfile *t)
{
    if (!t)
        return;
    if (t->slot)
        t->slot->used = 0;
    va_free(t->target);
    va_free(t->folder);
    va_free(t->base);
    va_free(t->path);
    va_free(t);
}

struct va_tempfile *va_tempfile_new(const char *target)
{
    static unsigned serial;
    struct va_tempfile *t = va_new(1, sizeof(*t));
    struct stat st;

    if (!t)
        return NULL;
    t->target = va_strdup(target);
    split(target, &t->folder, &t->base);
    if (!t->target || !t->folder || !t->base)
        goto failed;
    if (!*t->base || (stat(target, &st) == 0 && S_ISDIR(st.st_mode))) {
        errno = EISDIR;
        va_error_write(target, "create");
        goto failed;
    }
    if (stat(target, &st) == 0 && !S_ISREG(st.st_mode)) { /* a rename would replace a device */
        va_error_machine("%s: cannot create: found a device, pipe or socket, expected a file",
                         target);
        goto failed;
    }
    if (access(t->folder, W_OK) < 0) {
        va_error_write(target, "create");
        goto failed;
    }
    sweep(t);
    t->path = va_format("%s/.%s.%ld-%u.part", t->folder, t->base, (long)getpid(), serial++);
    if (!t->path)
        goto failed;
    for (int i = 0; i < SLOTS && !t->slot; i++)
        if (!slots[i].used)
            t->slot = &slots[i];
    if (!t->slot || strlen(t->path) >= PATH_MAX) {
        va_error_machine("%s: cannot create: %s", target,
                         t->slot ? "name too long" : "too many files open for writing");
        t->slot = NULL;
        goto failed;
    }
    memcpy(t->slot->path, t->path, strlen(t->path) + 1);
    t->slot->used = 1;
    return t;
failed:
    free_tempfile(t);
    return NULL;
}

const char *va_tempfile_path(const struct va_tempfile *t)
{
    return t->path;
}

const char *va_tempfile_target(const struct va_tempfile *t)
{
    return t->target;
}

void va_tempfile_lock(struct va_tempfile *t, int fd)
{
    (void)t;
    (void)!flock(fd,
                 LOCK_EX | LOCK_NB); /* no locks on this file system: nothing is swept there */
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC), failed;

    if (fd < 0)
        return -1;
    failed = fsync(fd);
    if (failed && (errno == EINVAL || errno == EROFS))
        failed = 0; /* folders of some file systems cannot be synced */
    close(fd);
    return failed;
}

int va_tempfile_commit(struct va_tempfile **handle)
{
    struct va_tempfile *t = *handle;

    if (sync_path(t->path, O_RDWR) < 0 || rename(t->path, t->target) < 0) {
        va_error_write(t->target, "write");
        va_tempfile_abort(handle);
        return -1;
    }
    (void)sync_path(t->folder, O_RDONLY | O_DIRECTORY);
    free_tempfile(t);
    *handle = NULL;
    return 0;
}

void va_tempfile_abort(struct va_tempfile **handle)
{
    if (!handle || !*handle)
        return;
    unlink((*handle)->path);
    free_tempfile(*handle);
    *handle = NULL;
}

int va_textfile_create(struct va_textfile *f, const char *target)
{
    int fd;

    *f = (struct va_textfile){ 0 };
    f->temp = va_tempfile_new(target);
    if (!f->temp)
        return -1;
    fd = open(f->temp->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 || !(f->stream = fdopen(fd, "w"))) {
        va_error_write(target, "create");
        if (fd >= 0)
            close(fd);
        va_tempfile_abort(&f->temp);
        return -1;
    }
    va_tempfile_lock(f->temp, fd);
    return 0;
}

int va_textfile_commit(struct va_textfile *f)
{
    int bad;

    errno = 0;
    bad = ferror(f->stream);
    if (fclose(f->stream))
        bad = 1;
    f->stream = NULL;
    if (bad) {
        if (!errno)
            errno = EIO;
        va_error_write(f->temp->target, "write");
        va_tempfile_abort(&f->temp);
        return -1;
    }
    return va_tempfile_commit(&f->temp);
}

void va_textfile_abort(struct va_textfile *f)
{
    if (f->stream)
        fclose(f->stream);
    f->stream = NULL;
    va_tempfile_abort(&f->temp);
}

void va_tempfile_remove_all(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].used) {
            unlink(slots[i].path);
            slots[i].used = 0;
        }
}

static void on_signal(int number)
{
    va_tempfile_remove_all();
    signal(number, SIG_DFL);
    raise(number);
}

void va_tempfile_catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

    signal(SIGXFSZ, SIG_IGN); /* a file too large for its limit is an error of write() then */
    for (size_t i = 0; i < VA_COUNT(numbers); i++) {
        struct sigaction old, act = { .sa_handler = on_signal };

        sigemptyset(&act.sa_mask);
        act.sa_flags = SA_NODEFER;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &act, NULL); /* what nohup ignores stays ignored */
    }
}

int va_make_folder(const char *path)
{
    char *copy = va_strdup(path);
    struct stat st;

    if (!copy)
        return -1;
    for (char *p = copy + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            (void)!mkdir(copy, 0777); /* the last mkdir tells what is wrong */
            *p = '/';
        }
    if (mkdir(copy, 0777) < 0 &&
        !(errno == EEXIST && stat(copy, &st) == 0 && S_ISDIR(st.st_mode))) {
        va_free(copy);
        return va_error_write(path, "make folder");
    }
    va_free(copy);
    return 0;
}
