/*
 * va-score - how well predictions agree with annotations, as a table.
 *
 * Reads va.predictions/1 or text files and annotation text, writes TSV. The measures are in
 * common/data/va_metrics.
 */
#include "base/va_tool.h"
#include "data/va_label_fit.h"
#include "data/va_lists.h"
#include "data/va_metrics.h"
#include "data/va_predictions.h"
#include <math.h>
#include <stdio.h>

enum missing { MISSING_ERROR, MISSING_SKIP };
static const char *const missing_names[] = { "error", "skip", NULL };

static struct args {
    struct va_strings labels; /* folders */
    struct va_label_rule rule;
    const char *list;
    bool per_video;
    int missing;
    char **inputs; /* predictions, NULL last */
} args = { .missing = MISSING_ERROR, .rule = { .silent = true } };

static const struct va_option table[] = {
    VA_OPT_LIST(0, "labels", &args.labels, "DIR",
                "folder of label files <video>.txt; may be repeated"),
    VA_OPT_LABEL_FPS(&args.rule.fps),
    VA_OPT_LABELS_UNMATCHED(&args.rule.unmatched),
    VA_OPT_FILE(0, "list", &args.list, "score only the videos in this list, one name per line"),
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
        "PRED.h5 is a va.predictions/1 file, a folder of <video>.txt files or a single "
        ".txt file. All videos that have labels are scored, or those of --list.\n\n"
        "Row k of a label file is for frame k. --label-fps resamples label files as "
        "va-window does. A factor of more than 1.5 between the numbers of rows and "
        "predictions is refused unless --unmatched allow is given. Frames with the label "
        "-5 are left out.\n\n"
        "The table on standard output has the columns scope, dimension, ccc, pearson, "
        "rmse, mae, sagr and frames. Scope pooled combines all labelled frames. Scope "
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
    args.inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!args.inputs)
        return false;
    if (!args.labels.count)
        return va_usage_error(status, "missing --labels DIR");
    if (!args.inputs[0])
        return va_usage_error(status, "expected predictions to score");
    return true;
}

static int evaluate_video(struct va_evaluation *e, const struct va_predictions *predictions,
                          const struct va_label_file *file)
{
    const struct va_prediction *p = va_predictions_find(predictions, file->name);
    struct va_labels labels;
    int64_t T; /* frames that have both */
    int status = -1;

    if (!p && args.missing == MISSING_SKIP)
        return va_info("%s: has no predictions, left out", file->name), 0;
    if (!p)
        return va_error(
            "%s: video '%s' has no predictions: add them, or choose videos with --list, "
            "or leave it out with --missing skip",
            file->path, file->name);
    if (va_labels_read(&labels, file->path, VA_LABELS_ANNOTATION) < 0)
        return -1;
    if (va_labels_fit(&labels, file->path, &args.rule,
                      &(struct va_label_video){ p->name, p->frames, p->fps }) < 0)
        goto done;
    T = labels.count < p->frames ? labels.count : p->frames;
    for (int64_t i = T; args.missing == MISSING_ERROR && i < labels.count; i++)
        if (va_is_labelled(labels.va + 2 * i)) {
            va_error("%s: video '%s': found predictions for %lld frames, but frame %lld is "
                     "labelled in %s",
                     p->path, p->name, (long long)p->frames, (long long)i + 1, file->path);
            goto done;
        }
    status = va_evaluation_add(e, file->name, T, p->va, labels.va);
done:
    va_labels_release(&labels);
    return status;
}

static int evaluate_list(struct va_evaluation *e, const struct va_predictions *predictions,
                         const struct va_label_files *files)
{
    struct va_name_list list;
    int status = va_name_list_read(&list, args.list);

    if (status < 0)
        return -1;
    for (int64_t i = 0; status == 0 && i < list.count; i++) {
        const struct va_label_file *file = va_label_files_find(files, list.items[i].name);

        status = file ? evaluate_video(e, predictions, file)
                      : va_name_list_unknown(&list, i, "the folders of labels");
    }
    va_name_list_release(&list);
    return status;
}

static int evaluate_all(struct va_evaluation *e, const struct va_predictions *predictions,
                        const struct va_label_files *files)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < files->count; i++)
        status = evaluate_video(e, predictions, &files->items[i]);
    for (int64_t i = 0; status == 0 && i < predictions->count; i++)
        if (!va_label_files_find(files, predictions->items[i].name))
            va_info("%s: has no labels, left out", predictions->items[i].name);
    return status;
}

