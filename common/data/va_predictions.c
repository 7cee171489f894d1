/*
 * Predictions as they are read. Which rows of which dataset are those of a video is known in one place
 * (find_part), so nothing else tells a file with a group for each video from a flat one.
 */
#include "data/va_predictions.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_label_fit.h"
#include "data/va_predictions_priv.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- a file ------------------------------------------------------------------------------ */

/* The table of a flat file, by name. */
struct va_predictions_table {
    int64_t *first, *end; /* [count] rows of a video, without the last */
    uint8_t *has;         /* [count] a bit for each column */
};

static void free_table(struct va_predictions_table *t)
{
    if (!t)
        return;
    va_free(t->first);
    va_free(t->end);
    va_free(t->has);
    va_free(t);
}

/* The columns that each video has: all that the file has, unless flags tell otherwise. */
static int read_flags(const struct va_predictions_in *p, const int32_t *order)
{
    for (int i = 0; i < VA_PREDICTED; i++) {
        char *column = va_format("/%s", va_predicted_columns[i].name),
             *name = va_format("/videos/%s", va_predicted_columns[i].name);
        const bool there = column && va_h5_has(p->in, column),
                   told = there && i != VA_PREDICTED_VA && name && va_h5_has(p->in, name);
        uint8_t *flags = told ? va_h5_read(p->in, name, VA_U8) : NULL;
        int status = column && name && (!told || flags) ? 0 : -1;

        for (int64_t v = 0; status == 0 && there && v < p->count; v++) {
            uint8_t flag = flags ? flags[order[v]] : 1;

            if (flag > 1)
                status = va_error("%s: %s: video '%s': found %d, expected 0 or 1",
                                  va_h5_path(p->in), name, p->names[v], flag);
            p->table->has[v] |= (uint8_t)(flag << i);
        }
        va_free(flags);
        va_free(column);
        va_free(name);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* The table by name, of which `stored` and `first` are the columns as they are in the file. */
static int fill_table(struct va_predictions_in *p, char **stored, const int64_t *first)
{
    struct va_predictions_table *t = p->table;
    int32_t *order = va_h5_order_names(va_h5_path(p->in), "/videos/name", stored, p->count);
    int status = order ? 0 : -1;

    for (int64_t v = 0; status == 0 && v < p->count; v++) {
        p->names[v] = stored[order[v]];
        t->first[v] = first[order[v]];
        t->end[v] = first[order[v] + 1];
        stored[order[v]] = NULL;
    }
    if (status == 0)
        status = read_flags(p, order);
    va_free(order);
    return status;
}

static int read_table(struct va_predictions_in *p)
{
    int64_t shape[VA_RANK_MAX], count, *first;
    char **stored;
    enum va_dtype type;
    int rank, status = -1;

    if (va_h5_shape(p->in, "/va", &type, &rank, shape) < 0 ||
        va_h5_read_strings(p->in, "/videos/name", &stored, &count) < 0)
        return -1;
    if (!count) {
        va_h5_free_strings(stored, count);
        return va_error("%s: /videos/name: found no video, expected at least one",
                        va_h5_path(p->in));
    }
    first = va_h5_read(p->in, "/videos/first", VA_I64); /* the schema has seen to its length */
    p->table = va_new(1, sizeof(*p->table));
    p->names = va_new(count, sizeof(*p->names));
    if (p->names)
        p->count = count;
    if (first && p->table && p->names &&
        (p->table->first = va_new(count, sizeof(*p->table->first))) &&
        (p->table->end = va_new(count, sizeof(*p->table->end))) &&
        (p->table->has = va_new(count, sizeof(*p->table->has))) &&
        va_h5_check_parts(va_h5_path(p->in), "/videos/first", first, count, shape[0]) == 0)
        status = fill_table(p, stored, first);
    va_h5_free_strings(stored, count);
    va_free(first);
    return status;
}

/* What is known of the videos, none of which is read. */
static int read_videos(struct va_predictions_in *p)
{
    char *schema = va_h5_get_string(p->in, NULL, "schema");
    int status = !schema ? -1
                 : !strcmp(schema, VA_PREDICTIONS_FLAT)
                     ? read_table(p)
                     : va_h5_list(p->in, "/videos", &p->names, &p->count);

    va_free(schema);
    return status;
}

struct va_predictions_in *va_predictions_open(const char *path)
{
    struct va_predictions_in *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->in = va_h5_open(path, "va.predictions");
    if (p->in && read_videos(p) == 0 &&
        va_h5_get_strings(p->in, NULL, "models", &p->models, &p->model_count) == 0 &&
        (!va_h5_has_attribute(p->in, NULL, "note") ||
         (p->note = va_h5_get_string(p->in, NULL, "note"))) &&
        (!va_h5_has_attribute(p->in, NULL, "level") ||
         va_h5_get_real(p->in, NULL, "level", &p->level) == 0))
        return p;
    va_predictions_close(p);
    return NULL;
}

void va_predictions_close(struct va_predictions_in *p)
{
    if (!p)
        return;
    va_h5_free_strings(p->names, p->count);
    va_h5_free_strings(p->models, p->model_count);
    free_table(p->table);
    va_free(p->note);
    va_h5_close(p->in);
    va_free(p);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The number of a video, or -1. */
static int64_t find_video(const struct va_predictions_in *p, const char *name)
{
    char **found = p->count ? bsearch(&name, p->names, (size_t)p->count, sizeof(name), by_text)
                            : NULL;

    return found ? found - p->names : -1;
}

bool va_predictions_has(const struct va_predictions_in *p, const char *name)
{
    return find_video(p, name) >= 0;
}

/* The rows of a video in one of the columns. */
struct part {
    char *dataset; /* NULL: the video has no such column */
    int64_t first, rows;
};

/* 0, or -1 after reporting; the caller frees the name of the dataset. */
static int find_part(const struct va_predictions_in *p, const char *name, int what,
                     struct part *part)
{
    const char *column = va_predicted_columns[what].name;
    const int64_t v = find_video(p, name);
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    *part = (struct part){ 0 };
    if (v < 0)
        return va_error("%s: found no video '%s'", va_h5_path(p->in), name);
    if (p->table && !(p->table->has[v] >> what & 1))
        return 0;
    part->dataset = p->table ? va_format("/%s", column)
                             : va_format("/videos/%s/%s", name, column);
    if (!part->dataset)
        return -1;
    if (p->table) {
        part->first = p->table->first[v];
        part->rows = p->table->end[v] - part->first;
    } else if (!va_h5_has(p->in, part->dataset)) {
        va_free(part->dataset);
        part->dataset = NULL;
    } else if (va_h5_shape(p->in, part->dataset, &type, &rank, shape) == 0) {
        part->rows = shape[0];
    } else {
        va_free(part->dataset);
        return -1;
    }
    return 0;
}

/* The rows of va, which every video has. */
static int find_va(const struct va_predictions_in *p, const char *name, struct part *part)
{
    if (find_part(p, name, VA_PREDICTED_VA, part) < 0)
        return -1;
    if (part->rows <= VA_FRAMES_MAX)
        return 0;
    va_error("%s: %s: video '%s': found %lld rows, at most %d", va_h5_path(p->in),
             part->dataset, name, (long long)part->rows, VA_FRAMES_MAX);
    va_free(part->dataset);
    return -1;
}

/* Rows [first, first + count) of [T, 2] values, which must be finite. */
static int read_values(const struct va_predictions_in *p, const struct part *part,
                       int64_t first, int64_t count, float *x)
{
    int status = va_h5_read_rows(p->in, part->dataset, VA_F32, part->first + first, count, x);

    for (int64_t i = 0; status == 0 && i < 2 * count; i++)
        if (!isfinite(x[i]))
            status = va_error("%s: %s: row %lld: found %g, expected a finite number",
                              va_h5_path(p->in), part->dataset,
                              (long long)(part->first + first + i / 2), (double)x[i]);
    return status;
}

/* ---- reading video by video ------------------------------------------------------------ */

static int read_va(const struct va_predictions_in *p, const char *name, struct va_predicted *v)
{
    struct part part;
    float *stored = NULL;
    int status = find_va(p, name, &part);

    if (status < 0)
        return -1;
    v->frames = part.rows;
    v->va = va_new(v->frames, 2 * sizeof(*v->va));
    stored = v->va ? va_new(v->frames, 2 * sizeof(*stored)) : NULL;
    status = stored ? read_values(p, &part, 0, v->frames, stored) : -1;
    for (int64_t i = 0; status == 0 && i < 2 * v->frames; i++)
        v->va[i] = (double)stored[i];
    va_free(stored);
    va_free(part.dataset);
    return status;
}

/* A column [T] or [T, 2] of a video: 0 and NULL where there is none. */
static int read_optional(const struct va_predictions_in *p, const char *name, int what,
                         int64_t T, void *array)
{
    const struct va_predicted_column *c = &va_predicted_columns[what];
    struct part part;
    void *data = NULL;
    int status = find_part(p, name, what, &part);

    if (status == 0 && part.dataset) {
        if (part.rows != T)
            status = va_error("%s: %s: found %lld rows, expected %lld as in va",
                              va_h5_path(p->in), part.dataset, (long long)part.rows,
                              (long long)T);
        else if (!(data = va_new(T, (size_t)c->rank * va_dtype_size(c->type))) ||
                 va_h5_read_rows(p->in, part.dataset, c->type, part.first, T, data) < 0)
            status = -1;
        va_free(part.dataset);
    }
    if (status < 0) {
        va_free(data);
        data = NULL;
    }
    memcpy(array, &data, sizeof(data));
    return status;
}

/* Both ends of the interval or neither, and its level. */
static int check_interval(const struct va_predictions_in *p, const char *name, bool lower,
                          bool upper)
{
    if (lower != upper)
        return va_error("%s: /videos/%s: found %s alone, expected lower and upper",
                        va_h5_path(p->in), name, lower ? "lower" : "upper");
    if (lower && !(p->level > 0))
        return va_error("%s: /videos/%s: found an interval, but no attribute level says which",
                        va_h5_path(p->in), name);
    return 0;
}

static int read_interval(const struct va_predictions_in *p, const char *name,
                         struct va_predicted *v)
{
    if (read_optional(p, name, VA_PREDICTED_SPREAD, v->frames, &v->spread) < 0 ||
        read_optional(p, name, VA_PREDICTED_LOWER, v->frames, &v->lower) < 0 ||
        read_optional(p, name, VA_PREDICTED_UPPER, v->frames, &v->upper) < 0)
        return -1;
    return check_interval(p, name, v->lower, v->upper);
}

int va_predictions_read(const struct va_predictions_in *p, const char *name,
                        struct va_predicted *v)
{
    *v = (struct va_predicted){ 0 };
    if (read_va(p, name, v) == 0 &&
        read_optional(p, name, VA_PREDICTED_PTS, v->frames, &v->pts) == 0 &&
        read_optional(p, name, VA_PREDICTED_FACE, v->frames, &v->face) == 0 &&
        read_optional(p, name, VA_PREDICTED_CONFIDENCE, v->frames, &v->confidence) == 0 &&
        read_interval(p, name, v) == 0)
        return 0;
    va_predicted_release(v);
    return -1;
}

void va_predicted_release(struct va_predicted *v)
{
    va_free(v->va);
    va_free(v->pts);
    va_free(v->face);
    va_free(v->confidence);
    va_free(v->spread);
    va_free(v->lower);
    va_free(v->upper);
    *v = (struct va_predicted){ 0 };
}

int va_predictions_check(const char *path)
{
    struct va_predictions_in *p = va_predictions_open(path);
    int status = p ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < p->count; i++) {
        struct va_predicted v;

        status = va_predictions_read(p, p->names[i], &v);
        va_predicted_release(&v);
    }
    va_predictions_close(p);
    return status;
}

struct va_frame_values va_predicted_with(const struct va_predicted *v, const char *name,
                                         const float *va)
{
    return (struct va_frame_values){ .name = name,
                                     .T = v->frames,
                                     .va = va,
                                     .pts = v->pts,
                                     .face = v->face,
                                     .confidence = v->confidence };
}

/* ---- reading all at once --------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct va_prediction *)a)->name,
                  ((const struct va_prediction *)b)->name);
}

/* Add an item; takes va in any case. */
static int add_item(struct va_predictions *set, const char *name, const char *path,
                    int64_t frames, double *va, double fps)
{
    struct va_prediction item = { .frames = frames, .va = va, .fps = fps };

    item.name = va_strdup(name);
    item.path = va_strdup(path);
    if (item.name && item.path &&
        va_grow(&set->items, &set->room, set->count + 1, sizeof(item)) == 0) {
        set->items[set->count++] = item;
        return 0;
    }
    va_free(item.name);
    va_free(item.path);
    va_free(va);
    return -1;
}

/* Sort, and refuse a video that came twice. */
static int settle(struct va_predictions *set)
{
    if (set->count)
        qsort(set->items, (size_t)set->count, sizeof(*set->items), by_name);
    for (int64_t i = 1; i < set->count; i++)
        if (!strcmp(set->items[i - 1].name, set->items[i].name))
            return va_error("%s: video '%s' is also predicted in %s", set->items[i].path,
                            set->items[i].name, set->items[i - 1].path);
    return 0;
}

static int add_text(struct va_predictions *set, const char *name, const char *path)
{
    struct va_labels rows;

    if (va_labels_read(&rows, path, VA_LABELS_PREDICTION) < 0)
        return -1;
    return add_item(set, name, path, rows.count, rows.va, 0);
}

static int add_folder(struct va_predictions *set, const char *folder)
{
    struct va_label_files files = { 0 };
    int status = va_label_files_add(&files, folder);

    if (status == 0 && files.count == 0)
        status = va_error("%s: found no <video>.txt in this folder", folder);
    for (int64_t i = 0; status == 0 && i < files.count; i++)
        status = add_text(set, files.items[i].name, files.items[i].path);
    va_label_files_release(&files);
    return status;
}

/* Remember what was read, for the provenance. */
static int add_input(struct va_predictions *set, const char *path, const char *id)
{
    int64_t n = set->input_count, room = set->input_room;

    if (!id || va_grow(&set->inputs, &room, n + 1, sizeof(*set->inputs)) < 0 ||
        va_grow(&set->ids, &set->input_room, n + 1, sizeof(*set->ids)) < 0)
        return -1;
    set->inputs[n] = va_strdup(path);
    set->ids[n] = va_strdup(id);
    set->input_count++;
    return set->inputs[n] && set->ids[n] ? 0 : -1;
}

static void take_interval(struct va_prediction *item, struct va_predicted *v, double level)
{
    item->lower = v->lower;
    item->upper = v->upper;
    item->level = level;
    v->lower = v->upper = NULL;
}

/* Of times that are finite, the first (step 1) or the last (step -1), and its row. 0: there is none. */
static int find_time(struct va_h5_in *in, const struct part *pts, int64_t step, int64_t *row,
                     double *time)
{
    for (*row = step > 0 ? 0 : pts->rows - 1; *row >= 0 && *row < pts->rows; *row += step) {
        if (va_h5_read_rows(in, pts->dataset, VA_F64, pts->first + *row, 1, time) < 0)
            return -1;
        if (isfinite(*time))
            return 1;
    }
    return 0;
}

/* The rate that times tell, as va_rate_of_times says of all of them. */
static int read_rate(const struct va_predictions_in *p, struct va_prediction *item)
{
    double time[2] = { 0 };
    int64_t row[2] = { 0 };
    int first = 0, last = 0;
    struct part pts;

    if (find_part(p, item->name, VA_PREDICTED_PTS, &pts) < 0)
        return -1;
    if (pts.dataset) {
        first = find_time(p->in, &pts, 1, &row[0], &time[0]);
        last = first > 0 ? find_time(p->in, &pts, -1, &row[1], &time[1]) : 0;
    }
    va_free(pts.dataset);
    if (first < 0 || last < 0)
        return -1;
    if (row[1] > row[0] && time[1] > time[0])
        item->fps = (double)(row[1] - row[0]) / (time[1] - time[0]);
    return 0;
}

/* 1, 0, or -1 after reporting. */
static int has_part(const struct va_predictions_in *p, const char *name, int what)
{
    struct part part;
    int result = find_part(p, name, what, &part) < 0 ? -1 : part.dataset != NULL;

    va_free(part.dataset);
    return result;
}

/* What is known of a video whose values stay in the file. */
static int add_video(struct va_predictions *set, struct va_predictions_in *p, const char *name)
{
    const int lower = has_part(p, name, VA_PREDICTED_LOWER),
              upper = has_part(p, name, VA_PREDICTED_UPPER);
    struct va_prediction *item;
    struct part va;

    if (lower < 0 || upper < 0 || check_interval(p, name, lower, upper) < 0 ||
        find_va(p, name, &va) < 0)
        return -1;
    va_free(va.dataset);
    if (add_item(set, name, va_h5_path(p->in), va.rows, NULL, 0) < 0)
        return -1;
    item = &set->items[set->count - 1];
    item->in = p;
    item->level = lower ? p->level : 0;
    return read_rate(p, item);
}

static int read_part(const struct va_prediction *v, int what, int64_t first, int64_t count,
                     float *x)
{
    struct part part;
    int status = find_part(v->in, v->name, what, &part);

    if (status == 0)
        status = read_values(v->in, &part, first, count, x);
    va_free(part.dataset);
    return status;
}

int va_prediction_rows(const struct va_prediction *p, int64_t first, int64_t count, double *va,
                       float *lower, float *upper)
{
    const size_t size = 2 * (size_t)count;

    if (p->va) {
        memcpy(va, p->va + 2 * first, size * sizeof(*va));
        if (p->lower) {
            memcpy(lower, p->lower + 2 * first, size * sizeof(*lower));
            memcpy(upper, p->upper + 2 * first, size * sizeof(*upper));
        }
        return 0;
    }
    if (read_part(p, VA_PREDICTED_VA, first, count, lower) < 0)
        return -1;
    for (int64_t i = 0; i < 2 * count; i++)
        va[i] = (double)lower[i]; /* which is filled anew */
    return p->level > 0 && (read_part(p, VA_PREDICTED_LOWER, first, count, lower) < 0 ||
                            read_part(p, VA_PREDICTED_UPPER, first, count, upper) < 0)
               ? -1
               : 0;
}

static int load_video(struct va_predictions *set, struct va_predictions_in *p, const char *name)
{
    struct va_predicted v;
    int status;

    if (va_predictions_read(p, name, &v) < 0)
        return -1;
    status = add_item(set, name, va_h5_path(p->in), v.frames, v.va,
                      va_rate_of_times(v.pts, v.frames));
    v.va = NULL; /* the set's */
    if (status == 0 && v.lower)
        take_interval(&set->items[set->count - 1], &v, p->level);
    va_predicted_release(&v);
    return status;
}

static int add_videos(struct va_predictions *set, struct va_predictions_in *p)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < p->count; i++)
        status = set->in_files ? add_video(set, p, p->names[i])
                               : load_video(set, p, p->names[i]);
    return status;
}

