#include "data/va_pack.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_name_map.h"
#include "base/va_output.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "data/va_features_write.h"
#include "data/va_track.h"
#include "io/va_h5_shard.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A video, its features at rest. */
struct source {
    struct va_h5_in *in;
    char *name;
    int64_t rows;
    bool scored;
};

struct packing {
    const struct va_pack_job *job;
    struct source *sources; /* [count] */
    int64_t count, room;
    struct va_name_map names;
    int64_t D;
    char **columns; /* [D] their names, or NULL */
    /* the shard that is written */
    struct va_shard_out *out;
    uint16_t *half; /* a block */
    int64_t half_room, shards, done;
};

/* ---- what there is -------------------------------------------------------------------------- */

/* All videos have the columns of the first one. */
static int check_columns(struct packing *p, struct va_h5_in *in, const struct va_track *t)
{
    const char *path = va_h5_path(in), *first = p->count ? va_h5_path(p->sources[0].in) : path;
    char **columns = NULL;
    int64_t count = 0;
    bool same;

    if (p->count && t->dim != p->D)
        return va_error("%s: /features: found %lld columns, expected %lld as in %s", path,
                        (long long)t->dim, (long long)p->D, first);
    if (va_h5_has(in, "/names") && va_h5_read_strings(in, "/names", &columns, &count) < 0)
        return -1;
    if (!p->count) {
        p->D = t->dim;
        p->columns = columns;
        return 0;
    }
    same = !columns == !p->columns;
    for (int64_t i = 0; same && i < count; i++)
        same = !strcmp(columns[i], p->columns[i]);
    va_h5_free_strings(columns, count);
    return same ? 0
                : va_error(
                      "%s: /names: found other names of columns than in %s: pack them apart",
                      path, first);
}

/* The file of a video that is there twice. */
static int twice(const struct packing *p, const char *path, const char *name, int64_t same)
{
    return va_error("%s: video '%s' was already added from %s", path, name,
                    va_h5_path(p->sources[same].in));
}

static int add_source(void *arg, struct va_h5_in *in)
{
    struct packing *p = arg;
    struct source s = { .in = in };
    struct va_track t;
    int64_t same;
    int status = va_track_head(&t, in, false);

    same = status == 0 ? va_name_map_find(&p->names, t.name) : -1;
    if (same >= 0)
        status = twice(p, va_h5_path(in), t.name, same);
    if (status == 0)
        status = check_columns(p, in, &t);
    if (status == 0 && (va_grow(&p->sources, &p->room, p->count + 1, sizeof(s)) < 0 ||
                        va_name_map_add(&p->names, t.name, p->count) < 0))
        status = -1;
    if (status == 0) {
        s.name = t.name;
        s.rows = t.rows;
        s.scored = va_h5_has(in, "/score");
        t.name = NULL;
        p->sources[p->count++] = s;
        va_h5_rest(in);
    }
    va_track_release(&t);
    return status == 0 ? 1 : -1;
}

static void release(struct packing *p)
{
    va_shard_abort(p->out);
    for (int64_t i = 0; i < p->count; i++) {
        va_h5_close(p->sources[i].in);
        va_free(p->sources[i].name);
    }
    va_h5_free_strings(p->columns, p->D);
    va_name_map_release(&p->names);
    va_free(p->sources);
    va_free(p->half);
}

/* ---- a shard --------------------------------------------------------------------------------- */

static int64_t row_bytes(const struct packing *p)
{
    return p->D * (p->job->half ? 2 : 4) + 16; /* number, time and confidence */
}

/* The first video behind the shard that begins with `first`, and the rows of the shard. */
static int64_t end_of_shard(const struct packing *p, int64_t first, int64_t *rows)
{
    const int64_t most = p->job->shard_bytes / row_bytes(p);
    int64_t i = first;

    for (*rows = 0; i < p->count && (i == first || p->sources[i].rows <= most - *rows); i++)
        *rows += p->sources[i].rows;
    return i;
}

