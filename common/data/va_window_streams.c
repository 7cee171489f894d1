/*
 * Named streams of an index: their order, and the datasets in a file. Each is an index of its own over the
 * same videos, so that rows, policies and files are treated as those of a single stream are.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_window_index_priv.h"
#include "io/va_h5.h"
#include <string.h>

bool va_timeline_entry_sound(const struct va_timeline_entry *e, bool streams)
{
    bool labelled = e->label[0] >= -1 && e->label[0] <= 1 && e->label[1] >= -1 &&
                    e->label[1] <= 1;

    return e->row >= -1 && e->next >= -1 && e->mix >= 0 && e->mix <= 1 &&
           (e->next < 0 || e->row >= 0) && e->present <= 1 && e->valid <= 1 &&
           (streams ? e->row < 0 : !e->present || e->row >= 0) && (!e->valid || labelled) &&
           (labelled || (e->label[0] == -5 && e->label[1] == -5));
}

/* ---- the order of a model ------------------------------------------------------------------- */

void va_window_index_shape(const struct va_window_index *index, struct va_streams *shape)
{
    *shape = (struct va_streams){ .count = index->stream_count };
    for (int64_t k = 0; k < index->stream_count; k++) {
        memcpy(shape->items[k].name, index->streams[k].name, VA_STREAM_NAME);
        shape->items[k].dim = index->streams[k].dim;
    }
}

/* Take stream `wanted` out of the old order. */
static int take(struct va_index_stream *from, int64_t count,
                const struct va_stream_shape *wanted, struct va_index_stream *to)
{
    *to = (struct va_index_stream){ .dim = wanted->dim };
    memcpy(to->name, wanted->name, VA_STREAM_NAME);
    for (int64_t i = 0; i < count; i++)
        if (from[i].files && !strcmp(from[i].name, wanted->name)) {
            *to = from[i];
            from[i].files = NULL;
        }
    return 0;
}

int va_window_index_arrange(struct va_window_index *index, const struct va_streams *wanted,
                            bool may_lack, const char *path)
{
    struct va_index_stream old[VA_STREAMS_MAX];
    char expected[VA_STREAMS_TEXT], found[VA_STREAMS_TEXT];
    struct va_streams shape;

    va_window_index_shape(index, &shape);
    va_streams_text(wanted, expected);
    va_streams_text(&shape, found);
    if (!wanted->count != !shape.count)
        return wanted->count
                   ? va_error("%s: expects the streams %s, but the input has no named streams: "
                              "give --stream NAME=DIR",
                              path, expected)
                   : va_error("%s: expects features without names, but the input has the "
                              "streams %s",
                              path, found);
    for (int64_t k = 0; k < shape.count; k++) {
        int64_t at = va_streams_find(wanted, shape.items[k].name);

        if (at < 0 && index->streams[k].files)
            return va_error("%s: expects the streams %s, but the input has %s, too", path,
                            expected, shape.items[k].name);
        if (at >= 0 && index->streams[k].files && wanted->items[at].dim != shape.items[k].dim)
            return va_error("%s: stream %s: expects %lld features per frame, but the input has "
                            "%lld",
                            path, shape.items[k].name, (long long)wanted->items[at].dim,
                            (long long)shape.items[k].dim);
    }
    memcpy(old, index->streams, sizeof(old));
    for (int64_t k = 0; k < wanted->count; k++)
        if (take(old, index->stream_count, &wanted->items[k], &index->streams[k]) < 0)
            return -1;
    index->stream_count = wanted->count;
    for (int64_t k = 0; k < wanted->count && !may_lack; k++)
        if (!index->streams[k].files)
            return va_error("%s: expects the streams %s, but the input has no %s, and it was "
                            "trained without --stream-dropout",
                            path, expected, wanted->items[k].name);
    if (wanted->count)
        index->dim = va_streams_columns(wanted);
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* One field of all entries of all streams, as /streams/NAME [S, F]. */
static int write_field(struct va_h5_out *out, const struct va_window_index *index,
                       const char *name, enum va_dtype type, size_t offset)
{
    int64_t shape[] = { index->stream_count, index->entry_count };
    size_t size = va_dtype_size(type);
    struct va_h5_rows *rows = va_h5_rows_begin(out, name, type, 2, shape);
    char *packed = rows ? va_new(index->entry_count, size) : NULL;
    int status = packed ? 0 : -1;

    for (int64_t k = 0; status == 0 && k < index->stream_count; k++) {
        const struct va_timeline_entry *e = index->streams[k].files->timeline;

        for (int64_t i = 0; i < index->entry_count; i++)
            memcpy(packed + (size_t)i * size, (const char *)&e[i] + offset, size);
        status = va_h5_rows_append(rows, 1, packed);
    }
    va_free(packed);
    return rows && va_h5_rows_finish(&rows) == 0 ? status : -1;
}

/* Paths and ids of all videos of all streams, "" where a stream lacks one. */
static int write_files(struct va_h5_out *out, const struct va_window_index *index,
                       const char *path)
{
    int64_t V = index->video_count, n = index->stream_count * V;
    char **file = va_new(n, sizeof(*file));
    const char **id = va_new(n, sizeof(*id));
    int status = file && id ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < n; i++) {
        const struct va_index_video *v = &index->streams[i / V].files->videos[i % V];

        id[i] = v->features ? v->features_id : "";
        file[i] = v->features ? va_path_relative_to(v->features, path) : va_strdup("");
        if (!file[i] || (v->features && strcmp(id[i], index->videos[i % V].features_id) &&
                         va_h5_add_input(out, file[i], id[i]) < 0))
            status = -1;
    }
    if (status == 0 &&
        (va_h5_write_strings(out, "/streams/features", n, (const char *const *)file) < 0 ||
         va_h5_write_strings(out, "/streams/features_id", n, id) < 0))
        status = -1;
    for (int64_t i = 0; file && i < n; i++)
        va_free(file[i]);
    va_free(file);
    va_free(id);
    return status;
}

