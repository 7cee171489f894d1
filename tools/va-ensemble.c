/*
 * va-ensemble - predictions of several models for the same videos made into one.
 *
 * Reads and writes va.predictions. The averages are in data/va_combine.h, the fit of weights is in
 * data/va_blend_run.h, the calibration of intervals in data/va_interval_run.h.
 */
#include "base/va_tool.h"
#include "data/va_blend_run.h"
#include "data/va_combine.h"
#include "data/va_interval_run.h"
#include <stdlib.h>

enum method { MEAN, CENTRED, WEIGHTS };
static const char *const method_names[] = { "mean", "centred", "weights", NULL };
static const char *const missing_names[] = { "error", "skip", "average", NULL };

/* How many files there are; false after reporting that there are none or too many. */
static bool count_inputs(char *const *inputs, int64_t *count, int *status)
{
    *count = 0;
    while (inputs[*count])
        ++*count;
    if (*count == 0)
        return va_usage_error(status, "expected files of predictions");
    if (*count > VA_ENSEMBLE_MAX)
        return va_usage_error(status, "found %lld files of predictions, at most %d",
                              (long long)*count, VA_ENSEMBLE_MAX);
    return true;
}

/* ---- combine --------------------------------------------------------------------------- */

static struct combine {
    struct va_combine_job job;
    const char *weight;
    int method, missing;
} combine = { .job = { .clip = true, .scale = { 1, 1 }, .interval = { .level = 90 } } };

/* Options of combine and calibrate. */
#define OPT_WEIGHTS                                                                         \
    VA_OPT_STRING(                                                                          \
        0, "weight", &combine.weight, "W,W,...",                                            \
        "relative weight of each file in the mean; their sum may be any (default: equal)"), \
        VA_OPT_FILE(0, "weight-table", &combine.job.table,                                  \
                    "table of weights from va-ensemble fit, for a weighted sum"),           \
        VA_OPT_CHOICE(                                                                      \
            0, "missing", &combine.missing, missing_names,                                  \
            "videos without predictions in some files: refuse them, leave them out, or "    \
            "average the rest")

static const struct va_option combine_table[] = {
    VA_OPT_OUTPUT('o', "output", &combine.job.output, "FILE",
                  "predictions to write (va.predictions); appear only when complete"),
    VA_OPT_FILES_FROM(),
    VA_OPT_CHOICE(0, "method", &combine.method, method_names,
                  "plain average, average after CCC centring, or weighted sum"),
    OPT_WEIGHTS,
    VA_OPT_FLAG(0, "spread", &combine.job.spread,
                "also write the standard deviation over the files, of each frame"),
    VA_OPT_FILE(0, "interval", &combine.job.calibrated,
                "table of va-ensemble calibrate: also write an interval of each frame"),
    VA_OPT_INT(0, "level", &combine.job.interval.level, 1, 99,
               "percent of annotated frames that --interval is meant for"),
    VA_OPT_YESNO(0, "clip", &combine.job.clip, "limit predictions to [-1, 1]"),
    VA_OPT_TABLE(&combine.job.text),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[fit|calibrate] [options] -o OUT PRED.h5...",
    .brief = "combine predictions of several models for the same videos",
    .details =
        "--method mean averages frame by frame, with equal weights or those of --weight.\n\n"
        "--method centred first shifts each model's predictions of a video to a common "
        "mean. The agreement of a model is the mean of its CCCs with the other models "
        "over that video; agreements below 0 count as 0. The common mean is the mean of "
        "the models' means, weighted by agreement. Without an agreement above 0, the "
        "result is the plain average.\n\n"
        "--method weights computes a weighted sum with the table that va-ensemble fit "
        "wrote. The files must be in the same order as for fit.\n\n"
        "All files must contain all videos, with equal numbers of frames. Time stamps "
        "are those of the first file that has them. --missing average joins files of "
        "different videos, such as the validation videos of each fold. OUT lists "
        "the models that made the inputs, in its attribute models.\n\n"
        "--interval adds the ends of an interval around each prediction. Its half width is "
        "scale times spread plus floor. Calibrate it on videos on which no model was trained: "
        "see va-ensemble calibrate --help. va-score then also prints how many annotations "
        "lie inside, va-table prints the ends, and va-plot draws them as a band.\n\n"
        "The commands fit and calibrate have a --help of their own. To name a file \"fit\", "
        "write ./fit.",
    .examples =
        "va-ensemble --method centred -o all.h5 fold0.h5 fold1.h5 fold2.h5\n"
        "va-ensemble fit --labels Validation_Set -o weights.tsv a.val.h5 b.val.h5\n"
        "va-ensemble --weight-table weights.tsv -o test.h5 a.test.h5 b.test.h5\n"
        "va-ensemble calibrate --labels Validation_Set -o interval.tsv a.val.h5 b.val.h5\n"
        "va-ensemble --interval interval.tsv -o test.h5 a.test.h5 b.test.h5",
};