static int add_file(struct va_predictions *set, const char *path)
{
    struct va_predictions_in *p = va_predictions_open(path);
    int status = p ? add_input(set, path, va_h5_id(p->in)) : -1;

    if (status == 0 && set->in_files) {
        status = va_grow(&set->files, &set->file_room, set->file_count + 1,
                         sizeof(*set->files));
        if (status == 0) {
            set->files[set->file_count++] = p;
            return add_videos(set, p);
        }
    }
    if (status == 0)
        status = add_videos(set, p);
    va_predictions_close(p);
    return status;
}

int va_predictions_add(struct va_predictions *set, const char *path)
{
    size_t n = strlen(path);
    struct stat st;
    int status;

    if (stat(path, &st) < 0)
        return va_error_read(path, "open");
    if (S_ISDIR(st.st_mode)) {
        status = add_folder(set, path);
    } else if (n > 4 && !strcasecmp(path + n - 4, ".txt")) {
        char *name = va_video_name_enter(path, "rename it");

        status = name ? add_text(set, name, path) : -1;
        va_free(name);
    } else {
        status = add_file(set, path);
    }
    return status < 0 ? -1 : settle(set);
}

const struct va_prediction *va_predictions_find(const struct va_predictions *set,
                                                const char *name)
{
    struct va_prediction key = { .name = NULL };

    if (!set->count)
        return NULL;
    memcpy(&key.name, &name, sizeof(name)); /* only compared */
    return bsearch(&key, set->items, (size_t)set->count, sizeof(key), by_name);
}

void va_predictions_release(struct va_predictions *set)
{
    for (int64_t i = 0; i < set->count; i++) {
        va_free(set->items[i].name);
        va_free(set->items[i].path);
        va_free(set->items[i].va);
        va_free(set->items[i].lower);
        va_free(set->items[i].upper);
    }
    for (int64_t i = 0; i < set->input_count; i++) {
        va_free(set->inputs[i]);
        va_free(set->ids[i]);
    }
    va_free(set->items);
    for (int64_t i = 0; i < set->file_count; i++)
        va_predictions_close(set->files[i]);
    va_free(set->files);
    va_free(set->inputs);
    va_free(set->ids);
    *set = (struct va_predictions){ 0 };
}
