/*
 * The order of things: the target is looked at, locked, swept, and only then is the temporary
 * file made. Its descriptor is kept to the end, so that nothing depends on a path that somebody
 * else may have moved, and the lock is let go after the rename.
 */
#include "base/va_tempfile.h"

#include "base/va_beside.h"
#include "base/va_error.h"
#include "base/va_leftover.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct va_tempfile {
    struct va_tempfile *next;
    char *target; /* as it was named */
    char *file;   /* what that leads to */
    char *folder, *beginning, *path;
    int fd;
    int write_errno; /* of the first write through stdio that failed */
    struct va_lock *lock;
    struct va_leftover *leftover;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct va_tempfile *open_files;
static unsigned serial;

/* Whether `name` is BEGINNING<digits>-<digits>.part. */
static bool is_part_of(const char *name, const char *beginning)
{
    static const char digits[] = "0123456789";
    size_t n = strlen(beginning);
    const char *p = name + n;

    if (strncmp(name, beginning, n) || !strspn(p, digits))
        return false;
    p += strspn(p, digits);
    if (*p++ != '-')
        return false;
    p += strspn(p, digits);
    return !strcmp(p, ".part");
}

/* Remove what dead writers of this target left: nobody else writes it while we have the lock. */
static void sweep(const struct va_tempfile *t)
{
    DIR *dir = va_lock_exclusive(t->lock) ? opendir(t->folder) : NULL;
    struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (is_part_of(e->d_name, t->beginning))
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
}

/* Enter t among the open files. -1 after reporting when another one has the same target. */
static int enter(struct va_tempfile *t)
{
    bool twice = false;

    pthread_mutex_lock(&mutex);
    for (const struct va_tempfile *o = open_files; o; o = o->next)
        twice = twice || o->lock == t->lock;
    if (!twice) {
        t->next = open_files;
        open_files = t;
    }
    pthread_mutex_unlock(&mutex);
    return twice
               ? va_error("%s: two outputs of this run are this file: name another", t->target)
               : 0;
}

static void leave(const struct va_tempfile *t)
{
    pthread_mutex_lock(&mutex);
    for (struct va_tempfile **link = &open_files; *link; link = &(*link)->next)
        if (*link == t) {
            *link = t->next;
            break;
        }
    pthread_mutex_unlock(&mutex);
}

static void free_tempfile(struct va_tempfile *t)
{
    if (!t)
        return;
    leave(t);
    va_leftover_drop(t->leftover);
    if (t->fd >= 0)
        close(t->fd);
    va_lock_release(t->lock);
    va_free(t->target);
    va_free(t->file);
    va_free(t->folder);
    va_free(t->beginning);
    va_free(t->path);
    va_free(t);
}

/* A name that no other file beside the target has. */
static char *part_path(const struct va_tempfile *t)
{
    unsigned n;

    pthread_mutex_lock(&mutex);
    n = serial++;
    pthread_mutex_unlock(&mutex);
    return va_format("%s/%s%ld-%u.part", t->folder, t->beginning, (long)getpid(), n);
}

/* Make the temporary file. Where it will replace one, nobody else reads it before it has the
 * permissions of that one. */
static int make_part(struct va_tempfile *t)
{
    struct stat st;
    bool there = stat(t->file, &st) == 0;

    t->path = part_path(t);
    if (!t->path || !(t->leftover = va_leftover_add(t->path, t->target)))
        return -1;
    t->fd = open(t->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, there ? 0600 : 0666);
    return t->fd < 0 ? va_error_write(t->target, "create") : 0;
}

struct va_tempfile *va_tempfile_new(const char *target, va_output_ours *ours)
{
    struct va_tempfile *t = va_new(1, sizeof(*t));

    if (!t)
        return NULL;
    t->fd = -1;
    t->target = va_strdup(target);
    if (!t->target || va_output_check(target, ours) < 0)
        goto failed;
    t->file = va_beside_follow(target);
    if (!t->file || va_beside_split(t->file, &t->folder, &t->beginning) < 0)
        goto failed;
    if (*target && target[strlen(target) - 1] ==
                       '/') { /* a folder that does not exist: it ends in a slash */
        errno = EISDIR;
        va_error_write(target, "create");
        goto failed;
    }
    if (access(t->folder, W_OK) < 0) {
        va_error_write(target, "create");
        goto failed;
    }
    t->lock = va_lock_take(target);
    if (!t->lock || enter(t) < 0)
        goto failed;
    sweep(t);
    if (make_part(t) == 0)
        return t;
failed:
    free_tempfile(t);
    return NULL;
}

