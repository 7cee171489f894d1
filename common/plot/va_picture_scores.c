#include "plot/va_picture.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_table.h"
#include "plot/va_chart.h"
#include "plot/va_figure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const enum va_ink inks[VA_DIMENSIONS] = { VA_INK_VALENCE, VA_INK_AROUSAL, VA_INK_MEAN };

/* One chart as a file. */
static int write_bars(const char *output, const struct va_bars *b)
{
    static const char models[] = "which models: a table of scores does not tell";
    const struct va_box box = { 0, 0, VA_CHART_WIDTH, VA_BARS_HEIGHT };
    struct va_figure f;

    if (va_figure_begin(&f, output, box.width, box.height + 10, b->title,
                        "bars of valence, arousal and their mean") < 0)
        return -1;
    va_chart_bars(&f.canvas, &box, b);
    va_canvas_text(&f.canvas, VA_INK_FAINT, VA_START, 12, box.height + 2, 0, models);
    return va_figure_commit(&f);
}

/* ---- groups with a value for each dimension -------------------------------------------------- */

struct groups {
    char **names;  /* [count] */
    double *value; /* [count, VA_DIMENSIONS] */
    int64_t count, name_room, value_room;
};

static int add_group(struct groups *g, const char *name, const double value[VA_DIMENSIONS])
{
    if (va_grow(&g->names, &g->name_room, g->count + 1, sizeof(*g->names)) < 0 ||
        va_grow(&g->value, &g->value_room, VA_DIMENSIONS * (g->count + 1), sizeof(*g->value)) <
            0 ||
        !(g->names[g->count] = va_strdup(name)))
        return -1;
    memcpy(g->value + VA_DIMENSIONS * g->count++, value, VA_DIMENSIONS * sizeof(*value));
    return 0;
}

static int write_groups(const char *output, const char *title, struct groups *g)
{
    return write_bars(output,
                      &(struct va_bars){ title, g->count, VA_DIMENSIONS, g->value, g->names,
                                         (char *const *)va_dimension_names, inks });
}

static void release(struct groups *g)
{
    for (int64_t i = 0; i < g->count; i++)
        va_free(g->names[i]);
    va_free(g->names);
    va_free(g->value);
}

/* ---- tables of va-score ---------------------------------------------------------------------- */

/* The videos of a table with rows for each: those behind pooled and video-mean, three rows each. */
static int take_videos(struct groups *g, const struct va_table *t)
{
    int64_t scope = va_table_column(t, "scope"), ccc = va_table_column(t, "ccc");

    for (int64_t i = 2 * VA_DIMENSIONS; i + VA_DIMENSIONS <= t->rows; i += VA_DIMENSIONS) {
        double value[VA_DIMENSIONS];

        for (int d = 0; d < VA_DIMENSIONS; d++)
            if (va_table_number(t, i + d, ccc, &value[d]) < 0)
                return -1;
        if (add_group(g, va_table_text(t, i, scope), value) < 0)
            return -1;
    }
    return 0;
}

static int read_videos(struct groups *g, const char *path)
{
    struct va_table t;
    int status;

    if (va_table_read(&t, path) < 0)
        return -1;
    status = take_videos(g, &t);
    va_table_release(&t);
    return status;
}

int va_picture_scores(const char *output, const char *const *paths, int64_t count)
{
    struct va_report report = { 0 };
    struct groups g = { 0 };
    const char *title = count == 1 ? "CCC of each video" : "CCC of each fold";
    int status = va_report_add(&report, "scores", paths, count); /* checks all tables */

    if (status == 0 && count == 1)
        status = read_videos(&g, paths[0]);
    for (int64_t i = g.count ? count : 0; status == 0 && i < count; i++) {
        const struct va_fold_score *s = &report.methods[0].folds[i];
        char *name = count == 1 ? va_strdup("all frames")
                                : va_format("fold %lld", (long long)s->fold);

        status = name ? add_group(&g, name, s->ccc) : -1;
        va_free(name);
    }
    if (count == 1 && g.count == 1 && !strcmp(g.names[0], "all frames"))
        title = "CCC";
    if (status == 0)
        status = write_groups(output, title, &g);
    va_report_release(&report);
    release(&g);
    return status;
}

/* ---- the table of va-fold report ------------------------------------------------------------- */

static int take_folds(struct groups *g, const struct va_table *t)
{
    for (int64_t i = 0; i < t->rows; i++) {
        double value[VA_DIMENSIONS];
        const char *name = va_table_text(t, i, 0);

        for (int d = 0; d < VA_DIMENSIONS; d++) {
            int64_t column = va_table_column(t, va_dimension_names[d]);

            if (column < 0)
                return va_error("%s: line 1: found no column %s, expected a table of va-fold "
                                "report --format tsv",
                                t->path, va_dimension_names[d]);
            if (va_table_number(t, i, column, &value[d]) < 0)
                return -1;
        }
        if (!isnan(value[VA_MEAN]) && add_group(g, name, value) < 0)
            return -1;
    }
    return g->count ? 0 : va_error("%s: found no fold with a CCC", t->path);
}

int va_picture_folds(const char *output, const char *path)
{
    struct groups g = { 0 };
    struct va_table t;
    int status;

    if (va_table_read(&t, path) < 0)
        return -1;
    status = take_folds(&g, &t);
    if (status == 0)
        status = write_groups(output, "CCC of each fold", &g);
    va_table_release(&t);
    release(&g);
    return status;
}
