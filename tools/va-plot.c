/*
 * va-plot - pictures of predictions, of training and of scores.
 *
 * Reads va.predictions, the logs of training and tables of scores; writes SVG, or PNG through cairo. The
 * pictures are in common/plot/va_picture.
 */
#include "base/va_input.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "io/va_h5.h"
#include "plot/va_picture.h"
#include "plot/va_results.h"
#include "plot/va_shown.h"
#include <math.h>
#include <string.h>

static struct args {
    const char *output;
    struct va_view_options view;
    bool scatter;
    char **inputs; /* NULL last */
    int64_t count;
} args = { .output = "-", .view = { .rule = { .silent = true } } };

static const struct va_option table[] = {
    VA_OPT_STREAM('o', "output", &args.output, "FILE",
                  "picture to write: .svg, .png, or SVG on standard output (-)"),
    VA_OPT_VIEW(&args.view),
    VA_OPT_FLAG(0, "scatter", &args.scatter,
                "draw predicted against annotated values, all labelled videos together"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] INPUT...",
    .brief = "draw predictions, training and scores",
    .details =
        "What is drawn follows from the input. Inputs of one picture are of one kind.\n\n"
        "  PRED.h5     predictions: valence and arousal over time, and the circumplex,\n"
        "              for each video; frames without a face are hatched, and the intervals\n"
        "              of va-ensemble --interval are a band\n"
        "  RUN         folder of a training, its train.tsv or its val.tsv: loss and CCC\n"
        "              over the steps; several runs are drawn over one another\n"
        "  CV          folder with cv/0, cv/1, ...: the runs of all folds\n"
        "  SCORE.tsv   table of va-score: CCC of each video, or of each table as a fold\n"
        "  TABLE.tsv   table of va-fold report --format tsv: CCC of each fold\n\n"
        "A long video or run is thinned to the width of the picture: of each column, the least and "
        "the greatest value are drawn. Colours follow the reader's choice of light or dark. PNG "
        "needs cairo (make deps WITH=pictures) and is light.",
    .examples = "va-plot -o holiday.svg holiday.pred.h5\n"
                "va-plot --labels Validation_Set -o val.svg val.pred.h5\n"
                "va-plot --scatter --labels Validation_Set -o agreement.svg val.pred.h5\n"
                "va-plot -o training.svg log",
};

static bool parse_args(int argc, char **argv, int *status)
{
    args.inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!args.inputs)
        return false;
    if (!args.inputs[0])
        return va_usage_error(status, "expected predictions, runs or scores to draw");
    if (args.scatter && !args.view.labels.count)
        return va_usage_error(status, "--scatter needs --labels DIR");
    while (args.inputs[args.count])
        args.count++;
    return true;
}

/* ---- what the inputs are -------------------------------------------------------------------- */

enum kind { PREDICTIONS, FOLDER, LOG, SCORES, FOLDS, UNKNOWN };
static const char *const kind_names[] = { "predictions", "runs", "runs", "scores",
                                          "a table of folds" };

/* By the first line of a text. UNKNOWN after reporting. */
static enum kind kind_of_text(const char *path)
{
    struct va_lines lines;
    enum kind kind = UNKNOWN;
    int got;

    if (va_lines_open_file(&lines, path) < 0)
        return UNKNOWN;
    got = va_lines_next(&lines);
    if (got > 0 && !strncmp(lines.text, "step\t", 5))
        kind = LOG;
    else if (got > 0 && !strncmp(lines.text, "scope\t", 6))
        kind = SCORES;
    else if (got > 0 && !strncmp(lines.text, "fold\t", 5))
        kind = FOLDS;
    else if (got >= 0)
        va_error(
            "%s: line 1: found neither predictions, nor the columns of train.tsv, val.tsv, "
            "va-score or va-fold report",
            path);
    va_lines_close(&lines);
    return kind;
}

static enum kind kind_of(const char *path)
{
    if (va_is_folder(path))
        return FOLDER;
    return va_h5_named(path) ? PREDICTIONS : kind_of_text(path);
}

/* The kind that all inputs have. */
static enum kind kind_of_all(void)
{
    enum kind first = kind_of(args.inputs[0]);

