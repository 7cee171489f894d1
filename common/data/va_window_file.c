/*
 * An index as va.windows/1. In memory an entry is a struct, in the file a row of six datasets.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_window_index_priv.h"
#include "io/va_h5.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------- */

/* The column at `offset` of `count` structs of `stride` bytes, `size` bytes each, packed. */
static int write_column(struct va_h5_out *out, const char *name, enum va_dtype type,
                        int64_t width, const void *structs, int64_t count, size_t stride,
                        size_t offset)
{
    size_t size = va_dtype_size(type) * (size_t)width;
    const char *from = structs;
    char *packed = va_new(count, size);
    int status = -1;

    if (packed) {
        for (int64_t i = 0; i < count; i++)
            memcpy(packed + (size_t)i * size, from + (size_t)i * stride + offset, size);
        status = va_h5_write(out, name, type, width > 1 ? 2 : 1, (int64_t[]){ count, width },
                             packed);
    }
    va_free(packed);
    return status;
}

/* A block of entries, as the columns of the timeline. */
enum { BLOCK = 1 << 14, COLUMNS = 6 };
struct columns {
    int32_t row[BLOCK], next[BLOCK];
    float mix[BLOCK], label[BLOCK][2];
    uint8_t present[BLOCK], valid[BLOCK];
};

static void fill_columns(struct columns *c, int64_t i, const struct va_timeline_entry *e)
{
    c->row[i] = e->row;
    c->next[i] = e->next;
    c->mix[i] = e->mix;
    c->label[i][0] = e->label[0];
    c->label[i][1] = e->label[1];
    c->present[i] = e->present;
    c->valid[i] = e->valid;
}

static int put_columns(struct va_h5_rows *const rows[COLUMNS], const struct columns *c,
                       int64_t count)
{
    const void *const data[COLUMNS] = {
        c->row, c->next, c->mix, c->present, c->label, c->valid
    };
    int status = 0;

    for (int i = 0; status == 0 && i < COLUMNS; i++)
        status = va_h5_rows_append(rows[i], count, data[i]);
    return status;
}

/* All columns at once, a block at a time. */
static int write_timeline(struct va_h5_out *out, const struct va_window_index *index)
{
    static const char *const names[COLUMNS] = { "/timeline/row",   "/timeline/next",
                                                "/timeline/mix",   "/timeline/present",
                                                "/timeline/label", "/timeline/valid" };
    static const enum va_dtype types[COLUMNS] = {
        VA_I32, VA_I32, VA_F32, VA_U8, VA_F32, VA_U8
    };
    const int64_t shape[] = { index->entry_count, 2 };
    struct columns *c = va_new(1, sizeof(*c));
    struct va_h5_rows *rows[COLUMNS];
    int64_t count = 0;
    int status = c ? 0 : -1;

    for (int i = 0; status == 0 && i < COLUMNS; i++) {
        rows[i] = va_h5_rows_begin(out, names[i], types[i], i == 4 ? 2 : 1, shape);
        status = rows[i] ? 0 : -1;
    }
    for (int64_t v = 0; status == 0 && v < index->video_count; v++)
        for (int64_t t = 0; status == 0 && t < index->videos[v].frames; t++) {
            const struct va_timeline_entry e = va_window_index_entry(index, v, t);

            fill_columns(c, count++, &e);
            if (count == BLOCK) {
                status = put_columns(rows, c, count);
                count = 0;
            }
        }
    if (status == 0)
        status = put_columns(rows, c, count);
    for (int i = 0; status == 0 && i < COLUMNS; i++)
        status = va_h5_rows_finish(&rows[i]);
    va_free(c);
    return status;
}

#define WINDOW(name, member)                                                            \
    write_column(out, "/windows/" name, VA_I32, 1, index->windows, index->window_count, \
                 sizeof(struct va_window), offsetof(struct va_window, member))