const char *va_tempfile_path(const struct va_tempfile *t)
{
    return t->path;
}

int va_tempfile_fd(const struct va_tempfile *t)
{
    return t->fd;
}

int va_tempfile_spool(const struct va_tempfile *t)
{
    char *path = part_path(t);
    int fd = -1;

    if (!path)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        va_error_write(t->target, "create a temporary file for");
    else
        unlink(path);
    va_free(path);
    return fd;
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!fsync(fd); /* folders of some file systems cannot be synced */
        close(fd);
    }
}

int va_tempfile_commit(struct va_tempfile **handle)
{
    struct va_tempfile *t = *handle;
    int status = va_output_check(t->target, NULL); /* it may be another file by now */
    struct stat st;

    if (status == 0 && ((stat(t->file, &st) == 0 && fchmod(t->fd, st.st_mode & 0777) < 0) ||
                        (fsync(t->fd) < 0 && errno != EINVAL && errno != EROFS) ||
                        rename(t->path, t->file) < 0))
        status = va_error_write(t->target, "write");
    if (status < 0) {
        va_tempfile_abort(handle);
        return -1;
    }
    sync_folder(t->folder);
    free_tempfile(t);
    *handle = NULL;
    return 0;
}

void va_tempfile_abort(struct va_tempfile **handle)
{
    if (!handle || !*handle)
        return;
    if ((*handle)->path)
        unlink((*handle)->path);
    free_tempfile(*handle);
    *handle = NULL;
}

/* ---- text through stdio, which forgets why a write failed ------------------------------- */

static ssize_t write_text(void *cookie, const char *text, size_t size)
{
    struct va_tempfile *t = cookie;
    size_t done = 0;

    while (done < size) {
        ssize_t n = write(t->fd, text + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!t->write_errno)
                t->write_errno = n < 0 ? errno : EIO;
            break;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Standard output, in the place of a file: it has no name and no lock. */
static struct va_tempfile *standard_output(void)
{
    struct va_tempfile *t = va_new(1, sizeof(*t));

    if (!t)
        return NULL;
    t->target = va_strdup("standard output");
    t->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (t->target && t->fd >= 0)
        return t;
    if (t->target)
        va_error_write(t->target, "open");
    free_tempfile(t);
    return NULL;
}

int va_textfile_create(struct va_textfile *f, const char *target, va_output_ours *ours)
{
    *f = (struct va_textfile){ .temp = !strcmp(target, "-") ? standard_output()
                                                            : va_tempfile_new(target, ours) };
    if (!f->temp)
        return -1;
    f->stream = fopencookie(f->temp, "w", (cookie_io_functions_t){ .write = write_text });
    if (f->stream)
        return 0;
    va_error_write(target, "create");
    va_tempfile_abort(&f->temp);
    return -1;
}

int va_textfile_commit(struct va_textfile *f)
{
    bool bad = ferror(f->stream);
    bool stream = !f->temp->path;

    if (fclose(f->stream))
        bad = true;
    f->stream = NULL;
    if (bad) {
        errno = f->temp->write_errno ? f->temp->write_errno : ENOMEM;
        va_error_write(f->temp->target, "write");
        va_tempfile_abort(&f->temp);
        return -1;
    }
    if (!stream)
        return va_tempfile_commit(&f->temp);
    va_tempfile_abort(&f->temp);
    return 0;
}

void va_textfile_abort(struct va_textfile *f)
{
    if (f->stream)
        fclose(f->stream);
    f->stream = NULL;
    va_tempfile_abort(&f->temp);
}

static void on_signal(int number)
{
    va_leftover_remove_all();
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

/* It looks at the deepest folder that is there. */
int va_test_folder(const char *path)
{
    char *there = va_strdup(path);
    struct stat st;
    int status = -1;

    if (!there)
        return -1;
    while ((status = stat(there, &st)) < 0 && errno == ENOENT && *there) {
        char *slash = strrchr(there, '/');

        if (slash == there)
            strcpy(there, "/");
        else if (slash)
            *slash = 0;
        else
            strcpy(there, ".");
    }
    if (status == 0 && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        status = -1;
    }
    if (status < 0)
        va_error_write(path, "make folder");
    else if (access(there, W_OK | X_OK) < 0)
        status = va_error_write(there, "write in");
    va_free(there);
    return status;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    return walk->level == 0 ? 0 : remove(path);
}

int va_clear_folder(const char *path)
{
    enum { OPEN_FOLDERS = 16 };

    return nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS)
               ? va_error_write(path, "clear")
               : 0;
}
