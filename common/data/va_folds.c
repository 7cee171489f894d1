#include "data/va_folds.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_rand.h"
#include "data/va_lists.h"
#include "data/va_table.h"
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDS_MAX = 1000, ROWS_MAX = 20000 };

const char *const va_scheme_names[] = { "paper", "authors", "sucv", NULL };

static int add_video(struct va_fold_plan *plan, const char *name, int64_t frames, bool official,
                     int64_t fold)
{
    struct va_fold_video video = { .frames = frames, .official = official, .fold = fold };

    if (va_grow(&plan->videos, &plan->room, plan->count + 1, sizeof(video)) < 0 ||
        !(video.name = va_strdup(name)))
        return -1;
    plan->videos[plan->count++] = video;
    return 0;
}

int va_folds_add_video(struct va_fold_plan *plan, const char *name, int64_t frames,
                       bool official)
{
    return add_video(plan, name, frames, official, 0);
}

int va_folds_add(struct va_fold_plan *plan, const char *folder, bool official)
{
    struct va_label_files files = { 0 };
    int status = va_label_files_add(&files, folder);

    if (status == 0 && files.count == 0)
        status = va_error("%s: found no <video>.txt in this folder", folder);
    for (int64_t i = 0; status == 0 && i < files.count; i++) {
        struct va_labels labels;

        status = va_labels_read(&labels, files.items[i].path, VA_LABELS_ANNOTATION);
        if (status == 0)
            status = add_video(plan, files.items[i].name, labels.count, official, 0);
        va_labels_release(&labels);
    }
    va_label_files_release(&files);
    return status;
}

/* ---- groups ---------------------------------------------------------------------------- */

/* Order of the rows: training set first, then by name. */
static int by_set(const void *a, const void *b)
{
    const struct va_fold_video *x = a, *y = b;

    return x->official != y->official ? x->official - y->official : strcmp(x->name, y->name);
}

static int compare_groups(const struct va_fold_video *a, const struct va_fold_video *b)
{
    return a->group ? strcmp(a->group, b->group) : va_group_compare(a->name, b->name);
}

static int by_group(const void *a, const void *b)
{
    const struct va_fold_video *const *x = a, *const *y = b;
    int order = compare_groups(*x, *y);

    return order ? order : strcmp((*x)->name, (*y)->name);
}

struct group {
    struct va_fold_video **first; /* [count], one behind the other */
    int64_t count, frames;
    int64_t lot; /* drawn: decides between equals */
};
struct groups {
    struct va_fold_video **videos; /* in order of their groups */
    struct group *items;           /* [count] */
    int64_t count;
};

static void groups_release(struct groups *g)
{
    va_free(g->videos);
    va_free(g->items);
}

static int groups_make(struct groups *g, struct va_fold_plan *plan)
{
    *g = (struct groups){ .videos = va_new(plan->count, sizeof(*g->videos)),
                          .items = va_new(plan->count, sizeof(*g->items)) };
    if (!g->videos || !g->items)
        return -1;
    for (int64_t i = 0; i < plan->count; i++)
        g->videos[i] = &plan->videos[i];
    if (plan->count)
        qsort(g->videos, (size_t)plan->count, sizeof(*g->videos), by_group);
    for (int64_t i = 0; i < plan->count; i++) {
        struct group *now;

        if (i && !strcmp(g->videos[i - 1]->name, g->videos[i]->name))
            return va_error("video '%s' is in the training and in the validation set",
                            g->videos[i]->name);
        if (!i || compare_groups(g->videos[i - 1], g->videos[i]))
            g->items[g->count++].first = &g->videos[i];
        now = &g->items[g->count - 1];
        now->count++;
        now->frames += g->videos[i]->frames;
    }
    return 0;
}

