/*
 * What is open: a file of its own (va_h5_read.c), or a video of a shard (va_h5_shard.c). Both are read by the same calls.
 */
#include "base/va_output.h"
#include "io/va_h5_priv.h"
#include <string.h>
#include <sys/stat.h>

struct va_h5_in *va_h5_open(const char *path, const char *schema)
{
    VA_H5_ALONE;

    return va_shard_in_path(path) ? va_shard_open_path(path, schema)
                                  : va_h5_file_open(path, schema);
}

void va_h5_rest(struct va_h5_in *in)
{
    VA_H5_ALONE;

    if (in->shard)
        va_shard_rest(in);
    else
        va_h5_file_rest(in);
}

int va_h5_wake(struct va_h5_in *in)
{
    VA_H5_ALONE;

    return in->shard ? va_shard_wake(in) : va_h5_file_wake(in);
}

void va_h5_close(struct va_h5_in *in)
{
    VA_H5_ALONE;

    if (in && in->shard)
        va_shard_close(in);
    else
        va_h5_file_close(in);
}

/* The file that holds the bytes. */
static struct va_h5_in *file_of(const struct va_h5_in *in)
{
    return in->shard ? va_shard_file(in->shard) : (struct va_h5_in *)in;
}

const void *va_h5_map(struct va_h5_in *in, const char *name, enum va_dtype type)
{
    VA_H5_ALONE;
    const struct va_h5_object *o = va_h5_find(&in->file, name);
    struct va_h5_in *file = file_of(in);

    if (!o || !o->dataset || o->strings || o->type != type || o->offset < 0 ||
        o->offset % (int64_t)va_dtype_size(type))
        return NULL;
    va_h5_file_map(file);
    return file->map.begin ? (const uint8_t *)file->map.begin + o->offset : NULL;
}

int va_h5_unchanged(const struct va_h5_in *in)
{
    const struct va_h5_in *file = file_of(in);

    return file->map.begin ? va_stored_look(&file->bytes, file->path) : 0;
}

/* ---- features --------------------------------------------------------------------------------- */

bool va_h5_is_shard(const char *path)
{
    static const char schema[] = "va.corpus/";
    char head[VA_OUTPUT_HEAD + 1];
    struct stat st;
    int64_t n = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? va_output_head(path, head) : 0;
    const char *found;

    head[n > 0 ? n : 0] = '\0';
    found = n > 0 ? va_h5_find_schema(head, (size_t)n) : NULL;
    return found && !strncmp(found, schema, sizeof(schema) - 1);
}

static int call(struct va_h5_in *in, va_h5_features_fn *fn, void *arg)
{
    int status = in ? fn(arg, in) : -1;

    if (status == 1)
        return 0; /* it is the caller's */
    va_h5_close(in);
    return status;
}

int va_h5_each_features(const char *path, va_h5_features_fn *fn, void *arg)
{
    struct va_shard *s;
    int status = 0;

    if (!va_h5_is_shard(path))
        return call(va_h5_open(path, "va.features/1"), fn, arg);
    s = va_shard_begin_all(path);
    if (!s)
        return -1;
    for (int64_t v = 0; status == 0 && v < va_shard_count(s); v++)
        status = call(va_shard_open_next(s, v), fn, arg);
    va_shard_end_all(s);
    return status;
}
