/*
 * va-score - how well predictions agree with annotations, as a table.
 *
 * Reads va.predictions or text files and annotation text, writes TSV. The work is in
 * data/va_score_files.h, the measures are in data/va_metrics.h.
 */
#include "base/va_tool.h"
#include "data/va_score_files.h"
#include <stdio.h>

enum missing { MISSING_ERROR, MISSING_SKIP };
static const char *const missing_names[] = { "error", "skip", NULL };

static struct args {
    struct va_score_job job;
    bool per_video;
    int missing;
} args = { .missing = MISSING_ERROR, .job = { .rule = { .silent = true } } };

static const struct va_option table[] = {
    VA_OPT_LIST(0, "labels", &args.job.labels, "DIR",
                "folder of label files <video>.txt; may be repeated"),
    VA_OPT_FILES_FROM(),
    VA_OPT_LABEL_FPS(&args.job.rule.fps),
    VA_OPT_LABELS_UNMATCHED(&args.job.rule.unmatched),
    VA_OPT_FILE(0, "list", &args.job.list,
                "score only the videos in this list, one name per line"),
    VA_OPT_FLAG(0, "per-video", &args.per_video, "add rows for each video"),
    VA_OPT_CHOICE(0, "missing", &args.missing, missing_names,
                  "labelled frames and videos without predictions: refuse them, or leave "
                  "them out"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] --labels DIR PRED.h5...",
    .brief = "measure how well predictions agree with labels",
    .details =
        "PRED.h5 is a va.predictions file, a folder of <video>.txt files or a single "
        ".txt file. All videos that have labels are scored, or those of --list.\n\n"
        "Row k of a label file is for frame k. --label-fps resamples label files as "
        "va-window does. A factor of more than 1.5 between the numbers of rows and "
        "predictions is refused unless --unmatched allow is given. Frames with the label "
        "-5 are left out.\n\n"
        "The table on standard output has a row for each scope and dimension:\n\n"
        "  ccc      concordance correlation: 1 agrees in every frame, 0 is chance\n"
        "  pearson  correlation, which forgives another mean and another range\n"
        "  rmse     root of the mean squared difference\n"
        "  mae      mean absolute difference\n"
        "  sagr     share of frames whose sign agrees with that of the label\n"
        "  frames   number of labelled frames\n\n"
        "If all predictions have intervals (va-ensemble --interval), three columns follow:\n\n"
        "  level     percent of frames that the intervals are meant for\n"
        "  coverage  share of frames whose label lies in the interval\n"
        "  width     mean width of the intervals\n\n"
        "Scope pooled combines all labelled frames. Scope "
        "video-mean averages over the videos for which the value is defined. With "
        "--per-video, each video follows with its name as scope. Dimension mean is the "
        "average of valence and arousal.\n\n"
        "Moments are those of the population, in double precision. An undefined value is "
        "printed as nan, and standard error gives the reason.",
    .examples =
        "va-score --labels Validation_Set val.pred.h5\n"
        "va-score --labels Validation_Set --per-video --missing skip val.pred.h5 >score.tsv",
};

static bool parse_args(int argc, char **argv, int *status)
{
    args.job.inputs = va_options_parse(table, &usage, argc, argv, status);
    args.job.skip = args.missing == MISSING_SKIP;
    if (!args.job.inputs)
        return false;
    if (!args.job.labels.count)
        return va_usage_error(status, "missing --labels DIR");
    if (!args.job.inputs[0])
        return va_usage_error(status, "expected predictions to score");
    return true;
}

int main(int argc, char **argv)
{
    struct va_evaluation e = { 0 };
    int status;

    va_tool_init("va-score");
    if (parse_args(argc, argv, &status)) {
        status = va_tool_status(va_score_files(&e, &args.job));
        if (status == VA_EXIT_OK)
            va_score_print(&e, args.per_video, stdout);
    }
    va_evaluation_release(&e);
    va_options_free(table);
    return va_tool_finish(status);
}
