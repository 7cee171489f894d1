#include "data/va_frame_table.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
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
        return va_error("--table %s: %lld videos, expected a folder for their tables", where,
                        (long long)videos);
    return 0;
}

static int write_file(const char *path, int64_t T, const float *va, const double *pts)
{
    const char *dot = strrchr(path, '.');
    char comma = dot && !strcmp(dot, ".csv") ? ',' : '\t';
    struct va_textfile f;

    if (va_textfile_create(&f, path) < 0)
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

int va_frame_table_write(const char *where, const char *source, const char *name, int64_t T,
                         const float *va, const double *pts)
{
    char *path;
    int status;

    if (!is_folder(where))
        return write_file(where, T, va, pts);
    if (!va_video_name_valid(name))
        return va_error("%s: the video's name '%s' cannot be that of a file", source, name);
    if (va_make_folder(where) < 0 || !(path = va_format("%s/%s.tsv", where, name)))
        return -1;
    status = write_file(path, T, va, pts);
    va_free(path);
    return status;
}