static int put_block(void *arg, const struct va_track_block *b)
{
    struct packing *p = arg;
    const void *x = b->x;

    if (p->job->half) {
        if (va_grow(&p->half, &p->half_room, b->count * p->D, sizeof(*p->half)) < 0 ||
            va_features_halve(va_h5_path(p->sources[p->done].in), b->count, p->D, b->x,
                              b->frames, p->half) < 0)
            return -1;
        x = p->half;
    }
    return va_shard_append(p->out, b->count, x, b->frames, b->pts, b->score);
}

static int put_video(struct packing *p, const struct source *s)
{
    char **lines = NULL;
    int64_t line_count = 0;
    struct va_track t = { 0 };
    int status = va_h5_wake(s->in);

    if (status == 0)
        status = va_track_head(&t, s->in, false);
    if (status == 0 && va_h5_has_attribute(s->in, NULL, "provenance"))
        status = va_h5_get_strings(s->in, NULL, "provenance", &lines, &line_count);
    if (status == 0)
        status = va_shard_begin(p->out, &(struct va_shard_video){ .name = t.name,
                                                                  .encoder = t.encoder,
                                                                  .input = t.input,
                                                                  .fps = t.fps,
                                                                  .frame_count = t.frame_count,
                                                                  .rows = t.rows,
                                                                  .scored = s->scored,
                                                                  .provenance = lines,
                                                                  .line_count = line_count });
    if (status == 0)
        status = va_track_each(&t, s->in, s->scored, put_block, p);
    if (status == 0)
        status = va_shard_end(p->out);
    if (status == 0)
        status = va_h5_add_input(va_shard_out_file(p->out), va_h5_path(s->in), t.id);
    va_h5_free_strings(lines, line_count);
    va_track_release(&t);
    va_h5_rest(s->in);
    return status;
}

static int put_shard(struct packing *p, const char *path, int64_t end, int64_t rows)
{
    bool scored = false;

    for (int64_t i = p->done; i < end; i++)
        scored = scored || p->sources[i].scored;
    p->out = va_shard_create(path, p->job->half ? VA_F16 : VA_F32, rows, p->D, p->columns,
                             scored);
    if (!p->out)
        return -1;
    for (; p->done < end; p->done++) {
        if (put_video(p, &p->sources[p->done]) < 0)
            return -1;
        va_progress_update(p->done + 1);
    }
    return va_shard_commit(&p->out);
}

static char *shard_path(const struct va_pack_job *job, int64_t number)
{
    return va_format("%s/shard-%05lld.h5", job->output, (long long)number);
}

/* The number of a shard by its name; 0: it is none. */
static int64_t number_of(const char *name)
{
    static const char begin[] = "shard-";
    const char *digits = name + sizeof(begin) - 1;

    return !strncmp(name, begin, sizeof(begin) - 1) && *digits &&
                   !strcmp(digits + strspn(digits, "0123456789"), ".h5")
               ? strtoll(digits, NULL, 10)
               : 0;
}

/* Shards of an earlier run stay what they are, unless they are to be replaced (--force) and this run has as many: one that stayed would be
 * taken for a part of this corpus. */
static int check_earlier(const char *folder, int64_t shards)
{
    int64_t replaced = va_output_forced() ? shards : 0;

    DIR *dir = opendir(folder);
    struct dirent *e;
    char name[sizeof(e->d_name)] = "";
    int status = 0;

    if (!dir)
        return va_error_write(folder, "read folder");
    while ((errno = 0, e = readdir(dir)))
        if (number_of(e->d_name) > replaced && (!*name || strcmp(e->d_name, name) < 0))
            strcpy(name, e->d_name);
    if (errno)
        status = va_error_write(folder, "read folder");
    else if (*name)
        status = va_error(
            "%s/%s: is a shard of an earlier corpus, and this one has %lld: remove "
            "it, replace as many with --force, or name another folder",
            folder, name, (long long)shards);
    closedir(dir);
    return status;
}

static int remove_shard(const char *path)
{
    return unlink(path) < 0 && errno != ENOENT ? va_error_write(path, "remove") : 0;
}

