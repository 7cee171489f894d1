#include "io/va_h5_shard.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <string.h>

enum { FEATURES, INDEX, PTS, SCORE, ROWS }; /* what has a row per frame */
enum { ZEROS = 1024 };                      /* scores of videos that have none, at a time */

struct va_shard_out {
    struct va_h5_out *file;
    struct va_h5_rows *rows[ROWS], *text; /* score: NULL where no video has any */
    enum va_dtype type;
    int64_t D, done; /* rows of the videos that have ended */
    char *const *columns;
    /* the video that has begun */
    struct va_shard_video video;
    struct va_hash hash[ROWS];
    int64_t at; /* its rows so far */
    /* the table */
    char **name, **id, **encoder, **input;     /* [count] */
    int64_t *first, *frame_count, *provenance; /* [count], ends of both lists go behind */
    double *fps;
    uint8_t *scored;
    int64_t count, room[9], text_bytes;
};

struct va_h5_out *va_shard_out_file(struct va_shard_out *out)
{
    return out->file;
}

void va_shard_abort(struct va_shard_out *out)
{
    if (!out)
        return;
    va_h5_abort(out->file);
    va_h5_free_strings(out->name, out->count);
    va_h5_free_strings(out->id, out->count);
    va_h5_free_strings(out->encoder, out->count);
    va_h5_free_strings(out->input, out->count);
    va_free(out->first);
    va_free(out->frame_count);
    va_free(out->provenance);
    va_free(out->fps);
    va_free(out->scored);
    va_free(out);
}

struct va_shard_out *va_shard_create(const char *path, enum va_dtype type, int64_t rows,
                                     int64_t D, char *const *columns, bool scored)
{
    const int64_t shape[] = { rows, D }, unknown[] = { -1 };
    struct va_shard_out *out = va_new(1, sizeof(*out));

    if (!out)
        return NULL;
    out->type = type;
    out->D = D;
    out->columns = columns;
    out->file = va_h5_create(path, "va.corpus/1");
    if (out->file &&
        (out->rows[FEATURES] = va_h5_rows_begin(out->file, "/features", type, 2, shape)) &&
        (out->rows[INDEX] = va_h5_rows_begin(out->file, "/index", VA_I32, 1, shape)) &&
        (out->rows[PTS] = va_h5_rows_begin(out->file, "/pts", VA_F64, 1, shape)) &&
        (!scored ||
         (out->rows[SCORE] = va_h5_rows_begin(out->file, "/score", VA_F32, 1, shape))) &&
        (out->text = va_h5_rows_begin(out->file, "/provenance", VA_U8, 1, unknown)))
        return out;
    va_shard_abort(out);
    return NULL;
}

/* ---- a video ------------------------------------------------------------------------------- */

int va_shard_begin(struct va_shard_out *out, const struct va_shard_video *video)
{
    out->video = *video;
    out->at = 0;
    for (int i = 0; i < ROWS; i++)
        va_hash_init(&out->hash[i]);
    return 0;
}

static int append(struct va_shard_out *out, int what, int64_t count, const void *data,
                  int64_t row_bytes)
{
    va_hash_add(&out->hash[what], data, (size_t)(count * row_bytes));
    return va_h5_rows_append(out->rows[what], count, data);
}

int va_shard_append(struct va_shard_out *out, int64_t count, const void *x,
                    const int32_t *index, const double *pts, const float *score)
{
    static const float zeros[ZEROS];

    if (append(out, FEATURES, count, x, out->D * (int64_t)va_dtype_size(out->type)) < 0 ||
        append(out, INDEX, count, index, sizeof(*index)) < 0 ||
        append(out, PTS, count, pts, sizeof(*pts)) < 0 ||
        (score && append(out, SCORE, count, score, sizeof(*score)) < 0))
        return -1;
    for (int64_t i = 0; out->rows[SCORE] && !score && i < count; i += ZEROS)
        if (va_h5_rows_append(out->rows[SCORE], count - i < ZEROS ? count - i : ZEROS, zeros) <
            0)
            return -1;
    out->at += count;
    return 0;
}