int va_streams_write(struct va_h5_out *out, const struct va_window_index *index,
                     const char *path)
{
    const char *name[VA_STREAMS_MAX], *missing[VA_STREAMS_MAX];

    for (int64_t k = 0; k < index->stream_count; k++) {
        name[k] = index->streams[k].name;
        missing[k] = va_missing_names[index->streams[k].files->missing];
    }
#define FIELD(field, type) \
    write_field(out, index, "/streams/" #field, type, offsetof(struct va_timeline_entry, field))
    if (va_h5_write_strings(out, "/streams/name", index->stream_count, name) < 0 ||
        va_h5_write_strings(out, "/streams/missing", index->stream_count, missing) < 0 ||
        write_files(out, index, path) < 0 || FIELD(row, VA_I32) < 0 ||
        FIELD(next, VA_I32) < 0 || FIELD(mix, VA_F32) < 0 || FIELD(present, VA_U8) < 0)
        return -1;
#undef FIELD
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* One field of the entries of stream k; its shape was checked. */
static int read_field(struct va_h5_in *in, struct va_window_index *files, int64_t k,
                      const char *name, enum va_dtype type, size_t offset)
{
    size_t size = va_dtype_size(type);
    char *packed = va_new(files->entry_count, size);
    int status = packed ? 0 : -1;

    if (status == 0 && files->entry_count)
        status = va_h5_read_rows(in, name, type, k, 1, packed);
    for (int64_t i = 0; status == 0 && i < files->entry_count; i++)
        memcpy((char *)&files->timeline[i] + offset, packed + (size_t)i * size, size);
    va_free(packed);
    return status;
}

static int read_entries(struct va_h5_in *in, struct va_window_index *files, int64_t k)
{
#define FIELD(field, type)                             \
    read_field(in, files, k, "/streams/" #field, type, \
               offsetof(struct va_timeline_entry, field))
    if (FIELD(row, VA_I32) < 0 || FIELD(next, VA_I32) < 0 || FIELD(mix, VA_F32) < 0 ||
        FIELD(present, VA_U8) < 0)
        return -1;
#undef FIELD
    for (int64_t i = 0; i < files->entry_count; i++) {
        files->timeline[i].label[0] = files->timeline[i].label[1] = (float)VA_UNLABELLED;
        if (!va_timeline_entry_sound(&files->timeline[i], false))
            return va_error("%s: /streams: entry %lld of stream %lld contradicts itself or is "
                            "out of range",
                            va_h5_path(in), (long long)i, (long long)k);
    }
    return 0;
}

/* A stream with the videos of the whole, whose files it has yet to get. */
static struct va_window_index *like(const struct va_window_index *index, const char *path,
                                    enum va_missing missing)
{
    struct va_window_index *files = va_window_index_new(0, 1, VA_TAIL_PAD, missing,
                                                        VA_LEADING_KEEP);
    int64_t V = index->video_count;

    if (!files || !(files->path = va_strdup(path)) ||
        !(files->videos = va_new(V, sizeof(*files->videos))) ||
        !(files->timeline = va_new(index->entry_count, sizeof(*files->timeline)))) {
        va_window_index_free(files);
        return NULL;
    }
    files->entry_count = files->entry_room = index->entry_count;
    files->video_count = files->video_room = V;
    for (int64_t i = 0; i < V; i++) {
        files->videos[i] = (struct va_index_video){ .first = index->videos[i].first,
                                                    .frames = index->videos[i].frames,
                                                    .name = va_strdup(index->videos[i].name) };
        if (!files->videos[i].name) {
            va_window_index_free(files);
            return NULL;
        }
    }
    return files;
}

/* Entries of a video without a file name no rows. */
static int check_absent(const struct va_window_index *files, const struct va_index_video *v)
{
    for (int64_t i = 0; i < v->frames; i++)
        if (files->timeline[v->first + i].row >= 0)
            return va_error("%s: /streams/row: video '%s': found a row, but no file",
                            files->path, v->name);
    return 0;
}

static int take_files(struct va_window_index *files, char **file, char **id)
{
    for (int64_t i = 0; i < files->video_count; i++) {
        struct va_index_video *v = &files->videos[i];

        if (!*file[i]) {
            if (check_absent(files, v) < 0)
                return -1;
            continue;
        }
        v->features = va_path_seen_from_here(file[i], files->path);
        v->features_id = va_strdup(id[i]);
        if (!v->features || !v->features_id)
            return -1;
    }
    return 0;
}

static int find_policy(const char *name)
{
    for (int i = 0; va_missing_names[i]; i++)
        if (!strcmp(va_missing_names[i], name))
            return i;
    return -1;
}

/* Sizes of all datasets, before anything is read by them. */
static int check_shapes(struct va_h5_in *in, int64_t S, int64_t F)
{
    static const char *const fields[] = { "/streams/row", "/streams/next", "/streams/mix",
                                          "/streams/present" };
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    for (size_t i = 0; i < VA_COUNT(fields); i++) {
        if (va_h5_shape(in, fields[i], &type, &rank, shape) < 0)
            return -1;
        if (rank != 2 || shape[0] != S || shape[1] != F)
            return va_error("%s: %s: found %lld rows of %lld, expected %lld of %lld",
                            va_h5_path(in), fields[i], (long long)shape[0],
                            (long long)(rank > 1 ? shape[1] : 0), (long long)S, (long long)F);
    }
    return 0;
}

/* Stream k by what the file says of it. */
static int read_stream(struct va_h5_in *in, struct va_window_index *index, int64_t k,
                       const char *name, const char *missing)
{
    struct va_index_stream *s = &index->streams[k];
    struct va_streams before;
    int policy = find_policy(missing);

    index->stream_count = k;
    va_window_index_shape(index, &before);
    if (!va_stream_name_valid(name) || va_streams_find(&before, name) >= 0 || policy < 0)
        return va_error("%s: /streams: %lld: found '%.80s', missing '%.80s', expected another "
                        "name (letters, digits, _) and a known policy",
                        va_h5_path(in), (long long)k, name, missing);
    strcpy(s->name, name);
    index->stream_count = k + 1;
    s->files = like(index, va_h5_path(in), (enum va_missing)policy);
    return s->files ? read_entries(in, s->files, k) : -1;
}

int va_streams_read(struct va_h5_in *in, struct va_window_index *index)
{
    char **name = NULL, **missing = NULL, **file = NULL, **id = NULL;
    int64_t V = index->video_count, S = 0, policies = 0, files = 0, ids = 0;
    int status = -1;

    if (!va_h5_has(in, "/streams/name"))
        return 0;
    if (va_h5_read_strings(in, "/streams/name", &name, &S) < 0 ||
        va_h5_read_strings(in, "/streams/missing", &missing, &policies) < 0 ||
        va_h5_read_strings(in, "/streams/features", &file, &files) < 0 ||
        va_h5_read_strings(in, "/streams/features_id", &id, &ids) < 0)
        goto done;
    if (S < 1 || S > VA_STREAMS_MAX || policies != S || files != S * V || ids != S * V) {
        va_error(
            "%s: /streams: found %lld names, %lld policies, %lld files, %lld ids, expected "
            "1 to %d streams of %lld videos",
            va_h5_path(in), (long long)S, (long long)policies, (long long)files, (long long)ids,
            VA_STREAMS_MAX, (long long)V);
        goto done;
    }
    status = check_shapes(in, S, index->entry_count);
    for (int64_t k = 0; status == 0 && k < S; k++) {
        status = read_stream(in, index, k, name[k], missing[k]);
        if (status == 0)
            status = take_files(index->streams[k].files, file + k * V, id + k * V);
    }
done:
    va_h5_free_strings(name, S);
    va_h5_free_strings(missing, policies);
    va_h5_free_strings(file, files);
    va_h5_free_strings(id, ids);
    return status;
}