/* The numbers of --weight. */
static bool parse_weight(int *status)
{
    const char *text = combine.weight;
    double total = 0;
    int64_t n = 0;
    char *end = NULL;

    for (;; text = end + 1) {
        double w = strtod(text, &end);

        if (end == text || (*end && *end != ',') || *text == ' ' || !(w >= 0 && w <= 1e9))
            return va_usage_error(
                status,
                "--weight: found %s, expected numbers of at least 0, separated by commas",
                combine.weight);
        if (n < combine.job.count)
            combine.job.weight[n][0] = combine.job.weight[n][1] = w;
        n++;
        total += w;
        if (!*end)
            break;
    }
    if (n != combine.job.count)
        return va_usage_error(status,
                              "--weight: found %lld numbers, expected %lld, one for each file",
                              (long long)n, (long long)combine.job.count);
    return total > 0 ||
           va_usage_error(status, "--weight: all weights are 0, expected at least one above 0");
}

/* --weight and --weight-table, for commands that take weights. */
static bool parse_weights(int *status)
{
    if (combine.weight && combine.job.table)
        return va_usage_error(status, "--weight conflicts with --weight-table");
    if (combine.job.table && combine.missing == VA_ENSEMBLE_AVERAGE)
        return va_usage_error(
            status, "--missing average conflicts with --weight-table: its weights are for all "
                    "files together");
    combine.job.weighted = combine.weight || combine.job.table;
    combine.job.missing = (enum va_ensemble_missing)combine.missing;
    return !combine.weight || parse_weight(status);
}

static bool parse_interval(int *status)
{
    if (va_option_given("level") && !combine.job.calibrated)
        return va_usage_error(status, "--level needs --interval FILE");
    combine.job.spread |= combine.job.calibrated != NULL;
    return !combine.job.spread || combine.method != CENTRED ||
           va_usage_error(status,
                          "--spread and --interval conflict with --method centred: it moves "
                          "each file");
}

static bool parse_combine(int argc, char **argv, int *status)
{
    combine.job.inputs = va_options_parse(combine_table, &usage, argc, argv, status);
    if (!combine.job.inputs)
        return false;
    if (!combine.job.output)
        return va_usage_error(status, "missing --output FILE");
    if (!count_inputs(combine.job.inputs, &combine.job.count, status))
        return false;
    if (combine.job.table && !va_option_given("method"))
        combine.method = WEIGHTS;
    if ((combine.method == WEIGHTS) != (combine.job.table != NULL))
        return va_usage_error(status,
                              combine.job.table
                                  ? "--weight-table conflicts with --method mean and centred"
                                  : "--method weights needs --weight-table FILE");
    if (combine.weight && combine.method != MEAN)
        return va_usage_error(status, "--weight is only for --method mean");
    combine.job.centred = combine.method == CENTRED;
    return va_frame_files_check_options(&combine.job.text, status) && parse_interval(status) &&
           parse_weights(status);
}

static int combine_main(int argc, char **argv)
{
    int status;

    if (parse_combine(argc, argv, &status))
        status = va_tool_status(va_combine(&combine.job));
    return status;
}

/* ---- fit ------------------------------------------------------------------------------- */