/* The content id that the video has as a file of its own. */
static int make_id(struct va_shard_out *out, char id[VA_HASH_TEXT])
{
    const struct va_shard_video *v = &out->video;
    const struct va_h5_member m = { .calls = &va_h5_member_calls,
                                    .name = v->name,
                                    .id = "",
                                    .encoder = v->encoder ? v->encoder : "",
                                    .input = v->input ? v->input : "",
                                    .fps = v->fps,
                                    .frame_count = v->frame_count,
                                    .columns = out->columns };
    struct va_h5_object objects[ROWS + 1], /* bytewise by path */
        features = { .path = (char *)"/features",
                     .type = out->type,
                     .rank = 2,
                     .shape = { out->at, out->D } },
        index = { .path = (char *)"/index", .type = VA_I32, .rank = 1, .shape = { out->at } },
        names = { .path = (char *)"/names",
                  .strings = true,
                  .rank = 1,
                  .shape = { out->D },
                  .count = out->D },
        pts = { .path = (char *)"/pts", .type = VA_F64, .rank = 1, .shape = { out->at } },
        score = { .path = (char *)"/score", .type = VA_F32, .rank = 1, .shape = { out->at } };
    struct va_h5_file file = { .path = v->name, .size = -1, .member = &m, .objects = objects };

    va_hash_finish(&out->hash[FEATURES], features.digest);
    va_hash_finish(&out->hash[INDEX], index.digest);
    va_hash_finish(&out->hash[PTS], pts.digest);
    va_hash_finish(&out->hash[SCORE], score.digest);
    objects[file.count++] = features;
    objects[file.count++] = index;
    if (out->columns)
        objects[file.count++] = names;
    objects[file.count++] = pts;
    if (v->scored)
        objects[file.count++] = score;
    for (int64_t i = 0; i < file.count; i++)
        objects[i].dataset = true;
    return va_h5_content_id(&file, "va.features/1", id);
}

/* One slot more in each list of the table. */
static int grow_table(struct va_shard_out *out)
{
    void *const lists[] = { &out->name,       &out->id,    &out->encoder,
                            &out->input,      &out->first, &out->frame_count,
                            &out->provenance, &out->fps,   &out->scored };
    const size_t sizes[] = {
        sizeof(char *), sizeof(char *), sizeof(char *), sizeof(char *), 8, 8, 8, 8, 1
    };

    for (size_t i = 0; i < VA_COUNT(lists); i++)
        if (va_grow(lists[i], &out->room[i], out->count + 2, sizes[i]) < 0)
            return -1;
    return 0;
}

static int put_provenance(struct va_shard_out *out)
{
    for (int64_t i = 0; i < out->video.line_count; i++) {
        const char *line = out->video.provenance[i];
        const int64_t n = (int64_t)strlen(line);

        if (va_h5_rows_append(out->text, n, line) < 0 ||
            va_h5_rows_append(out->text, 1, "\n") < 0)
            return -1;
        out->text_bytes += n + 1;
    }
    return 0;
}

int va_shard_end(struct va_shard_out *out)
{
    const struct va_shard_video *v = &out->video;
    const int64_t k = out->count;
    char id[VA_HASH_TEXT];

    if (make_id(out, id) < 0 || grow_table(out) < 0)
        return -1;
    out->count++; /* what is missing below is NULL */
    out->first[k] = out->done;
    out->provenance[k] = out->text_bytes;
    out->frame_count[k] = v->frame_count;
    out->fps[k] = v->fps;
    out->scored[k] = v->scored;
    out->done += out->at;
    if (!(out->name[k] = va_strdup(v->name)) || !(out->id[k] = va_strdup(id)) ||
        !(out->encoder[k] = va_strdup(v->encoder ? v->encoder : "")) ||
        !(out->input[k] = va_strdup(v->input ? v->input : "")))
        return -1;
    return put_provenance(out);
}

/* ---- the end -------------------------------------------------------------------------------- */

static int write_texts(struct va_shard_out *out, const char *name, char *const *texts)
{
    return va_h5_write_strings(out->file, name, out->count, (const char *const *)texts);
}

static int write_table(struct va_shard_out *out)
{
    const int64_t V = out->count, ends = V + 1;

    out->first[V] = out->done;
    out->provenance[V] = out->text_bytes;
    if (write_texts(out, "/videos/name", out->name) < 0 ||
        write_texts(out, "/videos/id", out->id) < 0 ||
        write_texts(out, "/videos/encoder", out->encoder) < 0 ||
        write_texts(out, "/videos/input", out->input) < 0 ||
        va_h5_write(out->file, "/videos/first", VA_I64, 1, &ends, out->first) < 0 ||
        va_h5_write(out->file, "/videos/provenance", VA_I64, 1, &ends, out->provenance) < 0 ||
        va_h5_write(out->file, "/videos/frame_count", VA_I64, 1, &V, out->frame_count) < 0 ||
        va_h5_write(out->file, "/videos/fps", VA_F64, 1, &V, out->fps) < 0 ||
        va_h5_write(out->file, "/videos/scored", VA_U8, 1, &V, out->scored) < 0)
        return -1;
    return out->columns ? va_h5_write_strings(out->file, "/names", out->D,
                                              (const char *const *)out->columns)
                        : 0;
}

int va_shard_commit(struct va_shard_out **handle)
{
    struct va_shard_out *out = *handle;
    int status = grow_table(out); /* for the ends */

    *handle = NULL;
    for (int i = 0; i < ROWS; i++)
        if (status == 0 && out->rows[i])
            status = va_h5_rows_finish(&out->rows[i]);
    if (status == 0)
        status = va_h5_rows_finish(&out->text);
    if (status == 0)
        status = write_table(out);
    if (status == 0)
        status = va_h5_commit(&out->file);
    va_shard_abort(out);
    return status;
}
