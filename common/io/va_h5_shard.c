/*
 * Shards: features of many videos in one file (schemas/va.corpus.md). A shard is checked and its table read once,
 * when the first of its videos is opened; then the HDF5 library lets go of it. A video is a window on the
 * bytes of the shard, which all of its videos share, mapped or read. The shard used last stays known when
 * none of its videos is open, since the next one is likely to be its neighbour.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES, INDEX, NAMES, PTS, SCORE, OBJECTS }; /* bytewise by path */
static const char *const paths[OBJECTS] = { "/features", "/index", "/names", "/pts", "/score" };

struct va_shard {
    struct va_shard *next;
    struct va_h5_in *in; /* resting, but for its bytes while a video is awake */
    int64_t users, awake;
    struct va_h5_object objects[OBJECTS]; /* those of all videos; without a path: it has none */
    char **columns;                       /* [column_count] */
    char **name, **id, **encoder, **input; /* [count] */
    int64_t count, column_count;
    int64_t *first, *provenance; /* [count + 1] */
    int64_t *frame_count;        /* [count], as the next two */
    double *fps;
    uint8_t *scored;
    int64_t text;     /* where the provenance begins in the file */
    int32_t *by_name; /* [count] videos, by name */
};

static struct va_shard *shards; /* those with users, and the one used last */

/* ---- the table ------------------------------------------------------------------------- */

static void free_shard(struct va_shard *s)
{
    char **const lists[] = { s->name, s->id, s->encoder, s->input };

    for (size_t i = 0; i < VA_COUNT(lists); i++)
        va_h5_free_strings(lists[i], s->count);
    va_h5_free_strings(s->columns, s->column_count);
    va_free(s->first);
    va_free(s->provenance);
    va_free(s->frame_count);
    va_free(s->fps);
    va_free(s->scored);
    va_free(s->by_name);
    va_h5_file_close(s->in);
    va_free(s);
}

/* Whole in one place, so that a row's bytes are known from its number. */
static int check_place(const struct va_shard *s, const struct va_h5_object *o)
{
    if (!o->count || o->offset >= 0)
        return 0;
    return va_error("%s: %s: found chunks, filters or numbers of another type, expected "
                    "contiguous ones: pack the videos again",
                    s->in->path, o->path);
}

static int find_objects(struct va_shard *s)
{
    const struct va_h5_object *text = va_h5_find(&s->in->file, "/provenance");

    for (int i = 0; i < OBJECTS; i++) {
        const struct va_h5_object *o = va_h5_find(&s->in->file, paths[i]);

        if (!o)
            continue;
        if (i != NAMES && check_place(s, o) < 0)
            return -1;
        s->objects[i] = *o;
        s->objects[i].path = (char *)paths[i];
    }
    s->text = text->offset;
    if (s->objects[FEATURES].shape[1] < 1)
        return va_error("%s: /features: found rows of %lld numbers, expected 1 or more",
                        s->in->path, (long long)s->objects[FEATURES].shape[1]);
    return check_place(s, text);
}

static int read_texts(struct va_shard *s, const char *name, char ***list)
{
    int64_t count;

    return va_h5_read_strings(s->in, name, list,
                              &count); /* the schema has seen to their number */
}

static int read_table(struct va_shard *s)
{
    struct va_h5_in *in = s->in;

    s->count = va_h5_find(&in->file, "/videos/name")->shape[0];
    if (!s->count)
        return va_error("%s: /videos/name: found no video, expected at least one", in->path);
    if (read_texts(s, "/videos/name", &s->name) < 0 ||
        read_texts(s, "/videos/id", &s->id) < 0 ||
        read_texts(s, "/videos/encoder", &s->encoder) < 0 ||
        read_texts(s, "/videos/input", &s->input) < 0 ||
        (va_h5_has(in, "/names") &&
         va_h5_read_strings(in, "/names", &s->columns, &s->column_count) < 0))
        return -1;
    s->first = va_h5_read(in, "/videos/first", VA_I64);
    s->provenance = s->first ? va_h5_read(in, "/videos/provenance", VA_I64) : NULL;
    s->frame_count = s->provenance ? va_h5_read(in, "/videos/frame_count", VA_I64) : NULL;
    s->fps = s->frame_count ? va_h5_read(in, "/videos/fps", VA_F64) : NULL;
    s->scored = s->fps ? va_h5_read(in, "/videos/scored", VA_U8) : NULL;
    s->by_name = s->scored ? va_h5_order_names(in->path, "/videos/name", s->name, s->count)
                           : NULL;
    return s->by_name ? 0 : -1;
}