/* Those of an earlier run go before the first is written, so that a run that ends early leaves none beside its own. */
static int remove_earlier(const struct packing *p)
{
    int64_t shards = 0, rows;
    int status;

    for (int64_t i = 0; i < p->count; shards++)
        i = end_of_shard(p, i, &rows);
    status = check_earlier(p->job->output, shards);
    for (int64_t k = 0; status == 0 && k < 2 * shards; k++) { /* all may go, or none does */
        char *path = shard_path(p->job, k % shards + 1);

        status = !path        ? -1
                 : k < shards ? va_h5_may_create(path, "va.corpus/1")
                              : remove_shard(path);
        va_free(path);
    }
    return status;
}

int va_pack(const struct va_pack_job *job)
{
    struct packing p = { .job = job };
    int status = 0;

    for (char *const *path = job->inputs; status == 0 && *path; path++)
        status = va_h5_each_features(*path, add_source, &p);
    if (status == 0)
        status = va_make_folder(job->output);
    if (status == 0)
        status = remove_earlier(&p);
    va_progress_begin("pack", p.count);
    while (status == 0 && p.done < p.count) {
        int64_t rows, end = end_of_shard(&p, p.done, &rows);
        char *path = shard_path(job, ++p.shards);

        status = path ? put_shard(&p, path, end, rows) : -1;
        va_free(path);
    }
    va_progress_end();
    release(&p);
    return status;
}

/* ---- back ------------------------------------------------------------------------------------- */

struct unpacking {
    const struct va_pack_job *job;
    char **paths; /* [count] that were written */
    struct va_name_map by_path;
    int64_t count, room;
    struct va_features_writer file;
};

static int copy_block(void *arg, const struct va_track_block *b)
{
    struct unpacking *u = arg;

    return va_features_append(&u->file, b->count, b->x, b->frames, b->pts, b->score);
}

static int copy_names(struct unpacking *u, struct va_h5_in *in)
{
    char **names = NULL;
    int64_t count = 0;
    int status = va_h5_has(in, "/names") ? va_h5_read_strings(in, "/names", &names, &count) : 0;

    if (status == 0 && names)
        status = va_h5_write_strings(u->file.out, "/names", count, (const char *const *)names);
    va_h5_free_strings(names, count);
    return status;
}

static int copy_video(struct unpacking *u, struct va_h5_in *in, const struct va_track *t,
                      const char *path)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    if (va_h5_shape(in, "/features", &type, &rank, shape) < 0 ||
        (!u->count && va_make_folder(u->job->output) < 0) ||
        va_features_create(&u->file, path, t->rows, t->dim, type == VA_F16) < 0 ||
        copy_names(u, in) < 0 ||
        (t->input && va_h5_put_string(u->file.out, NULL, "input", t->input) < 0) ||
        va_h5_add_input(u->file.out, va_h5_path(in), t->id) < 0 ||
        va_track_each(t, in, true, copy_block, u) < 0)
        return -1;
    return va_features_commit(&u->file, t->name, t->fps, t->frame_count, t->encoder);
}

static int unpack_video(void *arg, struct va_h5_in *in)
{
    struct unpacking *u = arg;
    struct va_track t;
    char *path = NULL;
    int status = va_track_head(&t, in, false);

    if (status == 0 && !(path = va_format("%s/%s.h5", u->job->output, t.name)))
        status = -1;
    if (path && va_name_map_find(&u->by_path, path) >= 0)
        status = va_error("%s: video '%s' was already unpacked to %s", va_h5_path(in), t.name,
                          path);
    if (status == 0)
        status = copy_video(u, in, &t, path);
    va_features_abort(&u->file);
    u->file = (struct va_features_writer){ 0 };
    va_track_release(&t);
    if (status < 0 || va_grow(&u->paths, &u->room, u->count + 1, sizeof(*u->paths)) < 0 ||
        va_name_map_add(&u->by_path, path, u->count) < 0) {
        va_free(path);
        return -1;
    }
    u->paths[u->count++] = path;
    return 0;
}

int va_unpack(const struct va_pack_job *job)
{
    struct unpacking u = { .job = job };
    int status = 0;

    for (char *const *path = job->inputs; status == 0 && *path; path++)
        status = va_h5_each_features(*path, unpack_video, &u);
    va_name_map_release(&u.by_path);
    va_h5_free_strings(u.paths, u.count);
    return status;
}
