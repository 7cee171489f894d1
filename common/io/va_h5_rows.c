/*
 * Datasets written row by row. Where the number of rows is known, or likely, the dataset is made first
 * and rows go straight to their place in the file, past the library. Where it is not (a stream), a
 * contiguous dataset cannot be begun: rows are spooled to a file without a name in the output's
 * folder and copied in at the end, so memory stays small. A likely number that proves wrong makes a new dataset
 * necessary: the library gives it the place of the old one, or rows are moved.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    COPY_BYTES = 1 << 22,
    WAIT_BYTES = 1 << 16, /* rows wait until they are this long together */
};

struct va_h5_rows {
    struct va_h5_out *out;
    struct va_h5_rows *next;
    char *name;
    enum va_dtype type;
    int rank;
    int64_t shape[VA_RANK_MAX]; /* shape[0]: rows wanted, -1 where unknown */
    int64_t row_bytes, done;
    int64_t placed; /* the first rows, which have their place in a dataset; */
    int64_t offset; /* it begins at this byte of the file */
    hid_t dataset;  /* while it is open */
    int spool;      /* descriptor of where the other rows are, or -1 */
    char *waiting;  /* [WAIT_BYTES] the last rows, if they are short */
    int64_t waiting_bytes;
    struct va_hash hash;
};

static void free_rows(struct va_h5_rows *r)
{
    struct va_h5_rows **link = &r->out->rows;

    while (*link && *link != r)
        link = &(*link)->next;
    if (*link)
        *link = r->next;
    if (r->spool >= 0)
        close(r->spool);
    if (r->dataset >= 0)
        H5Dclose(r->dataset);
    va_free(r->waiting);
    va_free(r->name);
    va_free(r);
}

void va_h5_rows_drop(struct va_h5_out *out)
{
    while (out->rows)
        free_rows(out->rows);
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* The descriptor of the output, which stays the library's; -1 after reporting. */
static int output_of(struct va_h5_rows *r)
{
    void *fd = NULL;

    if (H5Fget_vfd_handle(r->out->file.id, H5P_DEFAULT, &fd) < 0 || !fd)
        return va_h5_write_failed(r->out, r->name);
    return *(int *)fd;
}

static int write_at(struct va_h5_rows *r, int fd, const char *data, int64_t bytes, int64_t at)
{
    while (bytes) {
        ssize_t n = fd < 0 ? -1 : pwrite(fd, data, (size_t)bytes, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!r->out->failed)
                va_error_write(r->out->target, "write");
            r->out->failed = true;
            return -1;
        }
        data += n;
        at += n;
        bytes -= n;
    }
    return 0;
}

static int read_at(struct va_h5_rows *r, int fd, char *data, int64_t bytes, int64_t at)
{
    int64_t n = fd < 0 ? -1 : va_input_read(fd, data, bytes, at);

    if (n == bytes)
        return 0;
    if (!r->out->failed) {
        errno = n < 0 ? errno : EIO;
        va_error_write(r->out->target, "read back rows of");
    }
    r->out->failed = true;
    return -1;
}

/* Bytes from `in` at `from` to the output at `to`; the two may overlap where `in` is the output. */
static int copy_bytes(struct va_h5_rows *r, int in, int64_t from, int64_t to, int64_t bytes)
{
    const int64_t step = bytes < COPY_BYTES ? bytes : COPY_BYTES;
    int out = output_of(r), result = 0;
    char *block = bytes ? va_new_unset(step, 1) : NULL;

    if (bytes && !block)
        return -1;
    for (int64_t done = 0; done < bytes && result == 0; done += step) {
        int64_t n = bytes - done < step ? bytes - done : step;
        int64_t at = in == out && to > from ? bytes - done - n : done; /* from the end */

        result = read_at(r, in, block, n, from + at);
        if (result == 0)
            result = write_at(r, out, block, n, to + at);
    }
    va_free(block);
    return result;
}

/* Rows [first, first + count), which are the last ones. */
static int put_rows(struct va_h5_rows *r, int64_t first, int64_t count, const char *data)
{
    const int64_t here = first < r->placed ? r->placed - first : 0;
    const int64_t n = (here < count ? here : count) * r->row_bytes;

    if (n > 0 && write_at(r, output_of(r), data, n, r->offset + first * r->row_bytes) < 0)
        return -1;
    if (n == count * r->row_bytes)
        return 0;
    if (r->spool < 0 && (r->spool = va_tempfile_spool(r->out->temp)) < 0) {
        r->out->failed = true;
        return -1;
    }
    return write_at(r, r->spool, data + n, count * r->row_bytes - n,
                    (here ? 0 : first - r->placed) * r->row_bytes);
}

