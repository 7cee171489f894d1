#include "data/va_predictions.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_label_fit.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LONG = 1 << 16 }; /* frames of a video that is not held, if that is wanted */

/* ---- reading video by video ------------------------------------------------------------ */

struct va_predictions_in *va_predictions_open(const char *path)
{
    struct va_predictions_in *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->in = va_h5_open(path, "va.predictions/1");
    if (p->in && va_h5_list(p->in, "/videos", &p->names, &p->count) == 0 &&
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
    va_free(p->note);
    va_h5_close(p->in);
    va_free(p);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool va_predictions_has(const struct va_predictions_in *p, const char *name)
{
    return p->count && bsearch(&name, p->names, (size_t)p->count, sizeof(name), by_text);
}

/* Values of `dataset` as new doubles [T, 2]. */
static double *read_va(struct va_h5_in *in, const char *dataset, int64_t *frames)
{
    const char *path = va_h5_path(in);
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    float *stored = NULL;
    double *va = NULL;
    int rank;

    if (va_h5_shape(in, dataset, &type, &rank, shape) < 0)
        return NULL;
    if (shape[0] > VA_FRAMES_MAX) {
        va_error("%s: %s: found %lld rows, at most %d", path, dataset, (long long)shape[0],
                 VA_FRAMES_MAX);
        return NULL;
    }
    stored = va_h5_read(in, dataset, VA_F32);
    va = stored ? va_new(2 * shape[0], sizeof(*va)) : NULL;
    for (int64_t i = 0; va && i < 2 * shape[0]; i++) {
        if (!isfinite(stored[i])) {
            va_error("%s: %s: row %lld: found %g, expected a finite number", path, dataset,
                     (long long)(i / 2), (double)stored[i]);
            va_free(va);
            va = NULL;
            break;
        }
        va[i] = (double)stored[i];
    }
    va_free(stored);
    *frames = shape[0];
    return va;
}

/* A dataset [T] or [T, 2] of a video: 0 and NULL where there is none. */
static int read_optional(struct va_h5_in *in, const char *name, const char *what,
                         enum va_dtype type, int64_t T, void *array)
{
    char *dataset = va_format("/videos/%s/%s", name, what);
    int64_t shape[VA_RANK_MAX];
    enum va_dtype stored;
    void *data = NULL;
    int rank, status = dataset ? 0 : -1;

    if (dataset && va_h5_has(in, dataset)) {
        status = va_h5_shape(in, dataset, &stored, &rank, shape);
        if (status == 0 && shape[0] != T)
            status = va_error("%s: %s: found %lld rows, expected %lld as in va", va_h5_path(in),
                              dataset, (long long)shape[0], (long long)T);
        if (status == 0 && !(data = va_h5_read(in, dataset, type)))
            status = -1;
    }
    memcpy(array, &data, sizeof(data));
    va_free(dataset);
    return status;
}

static int read_interval(const struct va_predictions_in *p, const char *name,
                         struct va_predicted *v)
{
    if (read_optional(p->in, name, "spread", VA_F32, v->frames, &v->spread) < 0 ||
        read_optional(p->in, name, "lower", VA_F32, v->frames, &v->lower) < 0 ||
        read_optional(p->in, name, "upper", VA_F32, v->frames, &v->upper) < 0)
        return -1;
    if (!v->lower != !v->upper)
        return va_error("%s: /videos/%s: found %s alone, expected lower and upper",
                        va_h5_path(p->in), name, v->lower ? "lower" : "upper");
    if (v->lower && !(p->level > 0))
        return va_error("%s: /videos/%s: found an interval, but no attribute level says which",
                        va_h5_path(p->in), name);
    return 0;
}

int va_predictions_read(const struct va_predictions_in *p, const char *name,
                        struct va_predicted *v)
{
    char *dataset = va_format("/videos/%s/va", name);

    *v = (struct va_predicted){ 0 };
    if (dataset)
        v->va = read_va(p->in, dataset, &v->frames);
    va_free(dataset);
    if (v->va && read_optional(p->in, name, "pts", VA_F64, v->frames, &v->pts) == 0 &&
        read_optional(p->in, name, "face", VA_U8, v->frames, &v->face) == 0 &&
        read_optional(p->in, name, "confidence", VA_F32, v->frames, &v->confidence) == 0 &&
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

/* Of times [T] that are finite, the first (step 1) or the last (step -1), and its row. 0: there is none. */
static int find_time(struct va_h5_in *in, const char *name, int64_t T, int64_t step,
                     int64_t *row, double *time)
{
    for (*row = step > 0 ? 0 : T - 1; *row >= 0 && *row < T; *row += step) {
        if (va_h5_read_rows(in, name, VA_F64, *row, 1, time) < 0)
            return -1;
        if (isfinite(*time))
            return 1;
    }
    return 0;
}

/* The rate that times tell, as va_rate_of_times says of all of them. */
static int read_rate(struct va_predictions_in *p, struct va_prediction *item, const char *name)
{
    double time[2] = { 0 };
    int64_t row[2] = { 0 };
    int first = 0, last = 0;
    char *pts = va_format("/videos/%s/pts", name);

    if (pts && va_h5_has(p->in, pts)) {
        first = find_time(p->in, pts, item->frames, 1, &row[0], &time[0]);
        last = first > 0 ? find_time(p->in, pts, item->frames, -1, &row[1], &time[1]) : 0;
    }
    va_free(pts);
    if (!pts || first < 0 || last < 0)
        return -1;
    if (row[1] > row[0] && time[1] > time[0])
        item->fps = (double)(row[1] - row[0]) / (time[1] - time[0]);
    return 0;
}

/* What is known of a video whose values stay in the file. */
static int add_video(struct va_predictions *set, struct va_predictions_in *p, const char *name)
{
    char *va = va_format("/videos/%s/va", name), *lower = va_format("/videos/%s/lower", name),
         *upper = va_format("/videos/%s/upper", name);
    int64_t shape[VA_RANK_MAX];
    struct va_prediction *item;
    enum va_dtype type;
    int rank, status = -1;

    if (!va || !lower || !upper || va_h5_shape(p->in, va, &type, &rank, shape) < 0)
        goto done;
    if (shape[0] > VA_FRAMES_MAX) {
        va_error("%s: %s: found %lld rows, at most %d", va_h5_path(p->in), va,
                 (long long)shape[0], VA_FRAMES_MAX);
        goto done;
    }
    if (add_item(set, name, va_h5_path(p->in), shape[0], NULL, 0) < 0)
        goto done;
    item = &set->items[set->count - 1];
    item->in = p;
    if (va_h5_has(p->in, lower) != va_h5_has(p->in, upper))
        va_error("%s: /videos/%s: found %s alone, expected lower and upper", va_h5_path(p->in),
                 name, va_h5_has(p->in, lower) ? "lower" : "upper");
    else if (va_h5_has(p->in, lower) && !(p->level > 0))
        va_error("%s: /videos/%s: found an interval, but no attribute level says which",
                 va_h5_path(p->in), name);
    else
        status = read_rate(p, item, name);
    if (va_h5_has(p->in, lower))
        item->level = p->level;
done:
    va_free(va);
    va_free(lower);
    va_free(upper);
    return status;
}

static int read_part(struct va_h5_in *in, const char *name, const char *what, int64_t first,
                     int64_t count, float *x)
{
    char *dataset = va_format("/videos/%s/%s", name, what);
    int status = dataset ? va_h5_read_rows(in, dataset, VA_F32, first, count, x) : -1;

    for (int64_t i = 0; status == 0 && i < 2 * count; i++)
        if (!isfinite(x[i]))
            status = va_error("%s: %s: row %lld: found %g, expected a finite number",
                              va_h5_path(in), dataset, (long long)(first + i / 2),
                              (double)x[i]);
    va_free(dataset);
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
    if (read_part(p->in->in, p->name, "va", first, count, lower) < 0)
        return -1;
    for (int64_t i = 0; i < 2 * count; i++)
        va[i] = (double)lower[i]; /* which is filled anew */
    return p->level > 0 && (read_part(p->in->in, p->name, "lower", first, count, lower) < 0 ||
                            read_part(p->in->in, p->name, "upper", first, count, upper) < 0)
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

/* Whether a video is so long that its values stay in the file: 1 or 0, or -1 after reporting. */
static int is_long(struct va_predictions_in *p, const char *name)
{
    char *va = va_format("/videos/%s/va", name);
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank, status = va ? va_h5_shape(p->in, va, &type, &rank, shape) : -1;

    va_free(va);
    return status < 0 ? -1 : shape[0] > LONG;
}

static int add_videos(struct va_predictions *set, struct va_predictions_in *p)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < p->count; i++) {
        int large = set->in_files ? is_long(p, p->names[i]) : 0;

        status = large < 0 ? -1
                 : large   ? add_video(set, p, p->names[i])
                           : load_video(set, p, p->names[i]);
    }
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
