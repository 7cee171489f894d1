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

static int put_features(struct export *e, FILE *f, bool csv)
{
    enum va_dtype as = csv ? VA_F32 : e->type;
    int64_t D = e->shape[1], step = D && D < BLOCK ? BLOCK / D : 1;

    e->rows = va_new(step * D, sizeof(float));
    if (!e->rows)
        return -1;
    put_head(e, f, csv);
    for (int64_t i = 0; i < e->shape[0]; i += step) {
        int64_t n = e->shape[0] - i < step ? e->shape[0] - i : step;

        if (va_h5_read_rows(e->in, "/features", as, i, n, e->rows) < 0)
            return -1;
        if (csv)
            put_csv(e, f, i, n);
        else
            fwrite(e->rows, va_dtype_size(as), (size_t)(n * D), f);
    }
    return 0;
}

static void put_vector(FILE *f, const char *descr, const void *values, size_t size,
                       int64_t count)
{
    va_npy_write_header(f, descr, count, 0);
    fwrite(values, size, (size_t)count, f);
}

/* An array does not say which frames its rows are. */
static void tell_gaps(const struct export *e, const char *to)
{
    int64_t n = e->shape[0];

    if (n && e->index[n - 1] != n)
        va_warn("%s: its %lld rows are not frames 1 to %lld: give --index FILE to keep their "
                "numbers",
                to, (long long)n, (long long)n);
}

/* ---- the files: all of them, or none ----------------------------------------------------- */

enum { FEATURES, INDEX, TIMES, FILES };

/* Write what is asked for, and see that it is written. */
static int put_all(struct export *e, struct va_textfile f[FILES], bool csv)
{
    if (put_features(e, f[FEATURES].stream, csv) < 0)
        return -1;
    if (f[INDEX].stream)
        put_vector(f[INDEX].stream, "<i4", e->index, sizeof(*e->index), e->shape[0]);
    if (f[TIMES].stream)
        put_vector(f[TIMES].stream, "<f8", e->pts, sizeof(*e->pts), e->shape[0]);
    for (int i = 0; i < FILES; i++)
        if (f[i].stream)
            (void)fflush(f[i].stream); /* commit looks at the mark that a failure leaves */
    for (int i = 0; i < FILES; i++)
        if (f[i].stream && ferror(f[i].stream))
            return va_textfile_commit(&f[i]);
    return 0;
}

static int put_files(struct export *e, const char *const to[FILES], bool csv)
{
    struct va_textfile f[FILES] = { { 0 } };
    int result = 0;

    for (int i = 0; i < FILES && result == 0; i++)
        if (to[i])
            result = va_textfile_create(&f[i], to[i],
                                        i == FEATURES && csv ? is_our_csv : is_nobodys);
    if (result == 0)
        result = put_all(e, f, csv);
    for (int i = 0; i < FILES; i++)
        if (f[i].stream && result == 0)
            result = va_textfile_commit(&f[i]);
        else if (f[i].stream)
            va_textfile_abort(&f[i]);
    return result;
}

int va_features_export(const char *from, const char *to, bool csv, const char *index,
                       const char *times)
{
    struct export e = { 0 };
    struct va_track track;
    int rank, result = -1, status;

    e.in = va_h5_open(from, "va.features/1");
    if (!e.in)
        return -1;
    status = va_track_read(&track, e.in, false); /* looks at all of it */
    va_track_release(&track);
    if (status == 0 && va_h5_shape(e.in, "/features", &e.type, &rank, e.shape) == 0 &&
        (e.index = va_h5_read(e.in, "/index", VA_I32)) &&
        (e.pts = va_h5_read(e.in, "/pts", VA_F64)))
        result = put_files(&e, (const char *const[FILES]){ to, index, times }, csv);
    if (result == 0 && !csv && !index)
        tell_gaps(&e, to);
    va_free(e.rows);
    va_free(e.index);
    va_free(e.pts);
    va_h5_close(e.in);
    return result;
}