static int write_videos(struct va_h5_out *out, const struct va_window_index *index,
                        const char *path)
{
    int64_t V = index->video_count, *offset = va_new(V + 1, sizeof(*offset));
    const char **name = va_new(V, sizeof(*name)), **id = va_new(V, sizeof(*id));
    char **file = va_new(V, sizeof(*file));
    int status = -1;

    if (!offset || !name || !id || !file)
        goto done;
    for (int64_t i = 0; i < V; i++) {
        name[i] = index->videos[i].name;
        id[i] = index->videos[i].features_id;
        file[i] = va_path_relative_to(index->videos[i].features, path);
        if (!file[i] || va_h5_add_input(out, file[i], id[i]) < 0)
            goto done;
        offset[i + 1] = offset[i] + index->videos[i].frames;
    }
    if (va_h5_write_strings(out, "/videos/name", V, name) == 0 &&
        va_h5_write_strings(out, "/videos/features", V, (const char *const *)file) == 0 &&
        va_h5_write_strings(out, "/videos/features_id", V, id) == 0 &&
        va_h5_write(out, "/videos/offset", VA_I64, 1, (int64_t[]){ V + 1 }, offset) == 0)
        status = 0;
done:
    for (int64_t i = 0; file && i < V; i++)
        va_free(file[i]);
    va_free(file);
    va_free(name);
    va_free(id);
    va_free(offset);
    return status;
}

int va_window_index_write(const struct va_window_index *index, const char *path)
{
    struct va_h5_out *out = va_h5_create(path, "va.windows/1");

    if (out && va_h5_put_int(out, NULL, "window", index->window) == 0 &&
        va_h5_put_int(out, NULL, "stride", index->stride) == 0 &&
        va_h5_put_string(out, NULL, "tail", va_tail_names[index->tail]) == 0 &&
        va_h5_put_string(out, NULL, "missing", va_missing_names[index->missing]) == 0 &&
        va_h5_put_string(out, NULL, "leading", va_leading_names[index->leading]) == 0 &&
        write_videos(out, index, path) == 0 && write_timeline(out, index) == 0 &&
        WINDOW("video", video) == 0 && WINDOW("start", start) == 0 &&
        WINDOW("length", length) == 0 &&
        (!index->stream_count || va_streams_write(out, index, path) == 0))
        return va_h5_commit(&out);
    va_h5_abort(out);
    return -1;
}

/* ---- reading --------------------------------------------------------------------------- */

/* The place of `text` among names, or -1 after reporting. */
static int read_choice(struct va_h5_in *in, const char *attribute, const char *const *names)
{
    char *text = va_h5_get_string(in, NULL, attribute);
    int found = -1;

    for (int i = 0; text && names[i]; i++)
        if (!strcmp(text, names[i]))
            found = i;
    if (text && found < 0)
        va_error("%s: %s: found '%s', expected %s, %s, ...", va_h5_path(in), attribute, text,
                 names[0], names[1]);
    va_free(text);
    return found;
}

static int read_settings(struct va_h5_in *in, struct va_window_index *index)
{
    int tail = read_choice(in, "tail", va_tail_names),
        missing = tail < 0 ? -1 : read_choice(in, "missing", va_missing_names), leading = 0;

    if (missing < 0 || va_h5_get_int(in, NULL, "window", &index->window) < 0 ||
        va_h5_get_int(in, NULL, "stride", &index->stride) < 0)
        return -1;
    if (va_h5_has_attribute(in, NULL, "leading"))
        leading = read_choice(in, "leading", va_leading_names);
    if (leading < 0)
        return -1;
    if (index->window < 1 || index->window > VA_FRAMES_MAX || index->stride < 1 ||
        index->stride > VA_FRAMES_MAX)
        return va_error("%s: window, stride: found %lld, %lld, expected 1 to %d",
                        va_h5_path(in), (long long)index->window, (long long)index->stride,
                        VA_FRAMES_MAX);
    index->tail = (enum va_tail)tail;
    index->missing = (enum va_missing)missing;
    index->leading = (enum va_leading)leading;
    return 0;
}

