#include "plot/va_page.h"

#include "base/va_mem.h"
#include "plot/va_chart.h"
#include "plot/va_xml.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION = 1000, CHANGES = 20 };

/* The two folders; A is the first one. */
struct two {
    const struct va_results *r[2];
    char *name[2]; /* "A: runs/base" */
};

/* ---- what differs in how they were made ------------------------------------------------------- */

/* The first result with a model. *there false where none has; -1 after reporting. */
static int read_model(struct va_made *made, const struct va_results *r, bool *there)
{
    *there = false;
    for (int64_t i = 0; i < r->count && !*there; i++) {
        bool failed;
        char *path = va_result_file(r, i, "model.h5", &failed);

        if (failed)
            return -1;
        if (path && va_made_read(made, path) < 0) {
            va_free(path);
            return -1;
        }
        *there = path;
        va_free(path);
    }
    return 0;
}

/* Whether a command line has this very option. */
static bool has_option(const char *arguments, const char *option)
{
    char other[OPTION];

    while (va_made_option(&arguments, other, sizeof(other)))
        if (!strcmp(other, option))
            return true;
    return false;
}

/* The options of one command line that the other does not have. */
static int put_options(struct va_page *p, const struct va_made made[2], int own)
{
    const char *rest = va_made_value(&made[own], "arguments"),
               *others = va_made_value(&made[!own], "arguments");
    char option[OPTION];
    int rows = 0;

    while (rest && va_made_option(&rest, option, sizeof(option))) {
        if (others && has_option(others, option))
            continue;
        va_page_row(p);
        va_page_cell(p, own ? "B" : "A");
        va_page_cell(p, option);
        rows++;
    }
    return rows;
}

static int put_made(struct va_page *p, const struct two *t)
{
    static const char *const headings[] = { "only in", "option of the command" };
    struct va_made made[2] = { { 0 }, { 0 } };
    bool there[2] = { false, false };
    int status = 0;

    for (int k = 0; k < 2 && status == 0; k++)
        status = read_model(&made[k], t->r[k], &there[k]);
    va_page_section(p, "differs", "What differs");
    for (int k = 0; k < 2 && status == 0; k++)
        if (there[k])
            va_page_say(p, "%s: first model %.8s, %s", t->name[k], made[k].id,
                        made[k].arch ? made[k].arch : "architecture not known");
        else
            va_page_say(p, "%s: has no model.h5", t->name[k]);
    if (status == 0 && there[0] && there[1]) {
        va_page_table(p, NULL, headings, 2);
        if (put_options(p, made, 0) + put_options(p, made, 1) == 0) {
            va_page_row(p);
            va_page_cell(p, "neither");
            va_page_cell(p, "the commands are equal");
        }
        va_page_table_end(p, false);
        for (int k = 0; k < 2; k++)
            va_page_made(p,
                         k ? "How the first model of B was made"
                           : "How the first model of A was made",
                         &made[k]);
    }
    va_page_section_end(p);
    for (int k = 0; k < 2; k++)
        va_made_release(&made[k]);
    return status;
}

/* ---- scores of folds --------------------------------------------------------------------------- */

/* The mean CCC of fold `fold`, or NaN. */
static double score_of(const struct va_report *report, int64_t fold)
{
    const struct va_method *m = report->methods;

    for (int64_t k = 0; report->count && k < m->count; k++)
        if (m->folds[k].fold == fold)
            return m->folds[k].ccc[VA_MEAN];
    return (double)NAN;
}

/* Folds that both have: value [count, 2] and their names. */
struct folds {
    double *value;
    char **names;
    int64_t count;
};

static int pair_folds(struct folds *f, const struct va_report report[2])
{
    const struct va_method *m = report[0].methods;
    int64_t most = report[0].count && report[1].count ? m->count : 0;

    f->value = va_new(2 * most, sizeof(*f->value));
    f->names = va_new(most, sizeof(*f->names));
    for (int64_t k = 0; f->value && f->names && k < most; k++) {
        int64_t fold = m->folds[k].fold;

        f->value[2 * f->count] = score_of(&report[0], fold);
        f->value[2 * f->count + 1] = score_of(&report[1], fold);
        if (isnan(f->value[2 * f->count]) || isnan(f->value[2 * f->count + 1]))
            continue;
        f->names[f->count] = va_format("fold %lld", (long long)fold);
        if (!f->names[f->count++])
            return -1;
    }
    return f->value && f->names ? 0 : -1;
}

static void draw_folds(struct va_page *p, const struct two *t, const struct folds *f)
{
    static const char *const headings[] = { "fold", "A", "B", "B - A" };
    const struct va_box box = { 0, 0, VA_PAGE_WIDTH, VA_BARS_HEIGHT };
    const enum va_ink inks[] = { va_ink_of_series(0), va_ink_of_series(1) };
    struct va_canvas c;

    va_page_section(p, "scores", "Scores of the folds that both have");
    va_page_figure(p, &c, box.width, box.height, "mean CCC of each fold, A beside B",
                   "bars; the table has the numbers", NULL);
    va_chart_bars(&c, &box,
                  &(struct va_bars){ "CCC, mean of valence and arousal", f->count, 2, f->value,
                                     f->names, t->name, inks });
    va_page_figure_end(p, &c);
    va_page_table(p, NULL, headings, 4);
    for (int64_t k = 0; k < f->count; k++) {
        va_page_row(p);
        va_page_cell(p, f->names[k]);
        va_page_number(p, f->value[2 * k], false);
        va_page_number(p, f->value[2 * k + 1], false);
        va_page_number(p, f->value[2 * k + 1] - f->value[2 * k], true);
    }
    va_page_table_end(p, false);
    va_page_section_end(p);
}

