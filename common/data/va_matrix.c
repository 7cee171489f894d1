#include "data/va_matrix.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <string.h>

enum { BLOCK = 1 << 19 }; /* numbers */

/* ---- the columns of a CSV file --------------------------------------------------------- */

/* -1: none is named; -2 after reporting. */
static int64_t named(const struct va_matrix *m, const char *name, const char *option)
{
    int64_t at = name ? va_csv_column(&m->csv, name, option) : -1;

    return name && at < 0 ? -2 : at;
}

static int choose_columns(struct va_matrix *m, const struct va_matrix_how *how)
{
    bool *out = va_new(m->csv.columns, sizeof(*out));
    int64_t at;

    m->from = va_new(m->csv.columns, sizeof(*m->from));
    m->index_at = named(m, how->index_column, "--index-column");
    m->time_at = named(m, how->time_column, "--time-column");
    if (!out || !m->from || m->index_at < -1 || m->time_at < -1)
        goto failed;
    for (int64_t i = 0; i < how->drop.count; i++) {
        if ((at = named(m, how->drop.items[i], "--drop-column")) < 0)
            goto failed;
        out[at] = true;
    }
    if (m->csv.names && m->csv.columns > 1 && !*m->csv.names[0] && m->index_at != 0 &&
        m->time_at != 0 && !out[0]) {
        va_info("%s: column 1 has no name: left out, as the index of pandas", m->path);
        out[0] = true;
    }
    for (int64_t i = 0; i < m->csv.columns; i++)
        if (!out[i] && i != m->index_at && i != m->time_at)
            m->from[m->columns++] = i;
    va_free(out);
    return m->columns ? 0 : va_error("%s: found no column of features", m->path);
failed:
    va_free(out);
    return -1;
}

int va_matrix_open(struct va_matrix *m, const char *path, const struct va_matrix_how *how)
{
    int is_npy = va_npy_is(path);

    *m = (struct va_matrix){ .path = path, .rows = -1, .index_at = -1, .time_at = -1 };
    m->npy.bytes.fd = -1;
    if (is_npy < 0)
        return -1;
    m->is_npy = is_npy;
    if (!m->is_npy) {
        if (va_csv_open(&m->csv, path, (enum va_csv_header)how->header,
                        "a NumPy array (.npy) or a CSV file") < 0)
            return -1;
        m->skipped = m->csv.names ? 1 : 0;
        return choose_columns(m, how);
    }
    if (va_npy_open(&m->npy, path) < 0)
        return -1;
    m->rows = m->npy.rows;
    m->columns = m->npy.columns;
    if (how->index_column || how->time_column || how->drop.count)
        return va_error("%s: found a NumPy array, expected a CSV file: only its columns have "
                        "names",
                        path);
    return m->columns ? 0 : va_error("%s: found no column of features", path);
}

void va_matrix_close(struct va_matrix *m)
{
    if (m->is_npy)
        va_npy_close(&m->npy);
    else
        va_csv_close(&m->csv);
    va_free(m->from);
    m->from = NULL;
}

/* ---- rows ------------------------------------------------------------------------------ */

int64_t va_matrix_block(const struct va_matrix *m)
{
    return m->columns < BLOCK ? BLOCK / m->columns : 1;
}

/* A cell that may not be missing. */
static int take(const struct va_matrix *m, int64_t at, double *to)
{
    int got = at < 0 ? 0 : va_csv_number(&m->csv, at, to);

    return got > 0 ? va_csv_missing(&m->csv, at, "each row needs one") : got;
}

static int64_t next_of_csv(struct va_matrix *m, int64_t most, double *x, double *index,
                           double *time)
{
    int64_t n = 0;
    int got = 1;

    while (n < most && (got = va_csv_next(&m->csv)) > 0) {
        for (int64_t c = 0; c < m->columns; c++)
            if (va_csv_number(&m->csv, m->from[c], &x[n * m->columns + c]) < 0)
                return -1;
        if (take(m, m->index_at, &index[n]) < 0 || take(m, m->time_at, &time[n]) < 0)
            return -1;
        n++;
    }
    return got < 0 ? -1 : n;
}

int64_t va_matrix_next(struct va_matrix *m, int64_t most, double *x, double *index,
                       double *time)
{
    int64_t left = m->rows - m->done, n = left < most ? left : most;

    if (!m->is_npy)
        n = next_of_csv(m, most, x, index, time);
    else if (n && va_npy_read(&m->npy, m->done, n, x) < 0)
        return -1;
    if (n > 0)
        m->done += n;
    return n;
}

const char *va_matrix_place(const struct va_matrix *m, int64_t row, int64_t column, char *text,
                            size_t size)
{
    if (!m->is_npy)
        return va_csv_place(&m->csv, row + 1 + m->skipped, m->from[column], text, size);
    snprintf(text, size, "[%lld, %lld]", (long long)row, (long long)column);
    return text;
}

int va_matrix_column(const char *path, double **values, int64_t *count)
{
    static const struct va_matrix_how plain;
    struct va_matrix m;
    int64_t room = 0, n = -1;

    *values = NULL;
    *count = 0;
    if (va_matrix_open(&m, path, &plain) < 0)
        goto done;
    if (m.columns != 1) {
        va_error("%s: found %lld columns, expected one", path, (long long)m.columns);
        goto done;
    }
    do {
        n = va_grow(values, &room, *count + BLOCK, sizeof(**values));
        if (n == 0)
            n = va_matrix_next(&m, BLOCK, *values + *count, NULL, NULL);
        *count += n > 0 ? n : 0;
    } while (n > 0);
done:
    va_matrix_close(&m);
    if (n < 0) {
        va_free(*values);
        *values = NULL;
        *count = 0;
    }
    return n < 0 ? -1 : 0;
}
