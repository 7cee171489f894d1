#include "data/va_window_index.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_lists.h"
#include "data/va_track.h"
#include "data/va_window_index_priv.h"
#include "io/va_h5.h"
#include <string.h>

const char *const va_missing_names[] = {
    "previous", "nearest", "linear", "zero", "drop", NULL
};
const char *const va_leading_names[] = { "keep", "cut", NULL };

struct va_window_index *va_window_index_new(int64_t window, int64_t stride, enum va_tail tail,
                                            enum va_missing missing, enum va_leading leading)
{
    struct va_window_index *index = va_new(1, sizeof(*index));

    if (!index)
        return NULL;
    index->window = window;
    index->stride = stride;
    index->tail = tail;
    index->missing = missing;
    index->leading = leading;
    return index;
}

void va_window_index_free(struct va_window_index *index)
{
    if (!index)
        return;
    va_index_sources_close(index);
    for (int64_t i = 0; i < index->stream_count; i++)
        va_window_index_free(index->streams[i].files);
    for (int64_t i = 0; i < index->video_count; i++) {
        va_free(index->videos[i].name);
        va_free(index->videos[i].features);
        va_free(index->videos[i].features_id);
        va_free(index->videos[i].encoder);
        va_free(index->videos[i].input);
        va_free(index->videos[i].runs);
        va_free(index->videos[i].labels);
    }
    va_free(index->videos);
    va_name_map_release(&index->names);
    va_free(index->timeline);
    va_free(index->windows);
    va_free(index->path);
    va_free(index);
}

int64_t va_window_index_find(const struct va_window_index *index, const char *name)
{
    return va_name_map_find(&index->names, name);
}

int va_window_index_select(const struct va_window_index *index, const char *list,
                           int64_t **videos, int64_t *count)
{
    struct va_name_list names;
    int status;

    *videos = NULL;
    *count = 0;
    if (va_name_list_read(&names, list) < 0)
        return -1;
    *videos = va_new(names.count, sizeof(**videos));
    status = *videos ? 0 : -1;
    for (int64_t i = 0; status == 0 && i < names.count; i++) {
        (*videos)[i] = va_window_index_find(index, names.items[i].name);
        if ((*videos)[i] < 0)
            status = va_name_list_unknown(&names, i, index->path ? index->path : "the windows");
    }
    if (status == 0)
        *count = names.count;
    va_name_list_release(&names);
    return status;
}

/* ---- adding a video -------------------------------------------------------------------- */

/* Append the entries of a video to the list. */
static int list_entries(struct va_window_index *index, const struct va_index_video *v)
{
    if (va_grow(&index->timeline, &index->entry_room, index->entry_count + v->frames + 1,
                sizeof(*index->timeline)) < 0)
        return -1;
    for (int64_t i = 0; i < v->frames; i++)
        index->timeline[index->entry_count + i] = va_index_entry(v, index->missing, i);
    return 0;
}

struct adding {
    struct va_window_index *index;
    int64_t from; /* windows begin here */
};

static int add_window(void *arg, int64_t start, int64_t length)
{
    struct adding *a = arg;
    struct va_window_index *index = a->index;

    if (va_grow(&index->windows, &index->window_room, index->window_count + 1,
                sizeof(*index->windows)) < 0)
        return -1;
    index->windows[index->window_count++] =
        (struct va_window){ .video = (int32_t)index->video_count,
                            .start = (int32_t)(a->from + start),
                            .length = (int32_t)length };
    return 0;
}

int va_window_index_labels(struct va_labels *labels, const struct va_label_files *files,
                           const struct va_label_rule *rule, const struct va_track *t,
                           const char *path)
{
    const struct va_label_file *file = files ? va_label_files_find(files, t->name) : NULL;
    const struct va_label_video video = { t->name, t->frame_count, t->fps };

    *labels = (struct va_labels){ 0 };
    if (files && !file)
        va_warn("%s: video '%s' has no label file; all its frames are unlabelled", path,
                t->name);
    if (!file)
        return 0;
    return va_labels_read(labels, file->path, VA_LABELS_ANNOTATION) < 0
               ? -1
               : va_labels_fit(labels, file->path, rule, &video);
}

