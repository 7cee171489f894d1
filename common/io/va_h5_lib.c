/*
 * The library is told not to clean up at exit: after a failed write it would try to flush again
 * what the disk did not take. Its own error stack is silenced; our line stands for it.
 */
#include "base/va_error.h"
#include "io/va_h5_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files are little-endian and are mapped as they are");

void va_h5_init(void)
{
    static bool done;
    struct rlimit files;

    if (!done) {
        done = true;
        H5dont_atexit();
        H5open();
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        /* an index may name more feature files than the usual soft limit lets us hold open */
        if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
            files.rlim_cur = files.rlim_max;
            setrlimit(RLIMIT_NOFILE, &files);
        }
    }
}

hid_t va_h5_access(bool create)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    if (list < 0)
        return va_error_machine("HDF5: cannot make an access list");
    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(list, false, true); /* ours are va_tempfile_lock */
#endif
    if (create) {
        H5Pset_libver_bounds(list, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110);
        H5Pset_alignment(list, 256, 64); /* so that rows can be used where they are mapped */
        H5Pset_small_data_block_size(list, 0);
    }
    return list;
}

static herr_t find_errno(unsigned n, const H5E_error2_t *e, void *arg)
{
    const char *text = e->desc ? strstr(e->desc, "errno = ") : NULL;

    (void)n;
    if (text)
        *(int *)arg = atoi(text + 8);
    return 0;
}

int va_h5_errno(void)
{
    int number = 0;

    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, find_errno, &number);
    return number;
}

int va_h5_damaged(const struct va_h5_file *f, const char *place)
{
    if (place)
        return va_error("%s: %s: damaged HDF5 file", f->path, place);
    return va_error("%s: damaged HDF5 file", f->path);
}

/* IEEE half: sign 15, exponent 10..14, mantissa 0..9. */
static hid_t half_type(void)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);

    H5Tset_fields(t, 15, 10, 5, 0, 10);
    H5Tset_size(t, 2);
    H5Tset_ebias(t, 15);
    return t;
}

hid_t va_h5_stored_type(enum va_dtype t)
{
    switch (t) {
    case VA_F32: return H5Tcopy(H5T_IEEE_F32LE);
    case VA_F64: return H5Tcopy(H5T_IEEE_F64LE);
    case VA_F16: return half_type();
    case VA_BF16: return H5Tcopy(H5T_STD_U16LE);
    case VA_U8: return H5Tcopy(H5T_STD_U8LE);
    case VA_I32: return H5Tcopy(H5T_STD_I32LE);
    case VA_I64: return H5Tcopy(H5T_STD_I64LE);
    }
    return H5I_INVALID_HID;
}

bool va_h5_named(const char *path)
{
    static const char magic[] = "\x89HDF\r\n\x1a\n";
    size_t n = strlen(path);
    char head[8] = "";
    struct stat st;
    FILE *f;

    if (n > 3 && !strcmp(path + n - 3, ".h5"))
        return true;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) /* a pipe keeps its first bytes */
        return false;
    f = fopen(path, "rbe");
    if (!f)
        return false;
    n = fread(head, 1, sizeof(head), f);
    fclose(f);
    return n == sizeof(head) && !memcmp(head, magic, sizeof(head));
}