/* Rows of a dataset; all of one group must have as many. */
static int read_count(struct va_h5_in *in, const char *name, int64_t expected, int64_t *count)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    if (va_h5_shape(in, name, &type, &rank, shape) < 0)
        return -1;
    if (expected >= 0 && shape[0] != expected)
        return va_error("%s: %s: found %lld rows, expected %lld", va_h5_path(in), name,
                        (long long)shape[0], (long long)expected);
    *count = shape[0];
    return 0;
}

static int read_column(struct va_h5_in *in, const char *name, enum va_dtype type, int64_t width,
                       void *structs, int64_t count, size_t stride, size_t offset)
{
    size_t size = va_dtype_size(type) * (size_t)width;
    char *to = structs, *packed;
    int64_t rows;

    if (read_count(in, name, count, &rows) < 0 || !(packed = va_h5_read(in, name, type)))
        return -1;
    for (int64_t i = 0; i < count; i++)
        memcpy(to + (size_t)i * stride + offset, packed + (size_t)i * size, size);
    va_free(packed);
    return 0;
}

/* Take strings into the videos, then check names and offsets. */
static int fill_videos(struct va_h5_in *in, struct va_window_index *index, char **name,
                       char **file, char **id, const int64_t *offset)
{
    const char *path = va_h5_path(in);

    for (int64_t i = 0; i < index->video_count; i++) {
        struct va_index_video *v = &index->videos[i];

        v->name = va_strdup(name[i]);
        v->features_id = va_strdup(id[i]);
        v->features = va_path_seen_from_here(file[i], path);
        if (!v->name || !v->features_id || !v->features)
            return -1;
        if (!va_video_name_valid(v->name) || va_window_index_find(index, v->name) >= 0)
            return va_error("%s: /videos/name: %lld: found '%s', expected another name", path,
                            (long long)i, v->name);
        if (offset[0] != 0 || offset[i + 1] < offset[i] ||
            offset[i + 1] - offset[i] > VA_FRAMES_MAX || offset[i + 1] > index->entry_count)
            return va_error("%s: /videos/offset: %lld: found %lld, expected ascending to %lld",
                            path, (long long)i + 1, (long long)offset[i + 1],
                            (long long)index->entry_count);
        if (va_name_map_add(&index->names, v->name, i) < 0)
            return -1;
        v->first = offset[i];
        v->frames = offset[i + 1] - offset[i];
    }
    if (offset[index->video_count] != index->entry_count)
        return va_error("%s: /videos/offset: ends at %lld, expected %lld", path,
                        (long long)offset[index->video_count], (long long)index->entry_count);
    return 0;
}

static int read_videos(struct va_h5_in *in, struct va_window_index *index)
{
    char **name = NULL, **file = NULL, **id = NULL;
    int64_t V = 0, files = 0, ids = 0, offsets, *offset = NULL;
    int status = -1;

    if (va_h5_read_strings(in, "/videos/name", &name, &V) < 0 ||
        va_h5_read_strings(in, "/videos/features", &file, &files) < 0 ||
        va_h5_read_strings(in, "/videos/features_id", &id, &ids) < 0 ||
        read_count(in, "/videos/offset", V + 1, &offsets) < 0)
        goto done;
    if (!V) {
        va_error("%s: /videos/name: found no video, expected at least one", va_h5_path(in));
        goto done;
    }
    if (files != V || ids != V || V > INT32_MAX) {
        va_error("%s: /videos: found %lld names, %lld files, %lld ids, expected equal numbers",
                 va_h5_path(in), (long long)V, (long long)files, (long long)ids);
        goto done;
    }
    offset = va_h5_read(in, "/videos/offset", VA_I64);
    index->videos = offset ? va_new(V, sizeof(*index->videos)) : NULL;
    if (!index->videos)
        goto done;
    index->video_count = index->video_room = V;
    status = fill_videos(in, index, name, file, id, offset);
done:
    va_free(offset);
    va_h5_free_strings(name, V);
    va_h5_free_strings(file, files);
    va_h5_free_strings(id, ids);
    return status;
}

