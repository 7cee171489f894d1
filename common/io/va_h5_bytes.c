/*
 * How the library reads a file: through a driver of ours, over the bytes of a file that is already
 * open (base/va_stored.h). So the file that was checked is the file that is read, and the reason of a
 * read that fails is known.
 */
#include "io/va_h5_priv.h"
#include <stdlib.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

struct driver_file {
    H5FD_t base; /* first: the library's part */
    struct va_stored *bytes;
    haddr_t end; /* of what the library may use */
};

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max)
{
    struct va_stored *const *bytes = H5Pget_driver_info(access);
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
    struct va_stored *b = ((struct driver_file *)file)->bytes;

    (void)type, (void)list;
    if (at > INT64_MAX || size > INT64_MAX)
        return -1;
    return va_stored_read(b, (int64_t)at, (int64_t)size, data);
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
        .fapl_size = sizeof(struct va_stored *),
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