static int check_new(const struct va_window_index *index, const struct va_track *t,
                     const char *path)
{
    int64_t same = va_window_index_find(index, t->name);

    if (same >= 0)
        return va_error("%s: video '%s' was already added from %s", path, t->name,
                        index->videos[same].features);
    if (index->dim && index->dim != t->dim)
        return va_error("%s: /features: found %lld columns, expected %lld as in %s", path,
                        (long long)t->dim, (long long)index->dim, index->videos[0].features);
    if (index->video_count == INT32_MAX)
        return va_error("%s: too many videos", path);
    return 0;
}

int va_window_index_append(struct va_window_index *index, struct va_track *t, const char *path,
                           int64_t T, struct va_index_runs *runs, struct va_labels *labels)
{
    struct va_index_video v = { .first = index->entry_count,
                                .frames = T,
                                .frame_count = t->frame_count,
                                .label_count = labels->count,
                                .first_window = index->window_count,
                                .runs = runs->items,
                                .run_count = runs->count,
                                .labels = labels->va };
    struct adding a = { .index = index };

    v.features = path ? va_strdup(path) : NULL;
    if (index->leading == VA_LEADING_CUT)
        a.from = runs->count ? runs->items[0].frame - 1 : v.frames;
    if ((path && !v.features) ||
        va_grow(&index->videos, &index->video_room, index->video_count + 1, sizeof(v)) < 0 ||
        (index->listed && list_entries(index, &v) < 0) ||
        (index->window && va_window_plan(v.frames - a.from, index->window, index->stride,
                                         index->tail, add_window, &a) < 0) ||
        va_name_map_add(&index->names, t->name, index->video_count) < 0) {
        va_free(v.features);
        return -1;
    }
    index->entry_count += T;
    v.window_count = index->window_count - v.first_window;
    v.name = t->name;
    v.features_id = t->id;
    v.encoder = t->encoder;
    v.input = t->input;
    v.fps = t->fps;
    t->name = t->id = t->encoder = t->input = NULL;
    if (index->listed) {
        v.runs = NULL;
        v.labels = NULL;
    } else {
        runs->items = NULL;
        labels->va = NULL;
    }
    index->videos[index->video_count++] = v;
    if (t->dim)
        index->dim = t->dim;
    return 0;
}

struct added {
    struct va_window_index *index;
    const struct va_label_files *labels;
};

static int add(void *arg, struct va_h5_in *in)
{
    struct va_window_index *index = ((struct added *)arg)->index;
    const struct va_label_files *labels = ((struct added *)arg)->labels;
    const char *path = va_h5_path(in);
    struct va_index_runs runs = { 0 };
    struct va_labels found = { 0 };
    struct va_track t;
    int status = -1;

    if (va_track_head(&t, in, index->frames) == 0 && check_new(index, &t, path) == 0 &&
        va_track_each(&t, in, false, va_index_runs_add, &runs) == 0 &&
        va_window_index_labels(&found, labels, &index->label_rule, &t, path) == 0)
        status = va_window_index_append(
            index, &t, path, t.frame_count > found.count ? t.frame_count : found.count, &runs,
            &found);
    va_free(runs.items);
    va_labels_release(&found);
    va_track_release(&t);
    return status;
}

int va_window_index_add(struct va_window_index *index, const char *path,
                        const struct va_label_files *labels)
{
    struct added added = { index, labels };

    return va_h5_each_features(path, add, &added);
}

int va_window_index_add_frames(struct va_window_index *index, const char *path,
                               const struct va_label_files *labels)
{
    struct added added = { index, labels };
    struct va_h5_in *in = va_h5_open(path, "va.frames/1");
    int status;

    index->frames = true;
    status = in ? add(&added, in) : -1;
    va_h5_close(in);
    return status;
}
