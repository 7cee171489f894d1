/*
 * Datasets written row by row. Where the number of rows is known they go straight to their
 * place. Where it is not (a stream), a contiguous dataset cannot be begun: rows are spooled to
 * a file without a name in the output's folder and copied in at the end, so memory stays small.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 22 };

struct va_h5_rows {
    struct va_h5_out *out;
    struct va_h5_rows *next;
    char *name;
    enum va_dtype type;
    int rank;
    int64_t shape[VA_RANK_MAX]; /* shape[0]: rows wanted, -1 where unknown */
    int64_t row_bytes, done;
    hid_t dataset; /* while the number is known */
    int spool;     /* descriptor, or -1 */
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
    va_free(r->name);
    va_free(r);
}

void va_h5_rows_drop(struct va_h5_out *out)
{
    while (out->rows)
        free_rows(out->rows);
}

static hid_t create(struct va_h5_rows *r)
{
    hid_t type = va_h5_stored_type(r->type);

    r->dataset = va_h5_create_dataset(r->out, r->name, type, r->rank, r->shape);
    H5Tclose(type);
    return r->dataset;
}

struct va_h5_rows *va_h5_rows_begin(struct va_h5_out *out, const char *name, enum va_dtype type,
                                    int rank, const int64_t *shape)
{
    VA_H5_ALONE;
    struct va_h5_rows *r = va_new(1, sizeof(*r));

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
    if (!r->name)
        goto failed;
    if (shape[0] >= 0 ? create(r) < 0 : (r->spool = va_tempfile_spool(out->temp)) < 0)
        goto failed;
    return r;
failed:
    free_rows(r);
    return NULL;
}

/* Write rows [first, first + count) of the dataset. */
static int put_rows(struct va_h5_rows *r, int64_t first, int64_t count, const void *data)
{
    hid_t type = va_h5_stored_type(r->type), space = H5Dget_space(r->dataset), memory;
    hsize_t start[VA_RANK_MAX] = { (hsize_t)first }, size[VA_RANK_MAX];
    herr_t failed;

    for (int i = 0; i < r->rank; i++)
        size[i] = (hsize_t)(i ? r->shape[i] : count);
    memory = H5Screate_simple(r->rank, size, NULL);
    failed = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
    if (failed >= 0)
        failed = H5Dwrite(r->dataset, type, memory, space, H5P_DEFAULT, data);
    if (failed < 0)
        va_h5_write_failed(r->out, r->name);
    H5Sclose(memory);
    H5Sclose(space);
    H5Tclose(type);
    return failed < 0 ? -1 : 0;
}

static int spool_write(struct va_h5_rows *r, const void *data, int64_t bytes)
{
    const char *p = data;

    while (bytes) {
        ssize_t n = write(r->spool, p, (size_t)bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r->out->failed = true;
            return va_error_write(r->out->target, "write");
        }
        p += n;
        bytes -= n;
    }
    return 0;
}

int va_h5_rows_append(struct va_h5_rows *r, int64_t count, const void *data)
{
    VA_H5_ALONE;
    int64_t bytes = count * r->row_bytes;

    if (r->out->failed)
        return -1;
    if (bytes == 0) {
        r->done += count;
        return 0;
    }
    if (r->shape[0] >= 0 && count > r->shape[0] - r->done)
        return va_error("%s: %s: more than the %lld rows that were announced", r->out->target,
                        r->name, (long long)r->shape[0]);
    if (r->spool >= 0 ? spool_write(r, data, bytes) : put_rows(r, r->done, count, data))
        return -1;
    va_hash_add(&r->hash, data, (size_t)bytes);
    r->done += count;
    return 0;
}

static int spool_read(struct va_h5_rows *r, char *data, int64_t bytes, int64_t at)
{
    int64_t n = va_input_read(r->spool, data, bytes, at);

    if (n == bytes)
        return 0;
    r->out->failed = true;
    errno = n < 0 ? errno : EIO;
    return va_error_write(r->out->target, "read back rows of");
}

/* The number is known now: make the dataset and copy the rows into it. */
static int unspool(struct va_h5_rows *r)
{
    int64_t step = r->row_bytes && r->row_bytes < COPY_BYTES ? COPY_BYTES / r->row_bytes : 1;
    void *block;
    int result = 0;

    r->shape[0] = r->done;
    if (create(r) < 0)
        return -1;
    if (r->done * r->row_bytes == 0)
        return 0;
    block = va_new(step, (size_t)r->row_bytes);
    if (!block)
        return -1;
    for (int64_t first = 0; first < r->done && result == 0; first += step) {
        int64_t count = r->done - first < step ? r->done - first : step;

        result = spool_read(r, block, count * r->row_bytes, first * r->row_bytes);
        if (result == 0)
            result = put_rows(r, first, count, block);
    }
    va_free(block);
    return result;
}

int va_h5_rows_finish(struct va_h5_rows **handle)
{
    VA_H5_ALONE;
    struct va_h5_rows *r = *handle;
    struct va_h5_out *out = r->out;
    int result = -1;
    hid_t dataset;

    *handle = NULL;
    if (out->failed || (r->spool >= 0 && unspool(r) < 0))
        goto done;
    if (r->done != r->shape[0]) {
        va_error("%s: %s: found %lld rows, expected %lld", out->target, r->name,
                 (long long)r->done, (long long)r->shape[0]);
        goto done;
    }
    dataset = r->dataset;
    r->dataset = H5I_INVALID_HID;
    if (H5Dclose(dataset) < 0)
        va_h5_write_failed(out, r->name);
    else
        result = va_h5_note_written(out, r->name, r->type == VA_BF16, &r->hash);
done:
    if (result < 0)
        out->failed = true;
    free_rows(r);
    return result;
}