static int put_waiting(struct va_h5_rows *r)
{
    const int64_t count = r->waiting_bytes ? r->waiting_bytes / r->row_bytes : 0;

    r->waiting_bytes = 0;
    return count ? put_rows(r, r->done - count, count, r->waiting) : 0;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Make the dataset with `rows` of them and find its place. */
static int place(struct va_h5_rows *r, int64_t rows)
{
    hid_t type = va_h5_stored_type(r->type);
    haddr_t at = 0;

    r->shape[0] = rows;
    r->dataset = va_h5_create_dataset(r->out, r->name, type, r->rank, r->shape, true);
    H5Tclose(type);
    if (r->dataset < 0)
        return -1;
    if (rows * r->row_bytes > 0 && (at = H5Dget_offset(r->dataset)) == HADDR_UNDEF)
        return va_h5_write_failed(r->out, r->name);
    r->placed = rows;
    r->offset = (int64_t)at;
    return 0;
}

static struct va_h5_rows *begin(struct va_h5_out *out, const char *name, enum va_dtype type,
                                int rank, const int64_t *shape, int64_t likely)
{
    struct va_h5_rows *r = va_new(1, sizeof(*r));
    int64_t all;

    if (!r)
        return NULL;
    *r = (struct va_h5_rows){ .out = out,
                              .type = type,
                              .rank = rank,
                              .row_bytes = (int64_t)va_dtype_size(type),
                              .dataset = H5I_INVALID_HID,
                              .spool = -1 };
    memcpy(r->shape, shape, (size_t)rank * sizeof(*shape));
    va_hash_init(&r->hash);
    r->next = out->rows;
    out->rows = r;
    r->name = va_strdup(name);
    for (int i = 1; i < rank; i++)
        if (va_mul(r->row_bytes, shape[i], &r->row_bytes) < 0) {
            va_error("%s: %s: impossible shape", out->target, name);
            goto failed;
        }
    if (likely > 0 && va_mul(r->row_bytes, likely, &all) < 0)
        likely = 0;
    if (!r->name || (r->row_bytes < WAIT_BYTES && !(r->waiting = va_new_unset(WAIT_BYTES, 1))))
        goto failed;
    if (likely > 0 || shape[0] >= 0 ? place(r, likely > 0 ? likely : shape[0]) < 0
                                    : (r->spool = va_tempfile_spool(out->temp)) < 0)
        goto failed;
    r->shape[0] = shape[0];
    return r;
failed:
    free_rows(r);
    return NULL;
}

struct va_h5_rows *va_h5_rows_begin(struct va_h5_out *out, const char *name, enum va_dtype type,
                                    int rank, const int64_t *shape)
{
    VA_H5_ALONE;

    return begin(out, name, type, rank, shape, 0);
}

struct va_h5_rows *va_h5_rows_begin_likely(struct va_h5_out *out, const char *name,
                                           enum va_dtype type, int rank, const int64_t *shape,
                                           int64_t likely)
{
    VA_H5_ALONE;

    return begin(out, name, type, rank, shape, likely);
}

int va_h5_rows_append(struct va_h5_rows *r, int64_t count, const void *data)
{
    VA_H5_ALONE;
    const int64_t bytes = count * r->row_bytes;

    if (r->out->failed)
        return -1;
    if (bytes && r->shape[0] >= 0 && count > r->shape[0] - r->done)
        return va_error("%s: %s: more than the %lld rows that were announced", r->out->target,
                        r->name, (long long)r->shape[0]);
    if (r->waiting && r->waiting_bytes + bytes > WAIT_BYTES && put_waiting(r) < 0)
        return -1;
    if (r->waiting && bytes <= WAIT_BYTES) {
        memcpy(r->waiting + r->waiting_bytes, data, (size_t)bytes);
        r->waiting_bytes += bytes;
    } else if (bytes && put_rows(r, r->done, count, data) < 0) {
        return -1;
    }
    va_hash_add(&r->hash, data, (size_t)bytes);
    r->done += count;
    return 0;
}

/* The number is known now, and no dataset has it: make one, and bring the rows to it. */
static int settle(struct va_h5_rows *r)
{
    const int64_t before = r->offset, placed = r->placed < r->done ? r->placed : r->done;
    const int64_t bytes = placed * r->row_bytes;
    hid_t dataset = r->dataset;

    r->dataset = H5I_INVALID_HID;
    if (dataset >= 0 &&
        (H5Dclose(dataset) < 0 || H5Ldelete(r->out->file.id, r->name, H5P_DEFAULT) < 0))
        return va_h5_write_failed(r->out, r->name);
    if (place(r, r->done) < 0)
        return -1;
    if (bytes && r->offset != before &&
        copy_bytes(r, output_of(r), before, r->offset, bytes) < 0)
        return -1;
    return copy_bytes(r, r->spool, 0, r->offset + bytes, r->done * r->row_bytes - bytes);
}

static int finish(struct va_h5_rows *r)
{
    hid_t dataset;

    if (r->out->failed || put_waiting(r) < 0)
        return -1;
    if (r->shape[0] >= 0 && r->done != r->shape[0])
        return va_error("%s: %s: found %lld rows, expected %lld", r->out->target, r->name,
                        (long long)r->done, (long long)r->shape[0]);
    if ((r->dataset < 0 || r->done != r->placed) && settle(r) < 0)
        return -1;
    dataset = r->dataset;
    r->dataset = H5I_INVALID_HID;
    if (H5Dclose(dataset) < 0)
        return va_h5_write_failed(r->out, r->name);
    return va_h5_note_written(r->out, r->name, r->type == VA_BF16, &r->hash);
}

int va_h5_rows_finish(struct va_h5_rows **handle)
{
    VA_H5_ALONE;
    struct va_h5_rows *r = *handle;
    int result = finish(r);

    *handle = NULL;
    if (result < 0)
        r->out->failed = true;
    free_rows(r);
    return result;
}