static int fit_main(int argc, char **argv)
{
    struct va_blend_job labels = { .rule = { .silent = true } };
    const char *output = NULL;
    int missing = VA_ENSEMBLE_ERROR;
    bool affine = false;
    static const char *const fit_missing_names[] = { "error", "skip", NULL };
    const struct va_option table[] = {
        VA_OPT_STREAM(
            'o', "output", &output, "FILE",
            "table of weights to write; appears only when complete; -: standard output"),
        VA_OPT_FILES_FROM(),
        VA_OPT_LIST(0, "labels", &labels.folders, "DIR",
                    "folder of label files <video>.txt; may be repeated"),
        VA_OPT_LABEL_FPS(&labels.rule.fps),
        VA_OPT_LABELS_UNMATCHED(&labels.rule.unmatched),
        VA_OPT_FILE(0, "list", &labels.list,
                    "fit only on the videos in this list, one name per line"),
        VA_OPT_CHOICE(0, "missing", &missing, fit_missing_names,
                      "labelled frames and videos without predictions: refuse them, or leave "
                      "them out"),
        VA_OPT_YESNO(0, "affine", &affine,
                     "also fit a scale and a shift, to match the mean and deviation of the "
                     "labels"),
        VA_OPT_END,
    };
    static const struct va_usage fit_usage = {
        .synopsis = "[options] --labels DIR -o WEIGHTS.tsv PRED.h5...",
        .brief = "fit the weights of a weighted sum to labelled videos",
        .details =
            "For valence and for arousal, the fitted weights are at least 0 and have the sum "
            "1. Their weighted sum of the files has the highest CCC over all labelled frames "
            "together. With --affine yes it has the highest CCC after scale and shift; this "
            "helps because averages vary less than their parts, and CCC compares deviations.\n\n"
            "On the videos of the fit, the result is never worse than the best single file "
            "or equal weights. Score it on other videos, and fit on videos on which no model "
            "was trained.\n\n"
            "The table has the columns what, name, id, valence and arousal. Its rows give "
            "the number of frames, the CCC of each file, of equal weights (equal) and of the "
            "result (combined, not limited to [-1, 1]), scale, shift, and the weight of each "
            "file in the given order.",
    };
    int64_t count;
    int status;
    char **inputs = va_options_parse(table, &fit_usage, argc, argv, &status);

    if (!inputs)
        return status;
    if (!output)
        va_usage_error(&status, "missing --output FILE");
    else if (!labels.folders.count)
        va_usage_error(&status, "missing --labels DIR");
    else if (count_inputs(inputs, &count, &status)) {
        labels.missing = (enum va_ensemble_missing)missing;
        status = va_tool_status(va_blend_run(&labels, inputs, count, affine, output));
    }
    va_options_free(table);
    return status;
}

/* ---- calibrate ----------------------------------------------------------------------------- */

static bool twice(const struct va_ints *list)
{
    for (int64_t i = 0; i < list->count; i++)
        for (int64_t k = 0; k < i; k++)
            if (list->items[k] == list->items[i])
                return true;
    return false;
}

static int calibrate_main(int argc, char **argv)
{
    struct va_blend_job labels = { .rule = { .silent = true } };
    struct va_ints levels = { .items = { 90 }, .count = 1 };
    const char *output = NULL;
    const struct va_option table[] = {
        VA_OPT_STREAM(
            'o', "output", &output, "FILE",
            "table of intervals to write; appears only when complete; -: standard output"),
        VA_OPT_FILES_FROM(),
        VA_OPT_LIST(0, "labels", &labels.folders, "DIR",
                    "folder of label files <video>.txt; may be repeated"),
        VA_OPT_LABEL_FPS(&labels.rule.fps),
        VA_OPT_LABELS_UNMATCHED(&labels.rule.unmatched),
        VA_OPT_FILE(0, "list", &labels.list,
                    "calibrate only on the videos in this list, one name per line"),
        VA_OPT_INTS(0, "level", &levels, 1, 99,
                    "percent of annotated frames that are to lie inside; several levels"),
        OPT_WEIGHTS,
        VA_OPT_END,
    };
    static const struct va_usage calibrate_usage = {
        .synopsis = "[options] --labels DIR -o INTERVAL.tsv PRED.h5...",
        .brief = "calibrate intervals on labelled videos",
        .details =
            "The interval of a frame is its combined prediction, minus and plus scale times "
            "spread plus floor. Spread is the standard deviation over the files. Scale and "
            "floor are the ones that make the intervals narrowest, of those that contain the "
            "annotations of --level percent of the labelled frames.\n\n"
            "Calibrate on videos on which no model was trained, and report other videos. Give "
            "the same number of files as for va-ensemble --interval, in the same order, with "
            "the same weights. With --missing average, each video is combined from the files "
            "that have it, such as the seeds of a fold.\n\n"
            "The share holds on average over many videos like these, not in each video: the "
            "frames of a video err together.\n\n"
            "The table has a row for each level and dimension. Its columns are level, "
            "dimension, scale, floor, width (mean, before limits), method, members (files of "
            "a frame) and frames.",
    };
    int status;

    combine.job.inputs = va_options_parse(table, &calibrate_usage, argc, argv, &status);
    if (!combine.job.inputs)
        return status;
    if (!output)
        va_usage_error(&status, "missing --output FILE");
    else if (!labels.folders.count)
        va_usage_error(&status, "missing --labels DIR");
    else if (twice(&levels))
        va_usage_error(&status, "--level: a level is there twice");
    else if (count_inputs(combine.job.inputs, &combine.job.count, &status) &&
             parse_weights(&status)) {
        labels.missing = combine.job.missing;
        status = va_tool_status(
            va_interval_run(&combine.job, &labels, levels.items, levels.count, output));
    }
    va_options_free(table);
    return status;
}

int main(int argc, char **argv)
{
    static const struct va_command commands[] = {
        { "", combine_main, "" },
        { "fit", fit_main, "fit weights to labelled videos" },
        { "calibrate", calibrate_main, "calibrate intervals on labelled videos" },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-ensemble");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
