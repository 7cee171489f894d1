/*
 * The files are kept as a hash table of device and inode, open addressing, a power of two of
 * slots, at most half full: a run over 100,000 feature files looks each up in constant time.
 * Memory that is lacking for it is an error of the open: an input that is not remembered could
 * be lost.
 */
#include "base/va_input.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct file {
    dev_t device;
    ino_t inode;
    bool used, live; /* live false: forgotten, its slot still links a chain */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *slots; /* [room] */
static int64_t room, count;

static struct file *find(struct file *table, int64_t size, dev_t device, ino_t inode)
{
    uint64_t h = ((uint64_t)inode * 0x9e3779b97f4a7c15u) ^ (uint64_t)device;
    struct file *f;

    for (h ^= h >> 29;; h++) {
        f = &table[h & (uint64_t)(size - 1)];
        if (!f->used || (f->device == device && f->inode == inode))
            return f;
    }
}

static int grow(void)
{
    int64_t size = room ? 2 * room : 64;
    struct file *table;

    if (2 * (count + 1) <= room)
        return 0;
    table = va_new(size, sizeof(*table));
    if (!table)
        return -1;
    for (int64_t i = 0; i < room; i++)
        if (slots[i].used)
            *find(table, size, slots[i].device, slots[i].inode) = slots[i];
    va_free(slots);
    slots = table;
    room = size;
    return 0;
}

static int remember(const struct stat *st)
{
    struct file *f;
    int status;

    pthread_mutex_lock(&lock);
    status = grow();
    if (status == 0) {
        f = find(slots, room, st->st_dev, st->st_ino);
        count += !f->used;
        *f = (struct file){ st->st_dev, st->st_ino, true, true };
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static int refuse(const char *path, const struct stat *st, const char *expected)
{
    if (S_ISDIR(st->st_mode))
        return va_error(
            "%s: found a folder, expected %s: name a file in it, or several: %s%s*%s", path,
            expected, path, path[strlen(path) - 1] == '/' ? "" : "/",
            strncmp(expected, "va.", 3) ? "" : ".h5");
    return va_error("%s: found a %s, expected %s", path,
                    S_ISFIFO(st->st_mode)   ? "pipe"
                    : S_ISSOCK(st->st_mode) ? "socket"
                                            : "device",
                    expected);
}

static int open_any(const char *path, const char *expected, int64_t *size, bool streams)
{
    bool standard = streams && !strcmp(path, "-");
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (streams ? 0 : O_NONBLOCK);
    int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, flags);
    struct stat st;

    if (standard)
        path = "standard input";
    if (fd < 0)
        return va_error_read(path, "open");
    if (fstat(fd, &st) < 0)
        va_error_read(path, "open");
    else if (S_ISDIR(st.st_mode) || (!streams && !S_ISREG(st.st_mode)))
        refuse(path, &st, expected);
    else if (!S_ISREG(st.st_mode) || remember(&st) == 0) {
        if (size)
            *size = S_ISREG(st.st_mode) ? st.st_size : -1;
        return fd;
    }
    close(fd);
    return -1;
}

int va_input_open(const char *path, const char *expected, int64_t *size)
{
    return open_any(path, expected, size, false);
}

int va_input_open_stream(const char *path, const char *expected, int64_t *size)
{
    return open_any(path, expected, size, true);
}

int64_t va_input_read(int fd, void *data, int64_t size, int64_t at)
{
    int64_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, (char *)data + done, (size_t)(size - done), at + done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

int va_input_read_all(int fd, const char *path, const char *expected, void *data, int64_t size,
                      int64_t at)
{
    int64_t n = va_input_read(fd, data, size, at);

    if (n < 0)
        return va_error_machine("%s: cannot read: %s", path, strerror(errno));
    return n < size ? va_error("%s: file ends early, expected %s", path, expected) : 0;
}

void va_input_note(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        (void)!remember(&st);
}

bool va_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

size_t va_zip_part(const char *path)
{
    char name[PATH_MAX];
    struct stat st;

    for (const char *at = path; (at = strcasestr(at, ".zip")); at++) {
        size_t length = (size_t)(at - path) + strlen(".zip");

        if ((path[length] && path[length] != '/') || at == path || at[-1] == '/' ||
            length >= sizeof(name))
            continue;
        memcpy(name, path, length);
        name[length] = 0;
        if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
            return length;
    }
    return 0;
}

bool va_is_picture_folder(const char *path)
{
    return va_is_folder(path) || va_zip_part(path) > 0;
}

bool va_input_is(const struct stat *st)
{
    struct file *f;
    bool is;

    pthread_mutex_lock(&lock);
    f = room ? find(slots, room, st->st_dev, st->st_ino) : NULL;
    is = f && f->used && f->live;
    pthread_mutex_unlock(&lock);
    return is;
}

void va_input_forget(const char *path)
{
    struct stat st;
    struct file *f;

    if (stat(path, &st) < 0)
        return;
    pthread_mutex_lock(&lock);
    f = room ? find(slots, room, st.st_dev, st.st_ino) : NULL;
    if (f && f->used)
        f->live = false;
    pthread_mutex_unlock(&lock);
}
