/*
 * va-features info - size, rate and values of features.
 */
#include "tools/features/va_features.h"

#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "base/va_tool.h"
#include "data/va_matrix.h"
#include "data/va_track.h"
#include "io/va_h5.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct va_usage va_features_info_usage = {
    .synopsis = "FILE...",
    .brief = "print size, rate and values of features as a table",
    .details =
        "FILE is a va.features/1 file, a shard of va-pack or a video of it (SHARD.h5/NAME), a NumPy array (.npy) or a CSV file. The table on standard "
        "output has a row per video or file, with columns separated by tabs: file, video, rows, columns, "
        "type, frames (of the video), fps, least, most and mean value, encoder, precision (as the "
        "provenance names it; without --precision, va-embed uses f32). Unknown values are -.",
};

struct values {
    double least, most, sum;
    int64_t count;
};

static void add(struct values *v, double x)
{
    v->least = fmin(v->least, x);
    v->most = fmax(v->most, x);
    v->sum += x; /* NaN where a number is missing */
    v->count++;
}

/* Before the first row. */
static void begin_row(const char *path)
{
    static bool begun;

    if (!begun)
        puts(
            "file\tvideo\trows\tcolumns\ttype\tframes\tfps\tleast\tmost\tmean\tencoder\tprecision");
    begun = true;
    va_text_put(path, stdout);
}

static void put_values(const struct values *v)
{
    if (v->count)
        printf("\t%.6g\t%.6g\t%.6g\t", v->least, v->most, v->sum / (double)v->count);
    else
        printf("\t-\t-\t-\t");
}

/* The last column: what --precision was in the command. */
static int put_precision(struct va_h5_in *in)
{
    static const char option[] = " --precision ";
    char **lines = NULL;
    int64_t count = 0;
    const char *at = NULL;

    if (va_h5_has_attribute(in, NULL, "provenance") &&
        va_h5_get_strings(in, NULL, "provenance", &lines, &count) < 0)
        return -1;
    for (int64_t i = 0; i < count && !at; i++)
        if (!strncmp(lines[i], "arguments=", 10))
            at = strstr(lines[i], option);
    if (at)
        at += strlen(option);
    printf("\t%.*s\n", at ? (int)strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789") : 1,
           at ? at : "-");
    va_h5_free_strings(lines, count);
    return 0;
}

struct telling {
    struct values v;
    int64_t dim;
};

static int add_block(void *arg, const struct va_track_block *b)
{
    struct telling *t = arg;

    for (int64_t k = 0; k < b->count * t->dim; k++)
        add(&t->v, (double)b->x[k]);
    return 0;
}

static int tell_features(void *unused, struct va_h5_in *in)
{
    struct telling all = { .v = { .least = INFINITY, .most = -INFINITY } };
    struct va_track t;
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank, result = va_track_head(&t, in, false);

    (void)unused;
    all.dim = t.dim;
    if (result == 0)
        result = va_h5_shape(in, "/features", &type, &rank, shape);
    if (result == 0)
        result = va_track_each(&t, in, false, add_block, &all);
    if (result == 0) {
        begin_row(va_h5_path(in));
        printf("\t%s\t%lld\t%lld\t%s\t%lld\t", t.name, (long long)t.rows, (long long)t.dim,
               va_dtype_names[type], (long long)t.frame_count);
        printf(t.fps > 0 ? "%.6g" : "-", t.fps);
        put_values(&all.v);
        va_text_put(t.encoder ? t.encoder : "-", stdout);
        result = put_precision(in);
    }
    va_track_release(&t);
    return result;
}

static int tell_matrix(const char *path)
{
    static const struct va_matrix_how plain;
    struct values v = { .least = INFINITY, .most = -INFINITY };
    struct va_matrix m;
    int64_t n = va_matrix_open(&m, path, &plain), step = n < 0 ? 0 : va_matrix_block(&m);
    double *x = n < 0 ? NULL : va_new(step * m.columns, sizeof(*x));

    n = x ? 0 : -1;
    while (x && (n = va_matrix_next(&m, step, x, NULL, NULL)) > 0)
        for (int64_t k = 0; k < n * m.columns; k++)
            add(&v, x[k]);
    if (n == 0) {
        begin_row(path);
        printf("\t-\t%lld\t%lld\t%s\t-\t-", (long long)m.done, (long long)m.columns,
               m.is_npy ? m.npy.kind : "text");
        put_values(&v);
        puts("-\t-");
    }
    va_free(x);
    va_matrix_close(&m);
    return n < 0 ? -1 : 0;
}

int va_features_info_main(int argc, char **argv)
{
    const struct va_option table[] = { VA_OPT_FILES_FROM(), VA_OPT_END };
    int status, result = 0;
    char **files = va_options_parse(table, &va_features_info_usage, argc, argv, &status);

    if (!files)
        return status;
    if (!files[0]) {
        va_usage_error(&status, "expected at least one file of features");
        return status;
    }
    for (char **f = files; result == 0 && *f; f++)
        result = va_h5_named(*f) || va_is_folder(*f)
                     ? va_h5_each_features(*f, tell_features, NULL)
                     : tell_matrix(*f);
    return va_tool_status(result);
}
