/*
 * The videos of named streams, added all at once: first every file of every stream is read, then the
 * files of one video are compared and laid side by side.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "data/va_window_index_priv.h"
#include "io/va_h5.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A feature file of a stream. */
struct member {
    char *path;
    struct va_track track;
};

struct joined {
    const char *path; /* folder or file */
    struct member *items;
    int64_t count, room;
};

/* ---- the command line ------------------------------------------------------------------------ */

static int policy_of(const char *name)
{
    for (int i = 0; va_missing_names[i]; i++)
        if (!strcmp(va_missing_names[i], name))
            return i;
    return -1;
}

/* The place of a stream's name among the first `count` of --stream, or -1. */
static int64_t place_of(const struct va_strings *streams, int64_t count, const char *name)
{
    char other[VA_STREAM_NAME];

    for (int64_t i = 0; i < count; i++)
        if (va_stream_split(streams->items[i], other) && !strcmp(other, name))
            return i;
    return -1;
}

bool va_streams_check_options(const struct va_strings *streams,
                              const struct va_strings *policies, int *status)
{
    char name[VA_STREAM_NAME];

    if (streams->count > VA_STREAMS_MAX)
        return va_usage_error(status, "found %lld streams, expected at most %d",
                              (long long)streams->count, VA_STREAMS_MAX);
    for (int64_t i = 0; i < streams->count; i++) {
        if (!va_stream_split(streams->items[i], name))
            return va_usage_error(status,
                                  "--stream %s: expected NAME=DIR, with a name of up to %d "
                                  "letters, digits and _",
                                  streams->items[i], VA_STREAM_NAME - 1);
        if (place_of(streams, i, name) >= 0)
            return va_usage_error(status, "--stream %s: two streams are called %s",
                                  streams->items[i], name);
    }
    for (int64_t i = 0; i < policies->count; i++) {
        const char *policy = va_stream_split(policies->items[i], name);

        if (!policy || policy_of(policy) < 0 || place_of(streams, streams->count, name) < 0)
            return va_usage_error(status,
                                  "--stream-missing %s: expected NAME=POLICY, with the name of "
                                  "a stream and previous, nearest, linear, zero or drop",
                                  policies->items[i]);
    }
    return true;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->path, ((const struct member *)b)->path);
}

static int add_path(struct joined *j, char *path)
{
    if (!path || va_grow(&j->items, &j->room, j->count + 1, sizeof(*j->items)) < 0) {
        va_free(path);
        return -1;
    }
    j->items[j->count++] = (struct member){ .path = path };
    return 0;
}

static int list_folder(struct joined *j)
{
    DIR *dir = opendir(j->path);
    struct dirent *entry;
    int status = 0;

    if (!dir)
        return va_error_read(j->path, "open folder");
    while (status == 0 && (errno = 0, entry = readdir(dir))) {
        size_t n = strlen(entry->d_name);

        if (entry->d_name[0] != '.' && n > 3 && !strcmp(entry->d_name + n - 3, ".h5"))
            status = add_path(j, va_format("%s/%s", j->path, entry->d_name));
    }
    if (status == 0 && errno)
        status = va_error_read(j->path, "read folder");
    closedir(dir);
    if (status == 0 && !j->count)
        status = va_error("%s: found no feature file, expected files *.h5", j->path);
    if (status == 0)
        qsort(j->items, (size_t)j->count, sizeof(*j->items), by_path);
    return status;
}

/* The member of a video, or NULL. */
static struct member *member_of(const struct joined *j, const char *name)
{
    for (int64_t i = 0; i < j->count; i++)
        if (j->items[i].track.name && !strcmp(j->items[i].track.name, name))
            return &j->items[i];
    return NULL;
}

static void release(struct joined *j)
{
    for (int64_t i = 0; i < j->count; i++) {
        va_track_release(&j->items[i].track);
        va_free(j->items[i].path);
    }
    va_free(j->items);
}

/* The track of a video; one width, names once. */
static int add_track(void *arg, struct va_h5_in *in)
{
    struct joined *j = arg;
    const char *path = va_h5_path(in);
    struct va_track t;
    int status = va_track_read(&t, in, false);
    const struct member *same = status == 0 ? member_of(j, t.name) : NULL;

    if (same)
        status = va_error("%s: video '%s' was already added from %s", path, t.name, same->path);
    else if (status == 0 && j->count && t.dim != j->items[0].track.dim)
        status = va_error("%s: /features: found %lld columns, expected %lld as in %s", path,
                          (long long)t.dim, (long long)j->items[0].track.dim, j->items[0].path);
    if (status == 0)
        status = add_path(j, va_strdup(path));
    if (status == 0)
        j->items[j->count - 1].track = t;
    else
        va_track_release(&t);
    return status;
}

