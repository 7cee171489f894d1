#include "data/va_frame_files.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include "base/va_tool.h"
#include "data/va_labels.h"
#include <string.h>

bool va_frame_files_check_options(const struct va_frame_files *f, int *status)
{
    if (f->format != VA_TABLE_AUTO && !f->where[VA_FRAME_TABLE])
        return va_usage_error(status, "--format needs --table FILE|DIR");
    return true;
}

static bool is_folder(int place, const char *where)
{
    return place == VA_FRAME_LABELS || where[strlen(where) - 1] == '/' || va_is_folder(where);
}

/* The file of a video, the caller's to free. NULL after reporting. */
static char *path_of(const struct va_frame_files *f, int place, const char *source,
                     const char *name)
{
    const char *where = f->where[place];

    if (!is_folder(place, where))
        return va_strdup(where);
    if (!va_video_name_valid(name)) {
        va_error("%s: the video name '%s' cannot be a file name", source, name);
        return NULL;
    }
    return va_format(
        "%s/%s.%s", where, name,
        place == VA_FRAME_LABELS ? "txt" : va_table_ending((enum va_table_format)f->format));
}

int va_frame_files_may(const struct va_frame_files *f, const char *source, const char *name)
{
    static va_output_ours *const ours[] = {
        [VA_FRAME_LABELS] = va_labels_ours, [VA_FRAME_TABLE] = va_frame_table_ours
    };
    int status = 0;

    for (int i = 0; i < VA_FRAME_PLACES && status == 0; i++)
        if (f->where[i]) {
            char *path = path_of(f, i, source, name);

            status = path ? va_output_check(path, ours[i]) : -1;
            va_free(path);
        }
    return status;
}

static int write_labels(const struct va_frame_files *f, const char *source,
                        const struct va_frame_values *v)
{
    char *path = path_of(f, VA_FRAME_LABELS, source, v->name);
    int status = path && va_make_folder(f->where[VA_FRAME_LABELS]) == 0
                     ? va_labels_write(path, v->T, v->va)
                     : -1;

    va_free(path);
    return status;
}

static struct va_frame_table *begin_table(const struct va_frame_files *f, const char *path)
{
    return path ? va_frame_table_create(path, (enum va_table_format)f->format) : NULL;
}

static int write_own_table(const struct va_frame_files *f, const char *source,
                           const struct va_frame_values *v)
{
    char *path = path_of(f, VA_FRAME_TABLE, source, v->name);
    struct va_frame_table *t = path && va_make_folder(f->where[VA_FRAME_TABLE]) == 0
                                   ? begin_table(f, path)
                                   : NULL;
    int status = t && va_frame_table_add(t, source, v) == 0 ? va_frame_table_commit(&t) : -1;

    va_frame_table_abort(&t);
    va_free(path);
    return status;
}

int va_frame_files_write(struct va_frame_files *f, const char *source,
                         const struct va_frame_values *v)
{
    const char *table = f->where[VA_FRAME_TABLE];

    if (f->where[VA_FRAME_LABELS] && write_labels(f, source, v) < 0)
        return -1;
    if (!table)
        return 0;
    if (is_folder(VA_FRAME_TABLE, table))
        return write_own_table(f, source, v);
    if (!f->table)
        f->table = begin_table(f, table);
    return f->table ? va_frame_table_add(f->table, source, v) : -1;
}

int va_frame_files_commit(struct va_frame_files *f)
{
    return f->table ? va_frame_table_commit(&f->table) : 0;
}

void va_frame_files_abort(struct va_frame_files *f)
{
    va_frame_table_abort(&f->table);
}
