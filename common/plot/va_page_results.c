#include "plot/va_page.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_cost.h"
#include "plot/va_chart.h"
#include "plot/va_xml.h"
#include <math.h>
#include <string.h>

enum { EXAMPLES = 3 };

/* How well the model of result i did on its own validation: as its file says, else the best of val.tsv; NaN
 * where neither does. */
static int own_ccc(const struct va_results *r, int64_t i, double *ccc)
{
    bool failed;
    char *path = va_result_file(r, i, "model.h5", &failed);
    struct va_made made = { .ccc = (double)NAN };
    struct va_curves c;
    const double *best;

    if (failed || (path && va_made_read(&made, path) < 0)) {
        va_free(path);
        return -1;
    }
    *ccc = made.ccc;
    va_made_release(&made);
    va_free(path);
    if (!isnan(*ccc) || !va_curves_there(r->items[i].path))
        return 0;
    if (va_curves_read(&c, r->items[i].path, NULL) < 0)
        return -1;
    best = va_curve_column(&c.val, "best");
    if (best)
        *ccc = best[c.val.rows - 1];
    va_curves_release(&c);
    return 0;
}

/* ---- scores of folds --------------------------------------------------------------------------- */

static int put_bars(struct va_page *p, const struct va_report *report)
{
    static const enum va_ink inks[] = { VA_INK_VALENCE, VA_INK_AROUSAL, VA_INK_MEAN };
    const struct va_box box = { 0, 0, VA_PAGE_WIDTH, VA_BARS_HEIGHT };
    const struct va_method *m = &report->methods[0];
    double *value = va_new(m->count * VA_DIMENSIONS, sizeof(*value));
    char **names = va_new(m->count, sizeof(*names));
    struct va_canvas c;
    int status = value && names ? 0 : -1;

    for (int64_t k = 0; k < m->count && status == 0; k++) {
        memcpy(value + k * VA_DIMENSIONS, m->folds[k].ccc, sizeof(m->folds[k].ccc));
        names[k] = va_format("fold %lld", (long long)m->folds[k].fold);
        status = names[k] ? 0 : -1;
    }
    if (status == 0) {
        va_page_figure(p, &c, box.width, box.height, "CCC of each fold",
                       "bars of valence, arousal and their mean; the table has the numbers",
                       NULL);
        va_chart_bars(&c, &box,
                      &(struct va_bars){ "CCC", m->count, VA_DIMENSIONS, value, names,
                                         (char *const *)va_dimension_names, inks });
        va_page_figure_end(p, &c);
    }
    for (int64_t k = 0; names && k < m->count; k++)
        va_free(names[k]);
    va_free(names);
    va_free(value);
    return status;
}

static int put_scores(struct va_page *p, const struct va_results *r)
{
    struct va_report report = { 0 };
    int status = va_results_scores(r, &report);

    report.unpublished = r->unpublished;
    if (status == 0 && report.count) {
        va_page_section(p, "scores", "Scores");
        va_page_say(p, "CCC over all labelled frames of the held-out videos.");
        va_page_say(
            p, "CCC, the concordance correlation coefficient, is 1 where predictions equal "
               "the annotations, and 0 where the two have nothing to do with each other.");
        if (!r->unpublished)
            va_page_say(p,
                        "The published columns are of Aff-Wild2, and are not comparable with "
                        "numbers of other data.");
        va_page_say(p,
                    "For comparison: ridge is a linear map of a frame's features, mean always "
                    "predicts the mean of the training labels%s.",
                    r->unpublished ? "" : ", baseline is that of the challenge");
        status = put_bars(p, &report);
        fputs("<div class=\"wide\" tabindex=\"0\">\n", p->to);
        if (status == 0)
            status = va_report_print(&report, VA_REPORT_HTML, p->to);
        fputs("</div>\n", p->to);
        va_page_section_end(p);
    }
    va_report_release(&report);
    return status;
}

/* ---- curves ------------------------------------------------------------------------------------ */

static int put_curves(struct va_page *p, const struct va_results *r)
{
    int64_t count;
    struct va_curves *runs = va_results_curves(r, NULL, 0, &count);
    int status = runs ? 0 : -1;

    if (count) {
        va_page_section(p, "training", "Training");
        status = va_page_curves(p, runs, count);
        va_page_section_end(p);
    }
    for (int64_t i = 0; i < count; i++)
        va_curves_release(&runs[i]);
    va_free(runs);
    return status;
}

/* ---- agreement --------------------------------------------------------------------------------- */

