#include "data/va_frame_files.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include "data/va_labels.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* ---- formats ---------------------------------------------------------------------------- */

static bool is_table(const char *head, size_t size)
{
    return va_output_begins(head, size, "frame\ttime\tvalence") ||
           va_output_begins(head, size, "frame,time,valence");
}

static int write_table(const char *path, int64_t T, const float *va, const double *pts)
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

static int write_labels(const char *path, int64_t T, const float *va, const double *pts)
{
    (void)pts;
    return va_labels_write(path, T, va);
}

static const struct format {
    const char *option, *ending;
    bool folder; /* one file is none of its places */
    va_output_ours *ours;
    int (*write)(const char *path, int64_t T, const float *va, const double *pts);
} formats[VA_FRAME_FORMATS] = {
    [VA_FRAME_LABELS] = { "--text-dir", "txt", true, va_labels_ours, write_labels },
    [VA_FRAME_TABLE] = { "--table", "tsv", false, is_table, write_table },
};

/* ---- places ----------------------------------------------------------------------------- */

static bool is_folder(int format, const char *where)
{
    struct stat st;

    return formats[format].folder || where[strlen(where) - 1] == '/' ||
           (stat(where, &st) == 0 && S_ISDIR(st.st_mode));
}

/* The file of a video, the caller's to free. NULL after reporting. */
static char *path_of(int format, const char *where, const char *source, const char *name)
{
    if (!is_folder(format, where))
        return va_strdup(where);
    if (!va_video_name_valid(name)) {
        va_error("%s: the video name '%s' cannot be a file name", source, name);
        return NULL;
    }
    return va_format("%s/%s.%s", where, name, formats[format].ending);
}

int va_frame_files_check(const struct va_frame_files *f, int64_t videos)
{
    for (int i = 0; i < VA_FRAME_FORMATS; i++)
        if (f->where[i] && videos > 1 && !is_folder(i, f->where[i]))
            return va_error("%s %s: %lld videos need a folder: end its name with / to make one",
                            formats[i].option, f->where[i], (long long)videos);
    return 0;
}

int va_frame_files_may(const struct va_frame_files *f, const char *source, const char *name)
{
    int status = 0;

    for (int i = 0; i < VA_FRAME_FORMATS && status == 0; i++)
        if (f->where[i]) {
            char *path = path_of(i, f->where[i], source, name);

            status = path ? va_output_check(path, formats[i].ours) : -1;
            va_free(path);
        }
    return status;
}

static int write_one(int format, const char *where, const char *source, const char *name,
                     int64_t T, const float *va, const double *pts)
{
    char *path = path_of(format, where, source, name);
    int status = -1;

    if (path && (!is_folder(format, where) || va_make_folder(where) == 0))
        status = formats[format].write(path, T, va, pts);
    va_free(path);
    return status;
}

int va_frame_files_write(const struct va_frame_files *f, const char *source, const char *name,
                         int64_t T, const float *va, const double *pts)
{
    for (int i = 0; i < VA_FRAME_FORMATS; i++)
        if (f->where[i] && write_one(i, f->where[i], source, name, T, va, pts) < 0)
            return -1;
    return 0;
}