static bool is_id(const char *text)
{
    return strspn(text, "0123456789abcdef") == VA_HASH_TEXT - 1 && !text[VA_HASH_TEXT - 1];
}

static int check_videos(const struct va_shard *s)
{
    const char *path = s->in->path;

    for (int64_t v = 0; v < s->count; v++) {
        if (!(s->fps[v] >= 0) || !isfinite(s->fps[v]) || s->frame_count[v] < 0)
            return va_error(
                "%s: /videos: video '%s': found %g frames per second and %lld frames, "
                "expected 0 or more",
                path, s->name[v], s->fps[v], (long long)s->frame_count[v]);
        if (!is_id(s->id[v]))
            return va_error(
                "%s: /videos/id: video '%s': found '%.80s', expected %d hexadecimal "
                "digits",
                path, s->name[v], s->id[v], VA_HASH_TEXT - 1);
        if (s->scored[v] > 1 || (s->scored[v] && !s->objects[SCORE].path))
            return va_error(
                "%s: /videos/scored: video '%s': found %d, expected 0, or 1 and /score", path,
                s->name[v], s->scored[v]);
    }
    return 0;
}

static struct va_shard *read_shard(const char *path)
{
    struct va_shard *s = va_new(1, sizeof(*s));

    if (!s)
        return NULL;
    s->in = va_h5_file_open(path, "va.corpus/1");
    if (s->in && find_objects(s) == 0 && read_table(s) == 0 &&
        va_h5_check_parts(path, "/videos/first", s->first, s->count,
                          s->objects[FEATURES].shape[0]) == 0 &&
        va_h5_check_parts(path, "/videos/provenance", s->provenance, s->count,
                          va_h5_find(&s->in->file, "/provenance")->shape[0]) == 0 &&
        check_videos(s) == 0) {
        va_h5_file_rest(s->in);
        return s;
    }
    free_shard(s);
    return NULL;
}

/* ---- those that are open ----------------------------------------------------------------- */

/* Forget those without users but for `last`. */
static void sweep(const struct va_shard *last)
{
    for (struct va_shard **link = &shards; *link;) {
        struct va_shard *s = *link;

        if (s->users || s == last) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        free_shard(s);
    }
}

/* The shard at `path`, for one user more; NULL after reporting. */
static struct va_shard *enter(const char *path)
{
    struct va_shard *s = shards;

    while (s && strcmp(s->in->path, path) != 0)
        s = s->next;
    if (!s) {
        s = read_shard(path);
        if (!s)
            return NULL;
        s->next = shards;
        shards = s;
    }
    s->users++;
    sweep(s);
    return s;
}

void va_shard_rest(struct va_h5_in *in)
{
    struct va_shard *s = in->shard;

    if (in->awake && --s->awake == 0)
        va_stored_close(&s->in->bytes);
    in->awake = false;
    in->dataset_of = NULL;
    va_h5_tree_release(&in->file);
}

void va_shard_close(struct va_h5_in *in)
{
    va_shard_rest(in);
    in->shard->users--;
    va_h5_free_in(in);
}

struct va_h5_in *va_shard_file(const struct va_shard *s)
{
    return s->in;
}

/* ---- a video ------------------------------------------------------------------------------- */

/* The objects of a video: the rows that are its own. */
static int add_objects(struct va_h5_in *in)
{
    const struct va_shard *s = in->shard;
    struct va_h5_file *f = &in->file;
    const int64_t first = s->first[in->video], rows = s->first[in->video + 1] - first;

    f->objects = va_new(OBJECTS, sizeof(*f->objects));
    if (!f->objects)
        return -1;
    f->room = OBJECTS;
    for (int i = 0; i < OBJECTS; i++) {
        struct va_h5_object o = s->objects[i];
        int64_t row;

        if (!o.path || (i == SCORE && !s->scored[in->video]))
            continue;
        row = va_h5_row_elements(&o) * (i == NAMES ? 0 : (int64_t)va_dtype_size(o.type));
        if (i != NAMES) {
            o.shape[0] = rows;
            o.count = rows * va_h5_row_elements(&o);
            o.offset = o.count ? o.offset + first * row : -1;
            o.bytes = rows * row;
        }
        o.digest[0] = '\0';
        if (!(o.path = va_strdup(o.path)))
            return -1;
        f->objects[f->count++] = o;
    }
    return 0;
}