static int put_scatter(struct va_page *p, const struct va_agreement *a)
{
    const struct va_box box = { 0, 0, VA_PLANE_SIZE, VA_PLANE_HEIGHT };
    int status = 0;

    va_page_section(p, "agreement", "Predicted against annotated");
    va_page_say(
        p, "All %lld labelled frames of %lld held-out videos; darker where there are more.",
        (long long)a->all.frames, (long long)a->count);
    fputs("<div class=\"pair\">\n", p->to);
    for (int d = VA_VALENCE; d <= VA_AROUSAL && status == 0; d++) {
        struct va_canvas c;

        va_page_figure(p, &c, box.width, box.height,
                       d == VA_VALENCE ? "valence: predicted against annotated"
                                       : "arousal: predicted against annotated",
                       "on the dashed line both are equal", NULL);
        status = va_chart_scatter(&c, &box, a->all.frames, a->all.prediction, a->all.label,
                                  (enum va_dimension)d);
        va_page_figure_end(p, &c);
    }
    fputs("</div>\n", p->to);
    va_page_section_end(p);
    return status;
}

static void put_video_table(struct va_page *p, const struct va_results *r,
                            const struct va_agreement *a)
{
    static const char *const headings[] = { "video",   "of",      "frames",
                                            "valence", "arousal", "mean" };

    va_page_table(p, "Numbers: CCC of each video, the worst first", headings, 6);
    for (int64_t i = 0; i < a->count; i++) {
        const struct va_agreed *v = &a->items[i];
        char frames[24];

        snprintf(frames, sizeof(frames), "%lld", (long long)v->frames);
        va_page_row(p);
        va_page_cell(p, v->name);
        va_page_cell(p, r->items[v->result].name);
        va_page_cell(p, frames);
        for (int d = 0; d < VA_DIMENSIONS; d++)
            va_page_number(p, v->ccc[d], false);
    }
    va_page_table_end(p, true);
}

static int put_videos(struct va_page *p, const struct va_results *r,
                      const struct va_agreement *a)
{
    static char series[] = "mean of valence and arousal", *const names[] = { series };
    static const enum va_ink inks[] = { VA_INK_MEAN };
    const struct va_box box = { 0, 0, VA_PAGE_WIDTH, VA_BARS_HEIGHT };
    double *value = va_new(a->count, sizeof(*value));
    struct va_canvas c;

    if (!value)
        return -1;
    for (int64_t i = 0; i < a->count; i++)
        value[i] = a->items[i].ccc[VA_MEAN];
    va_page_section(p, "videos", "CCC of each video");
    if (a->defined < a->count)
        va_page_say(p, "Undefined for %lld of %lld videos: no labelled frame, or constant.",
                    (long long)(a->count - a->defined), (long long)a->count);
    if (a->defined) {
        va_page_figure(
            p, &c, box.width, box.height, "CCC of each video, the worst first",
            "a bar for each video: mean of valence and arousal; the table has the numbers",
            NULL);
        va_chart_bars(&c, &box,
                      &(struct va_bars){ "CCC, mean of valence and arousal: a bar a video",
                                         a->defined, 1, value, NULL, names, inks });
        va_page_figure_end(p, &c);
    }
    put_video_table(p, r, a);
    va_page_section_end(p);
    va_free(value);
    return 0;
}

/* ---- examples ----------------------------------------------------------------------------------- */

static int put_example(struct va_page *p, const struct va_results *r, const struct va_agreed *v,
                       const char *which, const struct va_view_options *options)
{
    const struct va_box traces = { 0, 0, VA_PAGE_WIDTH, VA_TRACES_HEIGHT },
                        plane = { 0, 0, VA_PLANE_SIZE, VA_PLANE_HEIGHT };
    bool failed;
    char *path = va_result_file(r, v->result, "val.h5", &failed), line[VA_SHOWN_LINE];
    struct va_shown s = { 0 };
    struct va_view view;
    struct va_canvas c;
    double ccc;
    int status = -1;

    if (!path || own_ccc(r, v->result, &ccc) < 0 || va_view_open(&view, path, options) < 0) {
        va_free(path);
        return -1;
    }
    if (va_shown_read(&s, view.in, v->name, &view.labels, &view.rule) == 0) {
        va_shown_line(&s, line);
        fputs("<h3>", p->to);
        va_xml_print(p->to, "%s: %.400s", which, v->name);
        fputs("</h3>\n", p->to);
        va_page_say(p, "%s; mean CCC %.3f; %s", r->items[v->result].name, v->ccc[VA_MEAN],
                    line);
        va_shown_models(line, view.in->models, view.in->model_count, ccc, view.in->note);
        va_page_say(p, "%s", line);
        fputs("<div class=\"person\">\n", p->to);
        va_page_figure(p, &c, traces.width, traces.height, "predicted and annotated over time",
                       "curves of valence and arousal from -1 to 1; annotations are dashed",
                       NULL);
        status = va_chart_traces(&c, &traces, &s);
        va_page_figure_end(p, &c);
        va_page_figure(p, &c, plane.width, plane.height, "circumplex of the predictions",
                       "darker where more frames lie", NULL);
        if (status == 0)
            status = va_chart_circumplex(&c, &plane, &s);
        va_page_figure_end(p, &c);
        fputs("</div>\n", p->to);
        va_shown_release(&s);
    }
    va_view_release(&view);
    va_free(path);
    return status;
}