static void count_torn(struct va_fold_plan *plan, const struct groups *g)
{
    plan->torn_groups = 0;
    for (int64_t i = 0; i < g->count; i++)
        for (int64_t k = 1; k < g->items[i].count; k++)
            if (g->items[i].first[k]->fold != g->items[i].first[0]->fold) {
                plan->torn_groups++;
                break;
            }
}

/* ---- schemes --------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    if (x->frames != y->frames)
        return x->frames < y->frames ? 1 : -1;
    return (x->lot > y->lot) - (x->lot < y->lot);
}

/* Largest group first, each to the fold with the fewest frames so far. */
static int assign_balanced(struct groups *g, int64_t folds, uint64_t seed)
{
    int64_t *load = va_new(folds, sizeof(*load)), *lots = va_new(g->count, sizeof(*lots)),
            *order = va_new(folds, sizeof(*order));
    int status = -1;

    if (!load || !lots || !order)
        goto done;
    for (int64_t i = 0; i < g->count; i++)
        lots[i] = i;
    for (int64_t k = 0; k < folds; k++)
        order[k] = k;
    va_rand_shuffle(seed, VA_RAND_FOLDS, 0, lots, g->count);
    va_rand_shuffle(seed, VA_RAND_FOLDS, 1, order, folds);
    for (int64_t i = 0; i < g->count; i++)
        g->items[i].lot = lots[i];
    qsort(g->items, (size_t)g->count, sizeof(*g->items), by_size);
    for (int64_t i = 0; i < g->count; i++) {
        int64_t best = 0; /* a place in `order` */

        for (int64_t k = 1; k < folds; k++)
            if (load[order[k]] < load[order[best]])
                best = k;
        load[order[best]] += g->items[i].frames;
        for (int64_t k = 0; k < g->items[i].count; k++)
            g->items[i].first[k]->fold = order[best] + 1;
    }
    status = 0;
done:
    va_free(load);
    va_free(lots);
    va_free(order);
    return status;
}

/* N runs over all videos; the first count % N runs have one more. */
static void assign_runs(struct va_fold_plan *plan, int64_t folds)
{
    int64_t each = plan->count / folds, longer = plan->count % folds, i = 0;

    for (int64_t k = 0; k < folds; k++)
        for (int64_t n = each + (k < longer); n > 0; n--)
            plan->videos[i++].fold = k + 1;
}

/* N runs over the training set, border k at k * count / N; held out from the last to the first. */
static void assign_training_runs(struct va_fold_plan *plan, int64_t folds, int64_t training)
{
    for (int64_t k = 0; k < folds; k++)
        for (int64_t i = k * training / folds; i < (k + 1) * training / folds; i++)
            plan->videos[i].fold = folds - k;
}

int va_folds_assign(struct va_fold_plan *plan, enum va_scheme scheme, int64_t folds,
                    uint64_t seed)
{
    struct groups g;
    int64_t training = 0, units;
    int status = -1;

    if (plan->count)
        qsort(plan->videos, (size_t)plan->count, sizeof(*plan->videos), by_set);
    for (int64_t i = 0; i < plan->count; i++)
        training += !plan->videos[i].official;
    if (groups_make(&g, plan) < 0)
        goto done;
    units = scheme == VA_SCHEME_PAPER  ? g.count
            : scheme == VA_SCHEME_SUCV ? training
                                       : plan->count;
    if (units < folds) {
        va_error(
            "found %lld %s, expected at least %lld, one for each fold; fewer folds: --folds, or "
            "FOLD_COUNT of a pipeline",
            (long long)units, scheme == VA_SCHEME_PAPER ? "groups of videos" : "videos",
            (long long)folds);
        goto done;
    }
    plan->folds = folds;
    if (scheme == VA_SCHEME_PAPER && assign_balanced(&g, folds, seed) < 0)
        goto done;
    if (scheme == VA_SCHEME_AUTHORS)
        assign_runs(plan, folds);
    if (scheme == VA_SCHEME_SUCV)
        assign_training_runs(plan, folds, training);
    count_torn(plan, &g);
    status = 0;
done:
    groups_release(&g);
    return status;
}