static int put_scores(struct va_page *p, const struct two *t)
{
    struct va_report report[2] = { { 0 }, { 0 } };
    struct folds f = { 0 };
    int status = 0;

    for (int k = 0; k < 2 && status == 0; k++)
        status = va_results_scores(t->r[k], &report[k]);
    if (status == 0)
        status = pair_folds(&f, report);
    if (status == 0 && f.count)
        draw_folds(p, t, &f);
    for (int64_t i = 0; i < f.count; i++)
        va_free(f.names[i]);
    va_free(f.names);
    va_free(f.value);
    for (int k = 0; k < 2; k++)
        va_report_release(&report[k]);
    return status;
}

/* ---- curves ------------------------------------------------------------------------------------ */

static int put_curves(struct va_page *p, const struct two *t)
{
    struct va_curves *all = NULL;
    int64_t count = 0, room = 0;
    int status = 0;

    for (int k = 0; k < 2 && status == 0; k++) {
        int64_t n = 0;
        struct va_curves *runs = va_results_curves(t->r[k], t->name[k], k, &n);

        if (!runs || va_grow(&all, &room, count + n, sizeof(*all)) < 0)
            status = -1;
        for (int64_t i = 0; i < n; i++)
            if (status == 0)
                all[count++] = runs[i];
            else
                va_curves_release(&runs[i]);
        va_free(runs);
    }
    if (status == 0 && count) {
        va_page_section(p, "training", "Training");
        status = va_page_curves(p, all, count);
        va_page_section_end(p);
    }
    for (int64_t i = 0; i < count; i++)
        va_curves_release(&all[i]);
    va_free(all);
    return status;
}

/* ---- videos ------------------------------------------------------------------------------------ */

struct change {
    const struct va_agreed *a, *b;
    double by; /* of the mean CCC, B - A */
};

static int by_size(const void *x, const void *y)
{
    double p = fabs(((const struct change *)x)->by), q = fabs(((const struct change *)y)->by);

    return (p < q) - (p > q);
}

static void put_changes(struct va_page *p, const struct two *t, const struct change *changes,
                        int64_t count)
{
    static const char *const headings[] = { "video", "of", "A", "B", "B - A" };

    va_page_section(p, "videos", "Videos that changed most");
    va_page_say(p, "Mean CCC of valence and arousal; %lld of %lld videos that both hold out.",
                (long long)(count < CHANGES ? count : CHANGES), (long long)count);
    va_page_table(p, NULL, headings, 5);
    for (int64_t i = 0; i < count && i < CHANGES; i++) {
        va_page_row(p);
        va_page_cell(p, changes[i].a->name);
        va_page_cell(p, t->r[0]->items[changes[i].a->result].name);
        va_page_number(p, changes[i].a->ccc[VA_MEAN], false);
        va_page_number(p, changes[i].b->ccc[VA_MEAN], false);
        va_page_number(p, changes[i].by, true);
    }
    va_page_table_end(p, false);
    va_page_section_end(p);
}

static int put_videos(struct va_page *p, const struct two *t,
                      const struct va_view_options *options)
{
    struct va_agreement a = { 0 }, b = { 0 };
    struct change *changes = NULL;
    int64_t count = 0;
    int status = -1;

    if (va_agreement_read(&a, t->r[0], options) < 0 ||
        va_agreement_read(&b, t->r[1], options) < 0 ||
        !(changes = va_new(a.defined, sizeof(*changes))))
        goto done;
    for (int64_t i = 0; i < a.defined; i++) {
        const struct va_agreed *v = &a.items[i],
                               *other = va_agreement_find(&b, t->r[1], v->name,
                                                          t->r[0]->items[v->result].fold);

        if (other && !isnan(other->ccc[VA_MEAN]))
            changes[count++] = (struct change){ v, other,
                                                other->ccc[VA_MEAN] - v->ccc[VA_MEAN] };
    }
    if (count) {
        qsort(changes, (size_t)count, sizeof(*changes), by_size);
        put_changes(p, t, changes, count);
    }
    status = 0;
done:
    va_free(changes);
    va_agreement_release(&a);
    va_agreement_release(&b);
    return status;
}

/* As the command line has it, without the folders of an absolute path. */
static char *name_of(const struct va_results *r, char which)
{
    char *last = va_last_part(r->path),
         *name = last ? va_format("%c: %s", which, r->path[0] == '/' ? last : r->path) : NULL;

    va_free(last);
    return name;
}

int va_page_of_two(const char *output, const struct va_results *a, const struct va_results *b,
                   const struct va_view_options *options)
{
    struct two t = { { a, b }, { name_of(a, 'A'), name_of(b, 'B') } };
    struct va_page p = { 0 };
    char *title = t.name[0] && t.name[1] ? va_format("%s, %s", t.name[0], t.name[1]) : NULL;
    int status = -1;

    if (title && va_page_begin(&p, output, title) == 0 && put_made(&p, &t) == 0 &&
        put_scores(&p, &t) == 0 && put_videos(&p, &t, options) == 0 && put_curves(&p, &t) == 0)
        status = va_page_commit(&p);
    va_page_abort(&p);
    va_free(title);
    va_free(t.name[0]);
    va_free(t.name[1]);
    return status;
}
