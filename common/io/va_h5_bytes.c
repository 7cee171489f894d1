/*
 * How the library reads a file: through a driver of ours, over a descriptor that is already
 * open. So the file that was checked is the file that is read, whatever its name stands for by
 * then; no read reaches beyond the size that was checked; and the errno of a read that fails is
 * known. A file that somebody writes to meanwhile is noticed by its size and time: ctime would
 * not do, because it also moves when another file takes over the name.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* ---- a descriptor ---------------------------------------------------------------------- */

static void note_identity(struct va_h5_bytes *b, const struct stat *st)
{
    b->device = st->st_dev;
    b->inode = st->st_ino;
    b->size = st->st_size;
    b->modified = st->st_mtim;
}

static bool same_content(const struct va_h5_bytes *b, const struct stat *st)
{
    return st->st_size == b->size && st->st_mtim.tv_sec == b->modified.tv_sec &&
           st->st_mtim.tv_nsec == b->modified.tv_nsec;
}

int va_h5_bytes_open(struct va_h5_bytes *b, const char *path, const char *expected)
{
    struct stat st;

    b->fd = va_input_open(path, expected, NULL);
    if (b->fd < 0)
        return -1;
    if (fstat(b->fd, &st) < 0) {
        va_error_read(path, "read");
        va_h5_bytes_close(b);
        return -1;
    }
    note_identity(b, &st);
    return 0;
}

int va_h5_bytes_reopen(struct va_h5_bytes *b, const char *path)
{
    struct va_h5_bytes now = { 0 };

    if (b->fd >= 0)
        return 0;
    if (va_h5_bytes_open(&now, path, "the file that was there before") < 0)
        return -1;
    if (now.device != b->device || now.inode != b->inode || now.size != b->size ||
        now.modified.tv_sec != b->modified.tv_sec ||
        now.modified.tv_nsec != b->modified.tv_nsec) {
        va_h5_bytes_close(&now);
        return va_error("%s: was changed while it was in use", path);
    }
    b->fd = now.fd;
    return 0;
}

void va_h5_bytes_close(struct va_h5_bytes *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

int va_h5_bytes_check(struct va_h5_bytes *b)
{
    struct stat st;

    if (fstat(b->fd, &st) < 0) {
        b->error = errno;
        return -1;
    }
    b->changed = b->changed || !same_content(b, &st);
    return b->changed ? -1 : 0;
}

int va_h5_bytes_read(struct va_h5_bytes *b, int64_t at, int64_t size, void *data)
{
    int64_t n;

    if (at < 0 || size < 0 || at > b->size - size)
        return -1;
    n = va_input_read(b->fd, data, size, at);
    if (n < 0)
        b->error = errno;
    else if (n < size)
        b->changed = true; /* it was longer */
    return n < size ? -1 : va_h5_bytes_check(b);
}

/* ---- as the library wants it ----------------------------------------------------------- */

struct driver_file {
    H5FD_t base; /* first: the library's part */
    struct va_h5_bytes *bytes;
    haddr_t end; /* of what the library may use */
};

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max)
{
    struct va_h5_bytes *const *bytes = H5Pget_driver_info(access);
    struct driver_file *file;

    (void)name, (void)max;
    if (!bytes || flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT))
        return NULL;
    file = calloc(1, sizeof(*file)); /* not va_new: the caller of the library reports */
    if (!file)
        return NULL;
    file->bytes = *bytes;
    return &file->base;
}

static herr_t driver_close(H5FD_t *file)
{
    free(file);
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct driver_file *)file)->end;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct driver_file *)file)->end = end;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return (haddr_t)((const struct driver_file *)file)->bytes->size;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t list, haddr_t at, size_t size,
                          void *data)
{
    struct va_h5_bytes *b = ((struct driver_file *)file)->bytes;

    (void)type, (void)list;
    if (at > INT64_MAX || size > INT64_MAX)
        return -1;
    return va_h5_bytes_read(b, (int64_t)at, (int64_t)size, data);
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t list, haddr_t at, size_t size,
                           const void *data)
{
    (void)file, (void)type, (void)list, (void)at, (void)size, (void)data;
    return -1; /* the library asks for one, but files are only read here */
}

hid_t va_h5_bytes_driver(void)
{
    static const H5FD_class_t class = {
#if H5_VERSION_GE(1, 13, 0)
        .version = H5FD_CLASS_VERSION,
        .value = H5_VFD_RESERVED + 1,
#endif
        .name = "va_bytes",
        .maxaddr = INT64_MAX,
        .fc_degree = H5F_CLOSE_STRONG,
        .fapl_size = sizeof(struct va_h5_bytes *),
        .open = driver_open,
        .close = driver_close,
        .query = driver_query,
        .get_eoa = driver_get_eoa,
        .set_eoa = driver_set_eoa,
        .get_eof = driver_get_eof,
        .read = driver_read,
        .write = driver_write,
        .fl_map = H5FD_FLMAP_SINGLE,
    };
    static hid_t driver = H5I_INVALID_HID;

    if (driver < 0)
        driver = H5FDregister(&class);
    return driver;
}