static int evaluate(struct va_evaluation *e)
{
    struct va_label_files files = { 0 };
    struct va_predictions predictions = { 0 };
    int status = 0;

    for (int64_t i = 0; status == 0 && i < args.labels.count; i++)
        status = va_label_files_add(&files, args.labels.items[i]);
    for (char **p = args.inputs; status == 0 && *p; p++)
        status = va_predictions_add(&predictions, *p);
    if (status == 0)
        status = args.list ? evaluate_list(e, &predictions, &files)
                           : evaluate_all(e, &predictions, &files);
    if (status == 0 && e->count == 0)
        status = va_error("%s: found no video that has labels and predictions",
                          args.labels.items[0]);
    va_predictions_release(&predictions);
    va_label_files_release(&files);
    return status;
}

static void print_block(const char *scope, const struct va_score *score)
{
    for (int d = 0; d < VA_DIMENSIONS; d++) {
        printf("%s\t%s", scope, va_dimension_names[d]);
        for (int m = 0; m < VA_METRICS; m++)
            if (isnan(score->value[d][m]))
                printf("\tnan"); /* printf alone might say -nan */
            else
                printf("\t%.9g", score->value[d][m]);
        printf("\t%lld\n", (long long)score->frames);
    }
}

/* Say why values of `n` pairs are nan: what holds for both dimensions is said once. */
static void explain(const char *scope, int64_t n, const double *prediction, const double *label)
{
    static const char *const words[] = { "", "no labelled frame",
                                         "the predictions are constant",
                                         "the labels are constant",
                                         "predictions and labels are the same constant" };

    if (n == 0) {
        va_info("%s: all measures are undefined: %s", scope, words[VA_NO_FRAMES]);
        return;
    }
    for (int m = VA_CCC; m <= VA_PEARSON; m++) {
        enum va_undefined why[VA_MEAN];

        for (int d = 0; d < VA_MEAN; d++)
            why[d] = va_score_reason(n, prediction, label, (enum va_dimension)d,
                                     (enum va_metric)m);
        if (why[VA_VALENCE] == why[VA_AROUSAL] && why[VA_VALENCE] != VA_DEFINED)
            va_info("%s: %s is undefined: %s", scope, va_metric_names[m],
                    words[why[VA_VALENCE]]);
        else
            for (int d = 0; d < VA_MEAN; d++)
                if (why[d] != VA_DEFINED)
                    va_info("%s: %s of %s is undefined: %s", scope, va_metric_names[m],
                            va_dimension_names[d], words[why[d]]);
    }
}

/* The mean over videos is undefined where every video is. */
static void explain_mean(const struct va_score *score)
{
    for (int m = VA_CCC; m <= VA_PEARSON; m++) {
        const bool undefined[] = { isnan(score->value[VA_VALENCE][m]),
                                   isnan(score->value[VA_AROUSAL][m]) };

        if (undefined[VA_VALENCE] && undefined[VA_AROUSAL])
            va_info("video-mean: %s is undefined because it is undefined for every video",
                    va_metric_names[m]);
        else
            for (int d = 0; d < VA_MEAN; d++)
                if (undefined[d])
                    va_info(
                        "video-mean: %s of %s is undefined because it is undefined for every video",
                        va_metric_names[m], va_dimension_names[d]);
        if (isnan(score->value[VA_MEAN][m]) && !undefined[VA_VALENCE] && !undefined[VA_AROUSAL])
            va_info(
                "video-mean: %s of mean is undefined because it is undefined for valence or "
                "arousal in every video",
                va_metric_names[m]);
    }
}

static void print_table(const struct va_evaluation *e)
{
    struct va_score score;

    printf("scope\tdimension");
    for (int m = 0; m < VA_METRICS; m++)
        printf("\t%s", va_metric_names[m]);
    printf("\tframes\n");
    va_evaluation_pooled(e, &score);
    print_block("pooled", &score);
    explain("pooled", e->frames, e->prediction, e->label);
    va_evaluation_mean(e, &score);
    print_block("video-mean", &score);
    explain_mean(&score);
    for (int64_t i = 0; args.per_video && i < e->count; i++) {
        const struct va_evaluated *v = &e->videos[i];

        va_evaluation_video(e, i, &score);
        print_block(v->name, &score);
        explain(v->name, v->frames, e->prediction + 2 * v->first, e->label + 2 * v->first);
    }
}

int main(int argc, char **argv)
{
    struct va_evaluation e = { 0 };
    int status;

    va_tool_init("va-score");
    if (parse_args(argc, argv, &status)) {
        status = va_tool_status(evaluate(&e));
        if (status == VA_EXIT_OK)
            print_table(&e);
    }
    va_evaluation_release(&e);
    va_options_free(table);
    return va_tool_finish(status);
}
