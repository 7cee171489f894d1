#include "data/va_score_files.h"

#include "base/va_error.h"
#include "data/va_lists.h"
#include "data/va_predictions.h"
#include <math.h>

/* ---- files --------------------------------------------------------------------------------- */

static int evaluate_video(const struct va_score_job *job, struct va_evaluation *e,
                          const struct va_predictions *predictions,
                          const struct va_label_file *file)
{
    const struct va_prediction *p = va_predictions_find(predictions, file->name);
    struct va_labels labels;
    int64_t T; /* frames that have both */
    int status = -1;

    if (!p && job->skip)
        return va_info("%s: has no predictions, left out", file->name), 0;
    if (!p && predictions->count)
        return va_error(
            "%s: video '%s' has no predictions, found those of '%s'%s: label files are called as "
            "the videos; add predictions, choose videos with --list, or leave the video out "
            "with --missing skip",
            file->path, file->name, predictions->items[0].name,
            predictions->count > 1 ? " and others" : "");
    if (!p)
        return va_error("%s: video '%s' has no predictions, found those of no video",
                        file->path, file->name);
    if (va_labels_read(&labels, file->path, VA_LABELS_ANNOTATION) < 0)
        return -1;
    if (va_labels_fit(&labels, file->path, &job->rule,
                      &(struct va_label_video){ p->name, p->frames, p->fps }) < 0)
        goto done;
    T = labels.count < p->frames ? labels.count : p->frames;
    for (int64_t i = T; !job->skip && i < labels.count; i++)
        if (va_is_labelled(labels.va + 2 * i)) {
            va_error("%s: video '%s': found predictions for %lld frames, but frame %lld is "
                     "labelled in %s",
                     p->path, p->name, (long long)p->frames, (long long)i + 1, file->path);
            goto done;
        }
    status = va_evaluation_add(e, file->name, T, p->va, labels.va,
                               &(struct va_ends){ p->lower, p->upper, p->level });
done:
    va_labels_release(&labels);
    return status;
}

static int evaluate_list(const struct va_score_job *job, struct va_evaluation *e,
                         const struct va_predictions *predictions,
                         const struct va_label_files *files)
{
    struct va_name_list list;
    int status = va_name_list_read(&list, job->list);

    if (status < 0)
        return -1;
    for (int64_t i = 0; status == 0 && i < list.count; i++) {
        const struct va_label_file *file = va_label_files_find(files, list.items[i].name);

        status = file ? evaluate_video(job, e, predictions, file)
                      : va_name_list_unknown(&list, i, "the folders of labels");
    }
    va_name_list_release(&list);
    return status;
}

static int evaluate_all(const struct va_score_job *job, struct va_evaluation *e,
                        const struct va_predictions *predictions,
                        const struct va_label_files *files)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < files->count; i++)
        status = evaluate_video(job, e, predictions, &files->items[i]);
    for (int64_t i = 0; status == 0 && i < predictions->count; i++)
        if (!va_label_files_find(files, predictions->items[i].name))
            va_info("%s: has no labels, left out", predictions->items[i].name);
    return status;
}

/* Intervals of two levels cannot be counted together. */
static int check_levels(const struct va_predictions *p)
{
    const struct va_prediction *first = NULL, *without = NULL;

    for (int64_t i = 0; i < p->count; i++) {
        const struct va_prediction *item = &p->items[i];

        if (!item->lower) {
            without = item;
        } else if (!first) {
            first = item;
        } else if (item->level != first->level) {
            return va_error("%s: found intervals of level %g, but of level %g in %s: score one "
                            "level at a time",
                            item->path, item->level, first->level, first->path);
        }
    }
    if (first && without)
        va_info("%s: has no intervals, unlike %s: coverage is left out", without->path,
                first->path);
    return 0;
}

int va_score_files(struct va_evaluation *e, const struct va_score_job *job)
{
    struct va_label_files files = { 0 };
    struct va_predictions predictions = { 0 };
    int status = 0;

    for (int64_t i = 0; status == 0 && i < job->labels.count; i++)
        status = va_label_files_add(&files, job->labels.items[i]);
    for (char *const *p = job->inputs; status == 0 && *p; p++)
        status = va_predictions_add(&predictions, *p);
    if (status == 0)
        status = check_levels(&predictions);
    if (status == 0)
        status = job->list ? evaluate_list(job, e, &predictions, &files)
                           : evaluate_all(job, e, &predictions, &files);
    if (status == 0 && e->count == 0)
        status = va_error("%s: found no video that has labels and predictions",
                          job->labels.items[0]);
    va_predictions_release(&predictions);
    va_label_files_release(&files);
    return status;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void print_value(double x, FILE *stream)
{
    if (isnan(x))
        fprintf(stream, "\tnan"); /* printf alone might say -nan */
    else
        fprintf(stream, "\t%.9g", x);
}

static void print_block(const char *scope, const struct va_score *score, double level,
                        FILE *stream)
{
    for (int d = 0; d < VA_DIMENSIONS; d++) {
        fprintf(stream, "%s\t%s", scope, va_dimension_names[d]);
        for (int m = 0; m < VA_METRICS; m++)
            print_value(score->value[d][m], stream);
        fprintf(stream, "\t%lld", (long long)score->frames);
        if (level > 0) {
            print_value(level, stream);
            print_value(score->coverage[d], stream);
            print_value(score->width[d], stream);
        }
        fputc('\n', stream);
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

void va_score_print(const struct va_evaluation *e, bool per_video, FILE *stream)
{
    struct va_score score;

    fprintf(stream, "scope\tdimension");
    for (int m = 0; m < VA_METRICS; m++)
        fprintf(stream, "\t%s", va_metric_names[m]);
    fprintf(stream, "\tframes%s\n", e->level > 0 ? "\tlevel\tcoverage\twidth" : "");
    va_evaluation_pooled(e, &score);
    print_block("pooled", &score, e->level, stream);
    explain("pooled", e->frames, e->prediction, e->label);
    va_evaluation_mean(e, &score);
    print_block("video-mean", &score, e->level, stream);
    explain_mean(&score);
    for (int64_t i = 0; per_video && i < e->count; i++) {
        const struct va_evaluated *v = &e->videos[i];

        va_evaluation_video(e, i, &score);
        print_block(v->name, &score, e->level, stream);
        explain(v->name, v->frames, e->prediction + 2 * v->first, e->label + 2 * v->first);
    }
}