/* All tracks of a stream. */
static int read_stream(struct joined *j)
{
    struct joined files = { .path = j->path };
    int status = va_is_folder(j->path) ? list_folder(&files)
                                       : add_path(&files, va_strdup(j->path));

    for (int64_t i = 0; status == 0 && i < files.count; i++)
        status = va_h5_each_features(files.items[i].path, add_track, j);
    release(&files);
    return status;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int read_times(const struct member *m, double **pts)
{
    struct va_h5_in *in = va_h5_open(m->path, "va.features/1");
    int status = in ? va_track_times(&m->track, in, pts) : -1;

    va_h5_close(in);
    return status;
}

/* Of frames that both have, the time stamps: half a frame apart at most. */
static int compare_times(const struct member *a, const struct member *b)
{
    double *ta = NULL, *tb = NULL, near = .5 / a->track.fps;
    int status = read_times(a, &ta);

    if (status == 0)
        status = read_times(b, &tb);
    for (int64_t i = 0, k = 0; status == 0 && ta && tb && i < a->track.rows;) {
        int32_t frame = a->track.frames[i];

        while (k < b->track.rows && b->track.frames[k] < frame)
            k++;
        if (k < b->track.rows && b->track.frames[k] == frame && !(fabs(ta[i] - tb[k]) <= near))
            status = va_error(
                "%s: /pts: frame %d: found %.3f s, expected %.3f s as in %s; make "
                "both streams from the same video",
                b->path, frame, tb[k], ta[i], a->path);
        i++;
    }
    va_free(ta);
    va_free(tb);
    return status;
}

static int compare(const struct member *a, const struct member *b)
{
    const struct va_track *t = &a->track, *u = &b->track;

    if (t->frame_count != u->frame_count)
        return va_error(
            "%s: video '%s': found %lld frames, expected %lld as in %s; make both "
            "streams from the same video, or say how long it is: va-features import "
            "--frame-count",
            b->path, t->name, (long long)u->frame_count, (long long)t->frame_count, a->path);
    if (!(t->fps > 0) || !(u->fps > 0))
        return 0; /* crops without times */
    if (fabs(t->fps - u->fps) > 1e-3 * t->fps)
        return va_error("%s: video '%s': found %g frames per second, expected %g as in %s",
                        b->path, t->name, u->fps, t->fps, a->path);
    return compare_times(a, b);
}

/* ---- one video ------------------------------------------------------------------------------- */

/* What stands for all streams: a row where any has one. */
static int unite(struct va_track *all, struct member *const *members, int64_t count)
{
    const struct member *first = NULL;
    uint8_t *there;

    for (int64_t k = 0; k < count; k++)
        first = first ? first : members[k];
    *all = (struct va_track){ .fps = first->track.fps,
                              .frame_count = first->track.frame_count,
                              .name = va_strdup(first->track.name),
                              .id = va_strdup(first->track.id) };
    there = va_new(all->frame_count + 1, sizeof(*there));
    all->frames = va_new(all->frame_count, sizeof(*all->frames));
    for (int64_t k = 0; there && all->frames && k < count; k++)
        for (int64_t i = 0; members[k] && i < members[k]->track.rows; i++)
            there[members[k]->track.frames[i]] = 1;
    for (int64_t f = 1; there && all->frames && f <= all->frame_count; f++)
        if (there[f])
            all->frames[all->rows++] = (int32_t)f;
    va_free(there);
    return there && all->frames && all->name && all->id ? 0 : -1;
}

/* Entries of the whole have no rows; a stream that drops what it lacks takes the label along. */
static void mark(struct va_window_index *index)
{
    const struct va_index_video *v = &index->videos[index->video_count - 1];

    for (int64_t i = v->first; i < v->first + v->frames; i++) {
        struct va_timeline_entry *e = &index->timeline[i];

        e->row = e->next = -1;
        e->mix = 0;
        e->valid = e->label[0] >= -1;
        for (int64_t k = 0; k < index->stream_count; k++) {
            const struct va_window_index *files = index->streams[k].files;

            if (files->missing == VA_MISSING_DROP && !files->timeline[i].present)
                e->valid = 0;
        }
    }
}

/* With entries for the frames that were read. */
static int append_listed(struct va_window_index *index, struct va_track *t, const char *path,
                         int64_t T, struct va_labels *labels)
{
    const struct va_track_block all = { .count = t->rows, .frames = t->frames };
    struct va_index_runs runs = { 0 };
    int status = va_index_runs_add(&runs, &all);

    index->listed = true;
    if (status == 0)
        status = va_window_index_append(index, t, path, T, &runs, labels);
    va_free(runs.items);
    return status;
}

static int append(struct va_window_index *index, struct member *const *members,
                  const char *name, int64_t T)
{
    struct va_labels none = { 0 };

    for (int64_t k = 0; k < index->stream_count; k++) {
        struct va_track absent = { .name = members[k] ? NULL : va_strdup(name) };
        struct va_track *t = members[k] ? &members[k]->track : &absent;

        if (!t->name || append_listed(index->streams[k].files, t,
                                      members[k] ? members[k]->path : NULL, T, &none) < 0) {
            va_free(absent.name);
            return -1;
        }
    }
    return 0;
}

static int add_video(struct va_window_index *index, struct joined *streams, const char *name,
                     const struct va_label_files *files)
{
    struct member *members[VA_STREAMS_MAX] = { NULL };
    const struct member *first = NULL;
    struct va_labels labels = { 0 };
    struct va_track all = { 0 };
    int status = 0;

    for (int64_t k = 0; status == 0 && k < index->stream_count; k++) {
        members[k] = member_of(&streams[k], name);
        if (first && members[k])
            status = compare(first, members[k]);
        first = first ? first : members[k];
    }
    if (status == 0)
        status = unite(&all, members, index->stream_count);
    if (status == 0)
        status = va_window_index_labels(&labels, files, &index->label_rule, &all, first->path);
    if (status == 0) {
        int64_t T = all.frame_count > labels.count ? all.frame_count : labels.count;

        status = append(index, members, all.name, T);
        if (status == 0)
            status = append_listed(index, &all, first->path, T, &labels);
    }
    if (status == 0)
        mark(index);
    va_labels_release(&labels);
    va_track_release(&all);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* One line for a stream that lacks videos of the others. */
static void report_absent(const struct va_window_index *index, int64_t k, const char *path)
{
    const struct va_window_index *files = index->streams[k].files;
    const char *first = NULL;
    int64_t absent = 0;

    for (int64_t i = 0; i < files->video_count; i++)
        if (!files->videos[i].features) {
            first = first ? first : files->videos[i].name;
            absent++;
        }
    if (absent)
        va_warn("%s: stream %s has no file for %lld of %lld videos, such as '%s': their frames "
                "are missing in it",
                path, index->streams[k].name, (long long)absent, (long long)files->video_count,
                first);
}

static int make_stream(struct va_window_index *index, int64_t k, const char *given,
                       const struct va_strings *policies, struct joined *j)
{
    struct va_index_stream *s = &index->streams[k];
    enum va_missing missing = index->missing;
    char name[VA_STREAM_NAME];

    j->path = va_stream_split(given, s->name);
    for (int64_t i = 0; i < policies->count; i++) {
        const char *policy = va_stream_split(policies->items[i], name);

        if (policy && !strcmp(name, s->name))
            missing = (enum va_missing)policy_of(policy);
    }
    s->files = va_window_index_new(0, 1, VA_TAIL_PAD, missing, VA_LEADING_KEEP);
    if (!s->files)
        return -1;
    index->stream_count = k + 1;
    if (read_stream(j) < 0)
        return -1;
    s->dim = j->items[0].track.dim;
    return 0;
}

/* Videos in the order of the first stream that has them. */
static int add_videos(struct va_window_index *index, struct joined *streams,
                      const struct va_label_files *labels)
{
    for (int64_t k = 0; k < index->stream_count; k++)
        for (int64_t i = 0; i < streams[k].count; i++) {
            const char *name = streams[k].items[i].track.name; /* NULL: already added */

            if (name && add_video(index, streams, name, labels) < 0)
                return -1;
        }
    return 0;
}

int va_window_index_add_streams(struct va_window_index *index, const struct va_strings *streams,
                                const struct va_strings *policies,
                                const struct va_label_files *labels)
{
    struct joined joined[VA_STREAMS_MAX] = { { 0 } };
    int status = 0;

    for (int64_t k = 0; status == 0 && k < streams->count; k++)
        status = make_stream(index, k, streams->items[k], policies, &joined[k]);
    if (status == 0)
        status = add_videos(index, joined, labels);
    index->dim = 0;
    for (int64_t k = 0; status == 0 && k < index->stream_count; k++) {
        report_absent(index, k, joined[k].path);
        index->dim += index->streams[k].dim + 1;
    }
    for (int64_t k = 0; k < streams->count; k++)
        release(&joined[k]);
    return status;
}