int va_folds_parts(struct va_fold_plan *plan, int64_t most, int64_t *parts)
{
    struct groups g;
    int status = groups_make(&g, plan);

    *parts = g.count < most ? g.count : most;
    groups_release(&g);
    return status == 0 ? va_folds_assign(plan, VA_SCHEME_PAPER, *parts, 0) : -1;
}

int va_folds_draw(struct va_fold_plan *plan, int64_t folds, uint64_t seed)
{
    if (va_folds_assign(plan, VA_SCHEME_PAPER, folds, seed) < 0)
        return -1;
    plan->given = true;
    for (int64_t i = 0; i < plan->count; i++)
        plan->videos[i].fold--;
    return 0;
}

/* ---- folds as given -------------------------------------------------------------------- */

/* Whether each fold from 0 to the last has a video. */
static int check_given(const struct va_fold_plan *plan, const char *path)
{
    for (int64_t k = 0; k < plan->folds; k++) {
        bool found = false;

        for (int64_t i = 0; i < plan->count && !found; i++)
            found = plan->videos[i].fold == k;
        if (!found)
            return va_error("%s: no video in fold %lld, expected folds from 0 to %lld", path,
                            (long long)k, (long long)plan->folds - 1);
    }
    return plan->folds > 1 ? 0 : va_error("%s: found one fold, expected several", path);
}

/* The last video of the plan is that of `row`: it and its group must not have come before in another
 * row or fold. */
static int check_row(const struct va_fold_plan *plan, const struct va_table *t, int64_t row,
                     int64_t group, int64_t fold)
{
    for (int64_t i = 0; i < row; i++) {
        if (!strcmp(plan->videos[i].name, plan->videos[row].name))
            return va_error("%s: line %lld: '%s' is also in line %lld", t->path,
                            (long long)row + 2, plan->videos[row].name, (long long)i + 2);
        if (group >= 0 && !strcmp(va_table_text(t, i, group), va_table_text(t, row, group)) &&
            strcmp(va_table_text(t, i, fold), va_table_text(t, row, fold)))
            return va_error("%s: line %lld: group '%s' is in fold %s, in line %lld in fold %s",
                            t->path, (long long)row + 2, va_table_text(t, row, group),
                            va_table_text(t, row, fold), (long long)i + 2,
                            va_table_text(t, i, fold));
    }
    return 0;
}

/* Columns clip (or video) and `other`. */
static int find_columns(const struct va_table *t, const char *other, int64_t *video,
                        int64_t *column)
{
    *video = va_table_column(t, "clip");
    *column = va_table_column(t, other);
    if (*video < 0)
        *video = va_table_column(t, "video");
    if (*video < 0 || *column < 0)
        return va_error("%s: line 1: found no column %s, expected clip (or video) and %s",
                        t->path, *column < 0 ? other : "clip", other);
    if (t->rows > ROWS_MAX) /* each is compared with all before */
        return va_error("%s: found %lld rows, at most %d", t->path, (long long)t->rows,
                        ROWS_MAX);
    return 0;
}

/* The name of the video in a cell, known extensions taken off as for files of labels. A new string, or NULL
 * after reporting. */
static char *name_of(const struct va_table *t, int64_t row, int64_t video)
{
    const char *cell = va_table_text(t, row, video);

    if (va_video_name_valid(cell))
        return va_video_name(cell);
    va_error("%s: line %lld: found '%s', expected the name of a video", t->path,
             (long long)row + 2, cell);
    return NULL;
}

