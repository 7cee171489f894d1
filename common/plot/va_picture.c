#include "plot/va_picture.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "plot/va_chart.h"
#include "plot/va_figure.h"
#include <stdio.h>

enum { HEAD = 44, FOOT = 24, MARGIN = 12 };

/* A name over a line of facts. */
static void put_head(struct va_canvas *c, double y, const char *name, const char *facts)
{
    va_canvas_text(c, VA_INK_TEXT, VA_START, MARGIN, y + 17, c->width - 2 * MARGIN, name);
    va_canvas_text(c, VA_INK_FAINT, VA_START, MARGIN, y + 33, c->width - 2 * MARGIN, facts);
}

/* A line on what made it all. */
static void put_foot(struct va_canvas *c, const char *models)
{
    va_canvas_text(c, VA_INK_FAINT, VA_START, MARGIN, c->height - 9, c->width - 2 * MARGIN,
                   models);
}

static int finish(struct va_figure *f, int status)
{
    if (status == 0)
        return va_figure_commit(f);
    va_figure_abort(f);
    return -1;
}

/* ---- predictions -------------------------------------------------------------------------- */

static int draw_video(struct va_canvas *c, double y, const struct va_view *v, const char *name)
{
    struct va_box traces = { 0, y + HEAD, VA_CHART_WIDTH, VA_TRACES_HEIGHT },
                  plane = { VA_CHART_WIDTH, y + HEAD, VA_PLANE_SIZE, VA_PLANE_HEIGHT };
    struct va_shown s;
    char line[VA_SHOWN_LINE];
    int status = -1;

    if (va_shown_read(&s, v->in, name, &v->labels, &v->rule) < 0)
        return -1;
    va_shown_line(&s, line);
    put_head(c, y, name, line);
    if (va_chart_traces(c, &traces, &s) == 0 && va_chart_circumplex(c, &plane, &s) == 0)
        status = 0;
    va_shown_release(&s);
    return status;
}

int va_picture_videos(const char *output, const char *input, const struct va_view *v)
{
    const double each = HEAD + VA_PLANE_HEIGHT + MARGIN;
    char models[VA_SHOWN_LINE], title[64];
    struct va_figure f;
    int status = 0;

    if (v->count > VA_PICTURE_VIDEOS)
        return va_error(
            "%s: found %lld videos, and a picture shows at most %d: choose some with "
            "--name VIDEO",
            input, (long long)v->count, VA_PICTURE_VIDEOS);
    va_shown_models(models, v->in->models, v->in->model_count, v->ccc, v->in->note);
    snprintf(title, sizeof(title), "valence and arousal over time: %lld video%s",
             (long long)v->count, v->count == 1 ? "" : "s");
    if (va_figure_begin(&f, output, VA_CHART_WIDTH + VA_PLANE_SIZE,
                        each * (double)v->count + FOOT, title, models) < 0)
        return -1;
    for (int64_t i = 0; i < v->count && status == 0; i++)
        status = draw_video(&f.canvas, each * (double)i, v, v->names[i]);
    put_foot(&f.canvas, models);
    return finish(&f, status);
}

int va_picture_agreement(const char *output, const char *input, const struct va_view *v)
{
    struct va_box plane = { 0, HEAD, VA_PLANE_SIZE, VA_PLANE_HEIGHT };
    struct va_evaluation e = { .pairs = true };
    struct va_figure f = { 0 };
    char models[VA_SHOWN_LINE], head[80];
    int status = va_view_evaluate(v, &e);

    if (status == 0 && !e.count)
        status = va_error(
            "%s: found no video that has labels: name their folders with --labels", input);
    va_shown_models(models, v->in->models, v->in->model_count, v->ccc, v->in->note);
    snprintf(head, sizeof(head), "predicted against annotated: %lld video%s, %lld frames",
             (long long)e.count, e.count == 1 ? "" : "s", (long long)e.frames);
    if (status == 0)
        status = va_figure_begin(&f, output, 2 * VA_PLANE_SIZE, HEAD + VA_PLANE_HEIGHT, head,
                                 models);
    if (status == 0) {
        put_head(&f.canvas, 0, head, models);
        for (int d = VA_VALENCE; d <= VA_AROUSAL && status == 0; d++) {
            plane.x = d * VA_PLANE_SIZE;
            status = va_chart_scatter(&f.canvas, &plane, e.frames, e.prediction, e.label,
                                      (enum va_dimension)d);
        }
        status = finish(&f, status);
    }
    va_evaluation_release(&e);
    return status;
}

/* ---- training ------------------------------------------------------------------------------ */

int va_picture_curves(const char *output, const struct va_curves *runs, int64_t count,
                      const char *models)
{
    struct va_box box = { 0, 0, VA_CHART_WIDTH, VA_CURVES_HEIGHT };
    struct va_figure f;
    char words[80];
    int charts = 0, status = 0;

    for (int k = 0; k < VA_CURVES; k++)
        charts += va_chart_has_curves((enum va_curves_chart)k, runs, count);
    if (!charts)
        return va_error("%s: found neither a column loss nor a column mean", runs[0].name);
    snprintf(words, sizeof(words), "curves of %lld run%s of training", (long long)count,
             count == 1 ? "" : "s");
    if (va_figure_begin(&f, output, box.width, charts * box.height + FOOT, words,
                        "loss of each step, CCC of each validation") < 0)
        return -1;
    for (int k = 0; k < VA_CURVES && status == 0; k++) {
        if (!va_chart_has_curves((enum va_curves_chart)k, runs, count))
            continue;
        status = va_chart_curves(&f.canvas, &box, (enum va_curves_chart)k, runs, count);
        box.y += box.height;
    }
    put_foot(&f.canvas, models);
    return finish(&f, status);
}
