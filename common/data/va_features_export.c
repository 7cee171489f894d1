/* Features as a NumPy array or a table of text. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include "data/va_features_import.h"
#include "data/va_npy.h"
#include "data/va_track.h"
#include "io/va_h5.h"
#include <stdlib.h>

enum { BLOCK = 1 << 19 }; /* numbers */

struct export
{
    struct va_h5_in *in;
    enum va_dtype type;
    int64_t shape[VA_RANK_MAX];
    int32_t *index;
    double *pts;
    void *rows; /* a block */
};

static bool is_our_csv(const char *head, size_t size)
{
    return va_output_begins(head, size, "frame,time,f0");
}

/* Arrays look alike, whoever wrote them: an earlier one stays without --force. */
static bool is_nobodys(const char *head, size_t size)
{
    (void)head, (void)size;
    return false;
}

/* The fewest digits that give the number back. */
static void put_time(FILE *f, double x)
{
    char text[32];

    snprintf(text, sizeof(text), "%.15g", x);
    if (strtod(text, NULL) != x)
        snprintf(text, sizeof(text), "%.17g", x);
    fputs(text, f);
}

/* ---- the rows -------------------------------------------------------------------------- */

static void put_csv(const struct export *e, FILE *f, int64_t first, int64_t count)
{
    const float *x = e->rows;

    for (int64_t r = 0; r < count; r++) {
        fprintf(f, "%d,", e->index[first + r]);
        put_time(f, e->pts[first + r]);
        for (int64_t c = 0; c < e->shape[1]; c++)
            fprintf(f, ",%.9g", (double)x[r * e->shape[1] + c]);
        fputc('\n', f);
    }
}

static void put_head(const struct export *e, FILE *f, bool csv)
{
    if (!csv) {
        va_npy_write_header(f, e->type == VA_F16 ? "<f2" : "<f4", e->shape[0], e->shape[1]);
        return;
    }
    fputs("frame,time", f);
    for (int64_t c = 0; c < e->shape[1]; c++)
        fprintf(f, ",f%lld", (long long)c);
    fputc('\n', f);
}

static int put_features(struct export *e, const char *to, bool csv)
{
    enum va_dtype as = csv ? VA_F32 : e->type;
    int64_t D = e->shape[1], step = D && D < BLOCK ? BLOCK / D : 1;
    struct va_textfile f;
    int result = 0;

    e->rows = va_new(step * D, sizeof(float));
    if (!e->rows || va_textfile_create(&f, to, csv ? is_our_csv : is_nobodys) < 0)
        return -1;
    put_head(e, f.stream, csv);
    for (int64_t i = 0; result == 0 && i < e->shape[0]; i += step) {
        int64_t n = e->shape[0] - i < step ? e->shape[0] - i : step;

        result = va_h5_read_rows(e->in, "/features", as, i, n, e->rows);
        if (result == 0 && csv)
            put_csv(e, f.stream, i, n);
        else if (result == 0)
            fwrite(e->rows, va_dtype_size(as), (size_t)(n * D), f.stream);
    }
    if (result == 0)
        return va_textfile_commit(&f); /* sees the errors of all writes before it */
    va_textfile_abort(&f);
    return -1;
}

static int put_vector(const char *to, const char *descr, const void *values, size_t size,
                      int64_t count)
{
    struct va_textfile f;

    if (va_textfile_create(&f, to, is_nobodys) < 0)
        return -1;
    va_npy_write_header(f.stream, descr, count, 0);
    fwrite(values, size, (size_t)count, f.stream);
    return va_textfile_commit(&f);
}

int va_features_export(const char *from, const char *to, bool csv, const char *index,
                       const char *times)
{
    struct export e = { 0 };
    struct va_track track;
    int rank, result = -1, status = va_track_read(&track, from, false); /* looks at all of it */

    va_track_release(&track);
    e.in = status < 0 ? NULL : va_h5_open(from, "va.features/1");
    if (e.in && va_h5_shape(e.in, "/features", &e.type, &rank, e.shape) == 0 &&
        (e.index = va_h5_read(e.in, "/index", VA_I32)) &&
        (e.pts = va_h5_read(e.in, "/pts", VA_F64)))
        result = put_features(&e, to, csv);
    if (result == 0 && index)
        result = put_vector(index, "<i4", e.index, sizeof(*e.index), e.shape[0]);
    if (result == 0 && times)
        result = put_vector(times, "<f8", e.pts, sizeof(*e.pts), e.shape[0]);
    va_free(e.rows);
    va_free(e.index);
    va_free(e.pts);
    va_h5_close(e.in);
    return result;
}