    for (int64_t i = 1; i < args.count && first != UNKNOWN; i++) {
        enum kind kind = kind_of(args.inputs[i]);

        if (kind == UNKNOWN)
            return UNKNOWN;
        if (strcmp(kind_names[kind], kind_names[first])) {
            va_error("%s: found %s, expected %s as in %s", args.inputs[i], kind_names[kind],
                     kind_names[first], args.inputs[0]);
            return UNKNOWN;
        }
        if ((kind == PREDICTIONS || kind == FOLDS)) {
            va_error("%s: found a second file of %s: draw one at a time", args.inputs[i],
                     kind_names[kind]);
            return UNKNOWN;
        }
    }
    return first;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static int draw_predictions(const char *path)
{
    struct va_view v;
    int status = va_view_open(&v, path, &args.view);

    if (status < 0)
        return -1;
    status = args.scatter ? va_picture_agreement(args.output, path, &v)
                          : va_picture_videos(args.output, path, &v);
    va_view_release(&v);
    return status;
}

struct runs {
    struct va_curves *items; /* [count] */
    int64_t count, room;
    char **models; /* [model_count] content ids */
    int64_t model_count, model_room;
    double ccc; /* of the last model on its own validation, NaN where not known */
};

/* The models in the folders of runs. */
static int add_models(struct runs *r, const struct va_results *folder)
{
    for (int64_t i = 0; i < folder->count; i++) {
        bool failed;
        char *path = va_result_file(folder, i, "model.h5", &failed);
        struct va_made made;
        int status = failed ? -1 : 0;

        if (path && (status = va_made_read(&made, path)) == 0) {
            status = va_grow(&r->models, &r->model_room, r->model_count + 1,
                             sizeof(*r->models));
            if (status == 0 && !(r->models[r->model_count++] = va_strdup(made.id)))
                status = -1;
            r->ccc = made.ccc;
            va_made_release(&made);
        }
        va_free(path);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int add_runs(struct runs *r, const char *path)
{
    struct va_results folder;
    struct va_curves *more = NULL;
    int64_t n = 0;
    int status = -1;

    if (kind_of(path) == LOG) {
        if (va_grow(&r->items, &r->room, r->count + 1, sizeof(*r->items)) < 0 ||
            va_curves_read(&r->items[r->count], path, NULL) < 0)
            return -1;
        r->items[r->count].series = r->count;
        r->count++;
        return 0;
    }
    if (va_results_find(&folder, path) < 0)
        return -1;
    if (add_models(r, &folder) < 0) {
        va_results_release(&folder);
        return -1;
    }
    more = va_results_curves(&folder, NULL, r->count, &n);
    if (more && va_grow(&r->items, &r->room, r->count + n, sizeof(*r->items)) == 0) {
        memcpy(r->items + r->count, more, (size_t)n * sizeof(*more));
        r->count += n;
        n = 0;
        status = 0;
    }
    while (n > 0)
        va_curves_release(&more[--n]);
    va_free(more);
    va_results_release(&folder);
    return status;
}

static int draw_runs(void)
{
    struct runs r = { .ccc = (double)NAN };
    char models[VA_SHOWN_LINE] = "which models: not told, no model.h5 is beside the logs";
    int status = 0;

    for (int64_t i = 0; i < args.count && status == 0; i++)
        status = add_runs(&r, args.inputs[i]);
    if (status == 0 && !r.count)
        status = va_error("%s: found no train.tsv and no val.tsv", args.inputs[0]);
    if (r.model_count)
        va_shown_models(models, r.models, r.model_count,
                        r.model_count == 1 ? r.ccc : (double)NAN, NULL);
    if (status == 0)
        status = va_picture_curves(args.output, r.items, r.count, models);
    for (int64_t i = 0; i < r.count; i++)
        va_curves_release(&r.items[i]);
    va_free(r.items);
    for (int64_t i = 0; i < r.model_count; i++)
        va_free(r.models[i]);
    va_free(r.models);
    return status;
}

static int run(void)
{
    switch (kind_of_all()) {
    case PREDICTIONS: return draw_predictions(args.inputs[0]);
    case FOLDER:
    case LOG: return draw_runs();
    case SCORES:
        return va_picture_scores(args.output, (const char *const *)args.inputs, args.count);
    case FOLDS: return va_picture_folds(args.output, args.inputs[0]);
    case UNKNOWN: break;
    }
    return -1;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-plot");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(run());
    va_options_free(table);
    return va_tool_finish(status);
}