static int take_rows(struct va_fold_plan *plan, const struct va_table *t)
{
    int64_t video, fold, group = va_table_column(t, "group");

    if (find_columns(t, "fold", &video, &fold) < 0)
        return -1;
    for (int64_t i = 0; i < t->rows; i++) {
        char *name;
        double k;
        int added;

        if (va_table_number(t, i, fold, &k) < 0)
            return -1;
        if (k < 0 || k >= FOLDS_MAX || k != (double)(int64_t)k)
            return va_error(
                "%s: line %lld: found fold %g, expected a whole number from 0 to %d", t->path,
                (long long)i + 2, k, FOLDS_MAX - 1);
        if (!(name = name_of(t, i, video)))
            return -1;
        added = add_video(plan, name, 0, k == 0, (int64_t)k);
        va_free(name);
        if (added < 0 || check_row(plan, t, i, group, fold) < 0)
            return -1;
        if ((int64_t)k >= plan->folds)
            plan->folds = (int64_t)k + 1;
    }
    return check_given(plan, t->path);
}

int va_folds_read(struct va_fold_plan *plan, const char *path)
{
    struct va_table table;
    int status;

    if (va_table_read(&table, path) < 0)
        return -1;
    plan->given = true;
    status = take_rows(plan, &table);
    va_table_release(&table);
    return status;
}

static int take_groups(struct va_fold_plan *plan, const struct va_table *t)
{
    int64_t video, group;

    if (find_columns(t, "group", &video, &group) < 0)
        return -1;
    for (int64_t row = 0; row < t->rows; row++) {
        char *name = name_of(t, row, video);
        bool failed = !name;

        for (int64_t i = 0; i < plan->count && !failed; i++) {
            struct va_fold_video *v = &plan->videos[i];

            if (!v->group && !strcmp(v->name, name))
                failed = !(v->group = va_strdup(va_table_text(t, row, group)));
        }
        va_free(name);
        if (failed)
            return -1;
    }
    for (int64_t i = 0; i < plan->count; i++)
        if (!plan->videos[i].group)
            return va_error("%s: found no row for video '%s'", t->path, plan->videos[i].name);
    return 0;
}

int va_folds_group(struct va_fold_plan *plan, const char *path)
{
    struct va_table table;
    int status;

    if (va_table_read(&table, path) < 0)
        return -1;
    status = take_groups(plan, &table);
    va_table_release(&table);
    return status;
}

int va_folds_group_by(struct va_fold_plan *plan, const char *pattern)
{
    regex_t regex;
    int error = regcomp(&regex, pattern, REG_EXTENDED), status = 0;
    char text[200];

    if (error) {
        regerror(error, &regex, text, sizeof(text));
        return va_error("%s: expected an extended regular expression: %s", pattern, text);
    }
    for (int64_t i = 0; i < plan->count && status == 0; i++) {
        struct va_fold_video *v = &plan->videos[i];
        regmatch_t match[2] = { { -1, -1 }, { -1, -1 } };
        const regmatch_t *group;

        if (regexec(&regex, v->name, 2, match, 0)) {
            status = va_error("%s: does not match the name of video '%s'", pattern, v->name);
            break;
        }
        group = &match[match[1].rm_so >= 0];
        v->group = va_format("%.*s", (int)(group->rm_eo - group->rm_so),
                             v->name + group->rm_so);
        status = v->group ? 0 : -1;
    }
    regfree(&regex);
    return status;
}

/* ---- what comes out -------------------------------------------------------------------- */

bool va_folds_held_out(const struct va_fold_plan *plan, int64_t k, int64_t i)
{
    if (k == 0 && !plan->given)
        return plan->videos[i].official;
    return plan->videos[i].fold == k;
}

int64_t va_folds_count(const struct va_fold_plan *plan)
{
    return plan->given ? plan->folds : plan->folds + 1;
}

void va_folds_release(struct va_fold_plan *plan)
{
    for (int64_t i = 0; i < plan->count; i++) {
        va_free(plan->videos[i].name);
        va_free(plan->videos[i].group);
    }
    va_free(plan->videos);
    *plan = (struct va_fold_plan){ 0 };
}