int va_shard_wake(struct va_h5_in *in)
{
    struct va_shard *s = in->shard;

    if (in->awake)
        return 0;
    if (va_stored_reopen(&s->in->bytes, s->in->path) < 0)
        return -1;
    in->awake = true;
    s->awake++;
    if (add_objects(in) == 0)
        return 0;
    va_shard_rest(in);
    return -1;
}

/* Video v of a shard, whose user it becomes in any case; NULL after reporting. */
static struct va_h5_in *open_video(struct va_shard *s, int64_t v)
{
    struct va_h5_in *in = va_new(1, sizeof(*in));

    if (!in) {
        s->users--;
        return NULL;
    }
    *in = (struct va_h5_in){ .shard = s,
                             .video = v,
                             .dataset = H5I_INVALID_HID,
                             .bytes = { .fd = -1 },
                             .schema = va_schema_find("va.features/1"),
                             .path = va_format("%s/%s", s->in->path, s->name[v]) };
    in->member = (struct va_h5_member){ .name = s->name[v],
                                        .id = s->id[v],
                                        .encoder = s->encoder[v],
                                        .input = s->input[v],
                                        .fps = s->fps[v],
                                        .frame_count = s->frame_count[v],
                                        .provenance = s->text + s->provenance[v],
                                        .provenance_bytes = s->provenance[v + 1] -
                                                            s->provenance[v],
                                        .columns = s->columns,
                                        .calls = &va_h5_member_calls };
    in->file = (struct va_h5_file){ .path = in->path,
                                    .id = H5I_INVALID_HID,
                                    .size = s->in->file.size,
                                    .bytes = &s->in->bytes,
                                    .checked = true,
                                    .member = &in->member };
    if (in->path && va_shard_wake(in) == 0)
        return in;
    va_shard_close(in);
    return NULL;
}

/* The video called `name`, or -1 after reporting. */
static int64_t find_video(const struct va_shard *s, const char *name)
{
    int64_t low = 0, high = s->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(s->name[s->by_name[middle]], name);

        if (order == 0)
            return s->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return va_error("%s: has no video '%s'", s->in->path, name);
}

struct va_h5_in *va_shard_open_path(const char *path, const char *schema)
{
    const char *slash = strrchr(path, '/');
    char *file = va_format("%.*s", (int)(slash - path), path);
    struct va_shard *s = NULL;
    int64_t v = -1;

    if (file && schema && strcmp(schema, "va.features/1") != 0)
        va_error("%s: found a part of a file, as a video of a shard is, expected %s", path,
                 schema);
    else if (file)
        s = enter(file);
    va_free(file);
    if (!s)
        return NULL;
    v = find_video(s, slash + 1);
    if (v >= 0)
        return open_video(s, v);
    s->users--;
    return NULL;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* One user more, who is awake, keeps the shard and its bytes open until the end. */
struct va_shard *va_shard_begin_all(const char *path)
{
    VA_H5_ALONE;
    struct va_shard *s = enter(path);

    if (!s)
        return NULL;
    if (va_stored_reopen(&s->in->bytes, s->in->path) < 0) {
        s->users--;
        return NULL;
    }
    s->awake++;
    return s;
}

void va_shard_end_all(struct va_shard *s)
{
    VA_H5_ALONE;

    if (--s->awake == 0)
        va_stored_close(&s->in->bytes);
    s->users--;
}

struct va_h5_in *va_shard_open_next(struct va_shard *s, int64_t v)
{
    VA_H5_ALONE;

    s->users++;
    return open_video(s, v);
}

int64_t va_shard_count(const struct va_shard *s)
{
    return s->count;
}
