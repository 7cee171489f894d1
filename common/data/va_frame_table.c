#include "data/va_frame_table.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *where)
{
    struct stat st;
    size_t n = strlen(where);

    return where[n - 1] == '/' || (stat(where, &st) == 0 && S_ISDIR(st.st_mode));
}

int va_frame_table_check(const char *where, int64_t videos)
{
    if (videos > 1 && !is_folder(where))
        return va_error(
            "--table %s: %lld videos need a folder: end its name with / to make one", where,
            (long long)videos);
    return 0;
}

/* Whether a file begins as a table of ours. */
static bool is_table(const char *head, size_t size)
{
    return va_output_begins(head, size, "frame\ttime\tvalence") ||
           va_output_begins(head, size, "frame,time,valence");
}

static int write_file(const char *path, int64_t T, const float *va, const double *pts)
{
    const char *dot = strrchr(path, '.');
    char comma = dot && !strcmp(dot, ".csv") ? ',' : '\t';
    struct va_textfile f;

    if (va_textfile_create(&f, path, is_table) < 0)
        return -1;
    fprintf(f.stream, "frame%ctime%cvalence%carousal\n", comma, comma, comma);
    for (int64_t t = 0; t < T; t++) {
        fprintf(f.stream, "%lld%c", (long long)t + 1, comma);
        if (pts && isfinite(pts[t]))
            fprintf(f.stream, "%.6f", pts[t]);
        fprintf(f.stream, "%c%.6f%c%.6f\n", comma, (double)va[2 * t], comma,
                (double)va[2 * t + 1]);
    }
    return va_textfile_commit(&f);
}

/* The file of a video's table, the caller's to free. NULL after reporting. */
static char *path_of(const char *where, const char *source, const char *name)
{
    if (!is_folder(where))
        return va_strdup(where);
    if (!va_video_name_valid(name)) {
        va_error("%s: the video name '%s' cannot be a file name", source, name);
        return NULL;
    }
    return va_format("%s/%s.tsv", where, name);
}

int va_frame_table_may(const char *where, const char *source, const char *name)
{
    char *path = path_of(where, source, name);
    int status = path ? va_output_check(path, is_table) : -1;

    va_free(path);
    return status;
}

int va_frame_table_write(const char *where, const char *source, const char *name, int64_t T,
                         const float *va, const double *pts)
{
    char *path = path_of(where, source, name);
    int status = -1;

    if (path && (!is_folder(where) || va_make_folder(where) == 0))
        status = write_file(path, T, va, pts);
    va_free(path);
    return status;
}