static int put_examples(struct va_page *p, const struct va_results *r,
                        const struct va_agreement *a, const struct va_view_options *options)
{
    static const char *const which[EXAMPLES] = { "Worst", "Median", "Best" };
    const int64_t at[EXAMPLES] = { 0, (a->defined - 1) / 2, a->defined - 1 };
    int status = 0;

    if (!a->defined)
        return 0;
    va_page_section(p, "examples", "Worst, median and best video");
    for (int k = 0; k < EXAMPLES && status == 0; k++)
        if (k == 0 || at[k] != at[k - 1])
            status = put_example(p, r, &a->items[at[k]], which[k], options);
    va_page_section_end(p);
    return status;
}

/* ---- how it was made ----------------------------------------------------------------------------- */

static int put_model(struct va_page *p, const struct va_results *r, int64_t i)
{
    bool failed;
    char *path = va_result_file(r, i, "model.h5", &failed), *fold = NULL;
    struct va_made made;
    double ccc;
    int status = -1;

    if (!path)
        return failed ? -1 : 0;
    if (own_ccc(r, i, &ccc) < 0 || va_made_read(&made, path) < 0)
        goto done;
    fold = isnan(ccc) ? va_format("%s: model %.8s; CCC on its own validation: not known",
                                  r->items[i].name, made.id)
                      : va_format("%s: model %.8s; CCC on its own validation: %.3f",
                                  r->items[i].name, made.id, ccc);
    if (fold) {
        va_page_made(p, fold, &made);
        status = 0;
    }
    va_made_release(&made);
done:
    va_free(fold);
    va_free(path);
    return status;
}

static int put_models(struct va_page *p, const struct va_results *r)
{
    int status = 0;

    va_page_section(p, "made", "How the models were made");
    va_page_say(
        p, "Of each model its content id, the best CCC of its own validations and the command "
           "that made it. Folders without a model.h5 are left out.");
    for (int64_t i = 0; i < r->count && status == 0; i++)
        status = put_model(p, r, i);
    va_page_section_end(p);
    return status;
}

/* ---- what it took --------------------------------------------------------------------------------- */

static void put_count(struct va_page *p, double number)
{
    char text[32];

    snprintf(text, sizeof(text), "%.0f", number);
    va_page_cell(p, text);
}

static int put_cost(struct va_page *p, const struct va_results *r)
{
    static const char *const headings[] = { "command", "runs", "seconds",
                                            "seconds of processors", "MiB at most" };
    struct va_costs costs = { 0 };
    char *path = va_format("%s/.make/usage", r->path);
    int status = path ? va_costs_read(&costs, path, false) : -1;

    if (status == 0 && costs.count) {
        va_page_section(p, "cost", "What it took");
        va_page_say(
            p,
            "All commands of the pipeline that succeeded, also those whose results were made anew later.");
        va_page_table(p, "Time and memory of each command", headings, (int)VA_COUNT(headings));
        for (int64_t i = 0; i < costs.count; i++) {
            const struct va_cost *c = &costs.items[i];

            va_page_row(p);
            va_page_cell(p, c->tool);
            put_count(p, (double)c->runs);
            put_count(p, c->seconds);
            put_count(p, c->processor);
            put_count(p, c->memory);
        }
        va_page_table_end(p, true);
        va_page_section_end(p);
    }
    va_costs_release(&costs);
    va_free(path);
    return status;
}

int va_page_of_results(const char *output, const struct va_results *r,
                       const struct va_view_options *options)
{
    struct va_agreement a;
    struct va_page p = { 0 };
    char *name = va_last_part(r->path), *title = NULL;
    int status = -1;

    if (va_agreement_read(&a, r, options) < 0) {
        va_free(name);
        return -1;
    }
    if (name)
        title = va_format("%s: %s", r->items[0].fold >= 0 ? "Cross-validation" : "Training",
                          name);
    if (!title || va_page_begin(&p, output, title) < 0 || put_scores(&p, r) < 0)
        goto done;
    if (!a.count)
        va_page_say(&p, "Predicted against annotated is not shown: %s.",
                    options->labels.count ? "no val.h5 has a labelled video"
                                          : "no folders of labels were named (--labels)");
    else if (put_scatter(&p, &a) < 0 || put_videos(&p, r, &a) < 0 ||
             put_examples(&p, r, &a, options) < 0)
        goto done;
    if (put_curves(&p, r) == 0 && put_models(&p, r) == 0 && put_cost(&p, r) == 0)
        status = va_page_commit(&p);
done:
    va_page_abort(&p);
    va_agreement_release(&a);
    va_free(name);
    va_free(title);
    return status;
}