static int read_timeline(struct va_h5_in *in, struct va_window_index *index)
{
    const size_t size = sizeof(struct va_timeline_entry);
    bool streams = va_h5_has(in, "/streams/name");
    int64_t F;

#define COLUMN(name, type, width, member)                                     \
    read_column(in, "/timeline/" name, type, width, index->timeline, F, size, \
                offsetof(struct va_timeline_entry, member))
    if (read_count(in, "/timeline/row", -1, &F) < 0)
        return -1;
    index->timeline = va_new(F, size);
    if (!index->timeline)
        return -1;
    index->entry_count = index->entry_room = F;
    for (int64_t i = 0; i < F; i++)
        index->timeline[i].next = -1; /* only linear interpolation needs second rows */
    if (va_h5_has(in, "/timeline/next") &&
        (COLUMN("next", VA_I32, 1, next) < 0 || COLUMN("mix", VA_F32, 1, mix) < 0))
        return -1;
    if (COLUMN("row", VA_I32, 1, row) < 0 || COLUMN("present", VA_U8, 1, present) < 0 ||
        COLUMN("label", VA_F32, 2, label) < 0 || COLUMN("valid", VA_U8, 1, valid) < 0)
        return -1;
#undef COLUMN
    for (int64_t i = 0; i < F; i++)
        if (!va_timeline_entry_sound(&index->timeline[i], streams))
            return va_error("%s: /timeline: entry %lld contradicts itself or is out of range",
                            va_h5_path(in), (long long)i);
    return 0;
}

static int read_windows(struct va_h5_in *in, struct va_window_index *index)
{
    const size_t size = sizeof(struct va_window);
    int64_t W;

    if (read_count(in, "/windows/video", -1, &W) < 0)
        return -1;
    index->windows = va_new(W, size);
    if (!index->windows)
        return -1;
    index->window_count = index->window_room = W;
    if (read_column(in, "/windows/video", VA_I32, 1, index->windows, W, size,
                    offsetof(struct va_window, video)) < 0 ||
        read_column(in, "/windows/start", VA_I32, 1, index->windows, W, size,
                    offsetof(struct va_window, start)) < 0 ||
        read_column(in, "/windows/length", VA_I32, 1, index->windows, W, size,
                    offsetof(struct va_window, length)) < 0)
        return -1;
    for (int64_t i = 0; i < W; i++) {
        const struct va_window *w = &index->windows[i], *last = i ? w - 1 : NULL;
        struct va_index_video *v;

        if (w->video < 0 || w->video >= index->video_count || w->start < 0 || w->length < 1 ||
            w->length > index->window ||
            (int64_t)w->start + w->length > index->videos[w->video].frames ||
            (last &&
             (w->video < last->video || (w->video == last->video && w->start <= last->start))))
            return va_error(
                "%s: /windows: %lld: found video %d, start %d, length %d, expected a "
                "position in that video after the previous window",
                va_h5_path(in), (long long)i, w->video, w->start, w->length);
        v = &index->videos[w->video];
        if (!v->window_count++)
            v->first_window = i;
    }
    return 0;
}

struct va_window_index *va_window_index_read(const char *path, char **id)
{
    struct va_h5_in *in = va_h5_open(path, "va.windows/1");
    struct va_window_index *index = in ? va_new(1, sizeof(*index)) : NULL;
    int status = -1;

    if (id)
        *id = NULL;
    if (index && (index->path = va_strdup(path)) && read_settings(in, index) == 0 &&
        read_timeline(in, index) == 0 && read_videos(in, index) == 0 &&
        va_streams_read(in, index) == 0)
        status = read_windows(in, index);
    if (status == 0 && id) {
        const char *text = va_h5_id(in);

        *id = text ? va_strdup(text) : NULL;
        status = *id ? 0 : -1;
    }
    va_h5_close(in);
    if (status == 0)
        return index;
    va_window_index_free(index);
    return NULL;
}
