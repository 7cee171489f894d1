/*
 * The library is told not to clean up at exit: after a failed write it would try to flush again
 * what the disk did not take. Its own error stack is not printed; our line stands for it, with
 * the reason that is found there.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files are little-endian and are mapped as they are");

/* ---- one thread at a time --------------------------------------------------------------- */

static pthread_mutex_t alone = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

int va_h5_alone_begin(void)
{
    return pthread_mutex_lock(&alone);
}

void va_h5_alone_end(const int *unused)
{
    (void)unused;
    pthread_mutex_unlock(&alone);
}

/* ---- why a call failed ----------------------------------------------------------------- */

/* Since they were cleared: the reason of the first failure; whether one was said without. */
static int reason;
static bool unexplained;

static herr_t find_reason(unsigned n, const H5E_error2_t *e, void *arg)
{
    const char *text = e->desc ? strstr(e->desc, "errno = ") : NULL;

    (void)n;
    if (text)
        *(int *)arg = atoi(text + 8);
    else if (!*(int *)arg && e->min_num == H5E_NOSPACE)
        *(int *)arg = ENOMEM;
    return 0;
}

/* The library calls this at the end of each call of it that fails. */
static herr_t keep_reason(hid_t stack, void *unused)
{
    (void)unused;
    if (!reason)
        H5Ewalk2(stack, H5E_WALK_DOWNWARD, find_reason, &reason);
    if (!reason && errno == ENOMEM) /* not all of its allocations say so on the stack */
        reason = ENOMEM;
    return 0;
}

int va_h5_errno(void)
{
    return reason;
}

bool va_h5_unexplained(void)
{
    return unexplained;
}

void va_h5_errno_clear(void)
{
    reason = errno = 0;
    unexplained = false;
}

/* ---- the library itself ---------------------------------------------------------------- */

/*
 * Variables of the environment can make the library load code (plugins of filters, drivers and
 * connectors), print traces or open files in other ways. None of that may happen because a file
 * is read, so the library sees none of its variables, and plugins are off altogether.
 */
static void forget_environment(void)
{
    static const char prefix[] = "HDF5_";
    char name[128];

    for (char **e = environ; *e;) {
        size_t n = strcspn(*e, "=");

        if (strncmp(*e, prefix, strlen(prefix)) || n >= sizeof(name)) {
            e++;
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)n, *e);
        e = unsetenv(name) == 0 ? environ : e + 1;
    }
    setenv("HDF5_PLUGIN_PRELOAD", "::", 1); /* what the library takes for: none */
}

/* Half a start is none: later calls would fail on whatever they are given. */
static bool start_library(void)
{
    forget_environment();
    H5dont_atexit();
    errno = 0;
    return H5open() >= 0 && H5PLset_loading_state(0) >= 0 &&
           H5Eset_auto2(H5E_DEFAULT, keep_reason, NULL) >= 0 && errno != ENOMEM;
}

/* An ensemble may have more files than the usual soft limit lets us hold open. */
static void lift_limit_of_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int va_h5_init(void)
{
    static enum { NOT_YET, STARTED, FAILED } state;

    if (state == NOT_YET) {
        state = start_library() ? STARTED : FAILED;
        lift_limit_of_files();
    }
    return state == STARTED ? 0 : va_error_memory("out of memory for HDF5");
}

static hid_t new_access(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    if (list < 0)
        return va_error_memory("out of memory for HDF5");
    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(list, false, true); /* ours is va_lock.h */
#endif
    return list;
}

hid_t va_h5_access_create(void)
{
    hid_t list = new_access();

    if (list < 0)
        return list;
    H5Pset_libver_bounds(list, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110);
    H5Pset_alignment(list, 256, 64); /* so that rows can be used where they are mapped */
    H5Pset_small_data_block_size(list, 0);
    return list;
}

hid_t va_h5_access_read(struct va_stored *bytes)
{
    hid_t list = new_access();

    if (list < 0)
        return list;
    if (H5Pset_driver(list, va_h5_bytes_driver(), &bytes) < 0) {
        H5Pclose(list);
        return va_error_memory("out of memory for HDF5");
    }
    return list;
}

/* ---- what readers and writers share ---------------------------------------------------- */

int va_h5_damaged(const struct va_h5_file *f, const char *place)
{
    const struct va_stored *b = f->bytes;

    if (b && va_stored_report(b, f->path) < 0)
        return -1;
    if ((errno = reason))
        return va_error_read(f->path, "read");
    if (f->checked || !b) /* or is ours */
        return va_error_machine(
            "%s: cannot read: the HDF5 library failed, perhaps because memory ran out",
            f->path);
    unexplained = true;
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

bool va_shard_in_path(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 && errno == ENOTDIR;
}

bool va_h5_named(const char *path)
{
    static const char magic[] = "\x89HDF\r\n\x1a\n";
    size_t n = strlen(path);
    char head[8] = "";
    struct stat st;
    FILE *f;

    if (va_zip_part(path)) /* pictures, with a path like that of a video of a shard */
        return false;
    if ((n > 3 && !strcmp(path + n - 3, ".h5")) || va_shard_in_path(path))
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
