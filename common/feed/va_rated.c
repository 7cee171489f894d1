#include "feed/va_rated.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "data/va_expressions.h"
#include "data/va_lists.h"
#include <stdlib.h>
#include <string.h>

const char *const va_unmatched_names[] = { "refuse", "skip", "allow", NULL };

/* ---- reading ----------------------------------------------------------------------------------- */

/* The video of this name, or -1 after reporting. */
static int32_t find_video(const struct va_pictures *p, const struct va_name_list *names,
                          int64_t i)
{
    int64_t found = -1;

    for (int64_t v = 0; v < va_pictures_videos(p); v++) {
        if (strcmp(va_pictures_video(p, v)->name, names->items[i].name))
            continue;
        if (found >= 0)
            return va_error("%s: second input for video %s, the first is %s",
                            va_pictures_video(p, v)->path, names->items[i].name,
                            va_pictures_video(p, found)->path);
        found = v;
    }
    return found < 0 ? va_name_list_unknown(names, i, "the frames") : (int32_t)found;
}

/* A picture and its place in the collection. */
struct numbered {
    struct va_picture of;
    int64_t picture;
};

static int by_number(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;

    if (x->of.number != y->of.number)
        return x->of.number < y->of.number ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

/* Annotations of one video. */
struct notes {
    const char *path; /* of the label file */
    struct va_labels labels;
    struct va_expressions expressions;
};

static int read_notes(struct notes *n, const char *list, const struct va_picture_video *v,
                      const struct va_rated_sources *from)
{
    const struct va_label_file *file = va_label_files_find(from->labels, v->name);
    const struct va_label_file *more = from->expressions
                                           ? va_label_files_find(from->expressions, v->name)
                                           : NULL;
    const struct va_label_video video = { v->name, v->frame_count, v->fps };
    const struct va_label_rule rule = {
        .fps = from->label_fps,
        .unmatched = from->unmatched == VA_UNMATCHED_ALLOW ? VA_LABELS_ALLOW : VA_LABELS_REFUSE,
        .silent = true, /* pictures without a row are counted and said */
    };

    if (!file && !more)
        return va_error("%s: found video %s, which has no label file %s.txt", list, v->name,
                        v->name);
    n->path = file ? file->path : more->path;
    if (file && (va_labels_read(&n->labels, file->path, VA_LABELS_ANNOTATION) < 0 ||
                 va_labels_fit(&n->labels, file->path, &rule, &video) < 0))
        return -1;
    return more && (va_expressions_read(&n->expressions, more->path, from->classes) < 0 ||
                    va_label_rows_fit(n->expressions.count, more->path, &rule, &video) < 0)
               ? -1
               : 0;
}

/* 1 when the picture has an annotation, 0 when it has none, -1 after reporting. */
static int annotate(const struct notes *n, const struct va_picture_video *v,
                    const struct va_picture *p, const struct va_rated_sources *from,
                    struct va_rated *set, struct va_rated_item *item)
{
    int64_t k = p->number - 1, lines = n->labels.count;

    item->valid = 0;
    item->expression = -1;
    if (p->number < 1)
        return va_error(
            "%s: image %lld has no number, expected names of one kind, like 00012.jpg", v->path,
            (long long)p->row + 1);
    if (n->expressions.count > lines)
        lines = n->expressions.count;
    if (k >= lines) {
        set->unmatched++;
        return from->unmatched != VA_UNMATCHED_REFUSE
                   ? 0
                   : va_error(
                         "%s: picture %d has no row in %s, which has %lld rows (--unmatched skip "
                         "leaves such pictures out)",
                         v->path, p->number, n->path, (long long)lines);
    }
    if (k < n->labels.count && va_is_labelled(n->labels.va + 2 * k)) {
        item->va[0] = (float)n->labels.va[2 * k];
        item->va[1] = (float)n->labels.va[2 * k + 1];
        item->valid = 1;
    }
    if (k < n->expressions.count)
        item->expression = n->expressions.class[k];
    return item->valid != 0 || item->expression >= 0;
}

static void hash_item(struct va_hash *h, const struct va_picture *p,
                      const struct va_rated_item *item)
{
    va_hash_add(h, &p->number, sizeof(p->number));
    va_hash_add(h, item->va, sizeof(item->va));
    va_hash_add(h, &item->valid, sizeof(item->valid));
    va_hash_add(h, &item->expression, sizeof(item->expression));
}

static int add_items(struct va_rated *set, const struct notes *n, int32_t video,
                     const struct numbered *sorted, const struct va_rated_sources *from)
{
    const struct va_picture_video *v = va_pictures_video(from->pictures, video);
    int64_t first = set->count, found = 0;

    va_hash_add(&set->hash, v->name, strlen(v->name) + 1);
    if (v->id)
        va_hash_add(&set->hash, v->id, strlen(v->id));
    for (int64_t i = 0; i < v->count; i++) {
        struct va_rated_item item = { .picture = sorted[i].picture };
        int got = annotate(n, v, &sorted[i].of, from, set, &item);

        if (got < 0)
            return -1;
        if (got == 0 || found++ % from->every)
            continue;
        if (va_grow(&set->items, &set->room, set->count + 1, sizeof(item)) < 0)
            return -1;
        set->items[set->count++] = item;
        hash_item(&set->hash, &sorted[i].of, &item);
    }
    if (set->count == first)
        return 0; /* nothing annotated in this one */
    if (va_grow(&set->videos, &set->video_room, set->video_count + 1, sizeof(*set->videos)) < 0)
        return -1;
    set->videos[set->video_count++] = (struct va_rated_video){ video, first,
                                                               set->count - first };
    return 0;
}

static int add_video(struct va_rated *set, const char *list, int32_t video,
                     const struct va_rated_sources *from)
{
    const struct va_picture_video *v = va_pictures_video(from->pictures, video);
    struct numbered *sorted = va_new(v->count, sizeof(*sorted));
    struct notes n = { 0 };
    int status = sorted ? read_notes(&n, list, v, from) : -1;

    for (int64_t i = 0; sorted && i < v->count; i++)
        sorted[i] = (struct numbered){ *va_pictures_at(from->pictures, v->first + i),
                                       v->first + i };
    if (status == 0) {
        qsort(sorted, (size_t)v->count, sizeof(*sorted), by_number);
        status = add_items(set, &n, video, sorted, from);
    }
    va_labels_release(&n.labels);
    va_expressions_release(&n.expressions);
    va_free(sorted);
    return status;
}

int va_rated_read(struct va_rated *set, const char *list, const struct va_rated_sources *from)
{
    struct va_name_list names;
    int64_t rated = 0;
    int status = 0;

    *set = (struct va_rated){ 0 };
    if (va_name_list_read(&names, list) < 0)
        return -1;
    va_hash_init(&set->hash);
    for (int64_t i = 0; status == 0 && i < names.count; i++) {
        int32_t video = find_video(from->pictures, &names, i);

        status = video < 0 ? -1 : add_video(set, list, video, from);
    }
    va_name_list_release(&names);
    for (int64_t i = 0; i < set->count; i++)
        rated += set->items[i].valid != 0;
    if (status == 0 && !rated)
        status = va_error("%s: found no picture with valence and arousal in its videos", list);
    if (status == 0 && set->unmatched)
        va_info("%s: %lld pictures of its videos have no row in the label files and are "
                "left out",
                list, (long long)set->unmatched);
    va_hash_finish(&set->hash, set->digest);
    if (status < 0)
        va_rated_release(set);
    return status;
}

void va_rated_release(struct va_rated *set)
{
    va_free(set->items);
    va_free(set->videos);
    *set = (struct va_rated){ 0 };
}

const char *va_rated_common(const struct va_rated *a, const struct va_rated *b,
                            const struct va_pictures *pictures)
{
    for (int64_t i = 0; i < a->video_count; i++)
        for (int64_t k = 0; k < b->video_count; k++)
            if (a->videos[i].video == b->videos[k].video)
                return va_pictures_video(pictures, a->videos[i].video)->name;
    return NULL;
}

void va_rated_balance(const struct va_rated *set, int64_t classes, double *weight)
{
    double total = 0, present = 0;

    for (int64_t c = 0; c < classes; c++)
        weight[c] = 0;
    for (int64_t i = 0; i < set->count; i++)
        if (set->items[i].expression >= 0)
            weight[set->items[i].expression]++;
    for (int64_t c = 0; c < classes; c++) {
        total += weight[c];
        present += weight[c] > 0;
    }
    for (int64_t c = 0; c < classes; c++)
        weight[c] = weight[c] > 0 ? total / (present * weight[c]) : 0;
}

/* ---- sampling --------------------------------------------------------------------------------- */

void va_sampler_init(struct va_sampler *s, const struct va_rated *set, int64_t per_video,
                     int64_t batch, uint64_t seed)
{
    int64_t total = set->video_count * per_video;

    *s = (struct va_sampler){
        .set = set, .per_video = per_video, .batch = batch < total ? batch : total, .seed = seed
    };
    s->per_epoch = total / s->batch;
}

int64_t va_sampler_at(const struct va_sampler *s, int64_t k, int64_t i)
{
    uint64_t epoch = (uint64_t)(k / s->per_epoch);
    int64_t total = s->set->video_count * s->per_video, at = k % s->per_epoch * s->batch + i;
    int64_t drawn = (int64_t)va_rand_permute(s->seed, VA_RAND_SHUFFLE, epoch, (uint64_t)at,
                                             (uint64_t)total);
    const struct va_rated_video *v = &s->set->videos[drawn / s->per_video];
    double u = va_rand_uniform(s->seed, VA_RAND_SAMPLE, epoch, (uint64_t)drawn);
    int64_t item = (int64_t)(((double)(drawn % s->per_video) + u) * (double)v->count /
                             (double)s->per_video);

    return v->first + (item < v->count ? item : v->count - 1);
}
