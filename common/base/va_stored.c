#include "base/va_stored.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void note_identity(struct va_stored *b, const struct stat *st)
{
    b->device = st->st_dev;
    b->inode = st->st_ino;
    b->size = st->st_size;
    b->modified = st->st_mtim;
}

static bool same_content(const struct va_stored *b, const struct stat *st)
{
    return st->st_size == b->size && st->st_mtim.tv_sec == b->modified.tv_sec &&
           st->st_mtim.tv_nsec == b->modified.tv_nsec;
}

int va_stored_open(struct va_stored *b, const char *path, const char *expected)
{
    struct stat st;

    b->fd = va_input_open(path, expected, NULL);
    if (b->fd < 0)
        return -1;
    if (fstat(b->fd, &st) < 0) {
        va_error_read(path, "read");
        va_stored_close(b);
        return -1;
    }
    note_identity(b, &st);
    return 0;
}

int va_stored_reopen(struct va_stored *b, const char *path)
{
    struct va_stored now = { 0 };

    if (b->fd >= 0)
        return 0;
    if (va_stored_open(&now, path, "the file that was there before") < 0)
        return -1;
    if (now.device != b->device || now.inode != b->inode || now.size != b->size ||
        now.modified.tv_sec != b->modified.tv_sec ||
        now.modified.tv_nsec != b->modified.tv_nsec) {
        va_stored_close(&now);
        return va_error("%s: was changed while it was in use", path);
    }
    b->fd = now.fd;
    return 0;
}

void va_stored_close(struct va_stored *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

int va_stored_share(struct va_stored *b, const struct va_stored *of, const char *path)
{
    *b = (struct va_stored){
        .size = of->size, .device = of->device, .inode = of->inode, .modified = of->modified
    };
    b->fd = fcntl(of->fd, F_DUPFD_CLOEXEC, 0);
    return b->fd < 0 ? va_error_read(path, "read") : 0;
}

int va_stored_check(struct va_stored *b)
{
    struct stat st;

    if (fstat(b->fd, &st) < 0) {
        b->error = errno;
        return -1;
    }
    b->changed = b->changed || !same_content(b, &st);
    return b->changed ? -1 : 0;
}

int va_stored_look(const struct va_stored *b, const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0 || st.st_dev != b->device || st.st_ino != b->inode ||
        same_content(b, &st))
        return 0;
    return va_error("%s: was changed while it was read", path);
}

int va_stored_read(struct va_stored *b, int64_t at, int64_t size, void *data)
{
    int64_t n;

    if (at < 0 || size < 0 || at > b->size - size)
        return -1;
    n = va_input_read(b->fd, data, size, at);
    if (n < 0)
        b->error = errno;
    else if (n < size)
        b->changed = true; /* it was longer */
    return n < size ? -1 : va_stored_check(b);
}

int va_stored_report(const struct va_stored *b, const char *path)
{
    if (b->changed)
        return va_error("%s: was changed while it was read", path);
    return (errno = b->error) ? va_error_read(path, "read") : 0;
}
