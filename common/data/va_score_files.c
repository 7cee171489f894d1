#include "data/va_score_files.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_lists.h"
#include "data/va_predictions.h"
#include <math.h>
#include <string.h>

/* ---- files --------------------------------------------------------------------------------- */

enum { BLOCK = 4096 }; /* frames at a time */

/* Labels of a video as they are read, and the predictions of the same rows. */
struct pairing {
    struct va_evaluation *e;
    const struct va_prediction *p;
    int64_t waiting,
        done;       /* labels that wait for their predictions, after those that are scored */
    int64_t beyond; /* the first labelled row without a prediction, or -1 */
    double va[2 * BLOCK], label[2 * BLOCK];
    float lower[2 * BLOCK], upper[2 * BLOCK];
};

static int score_waiting(struct pairing *w)
{
    const bool ends = w->p->level > 0;
    int status = 0;

    if (w->waiting)
        status = va_prediction_rows(w->p, w->done, w->waiting, w->va, w->lower, w->upper);
    if (status == 0)
        status = va_evaluation_more(w->e, w->waiting, w->va, w->label, ends ? w->lower : NULL,
                                    ends ? w->upper : NULL);
    w->done += w->waiting;
    w->waiting = 0;
    return status;
}

static int take_label(void *arg, int64_t row, const double *va)
{
    struct pairing *w = arg;

    if (row >= w->p->frames) {
        if (w->beyond < 0 && va_is_labelled(va))
            w->beyond = row;
        return 0;
    }
    memcpy(w->label + 2 * w->waiting, va, 2 * sizeof(*va));
    return ++w->waiting == BLOCK ? score_waiting(w) : 0;
}

static int not_predicted(const struct va_prediction *p, const char *labels, int64_t row)
{
    return va_error("%s: video '%s': found predictions for %lld frames, but frame %lld is "
                    "labelled in %s",
                    p->path, p->name, (long long)p->frames, (long long)row + 1, labels);
}

/* The video whose labels come next. */
static int begin_video(struct pairing *w, const struct va_prediction *p, const char *name)
{
    w->p = p;
    w->waiting = w->done = 0;
    w->beyond = -1;
    return va_evaluation_begin(w->e, name, p->level);
}

static int end_video(struct pairing *w, const struct va_score_job *job, const char *labels)
{
    if (score_waiting(w) < 0)
        return -1;
    return !job->skip && w->beyond >= 0 ? not_predicted(w->p, labels, w->beyond) : 0;
}

/* Row k of the labels is for frame k: a block of rows at a time. */
static int evaluate_rows(const struct va_score_job *job, struct pairing *w,
                         const struct va_prediction *p, const struct va_label_file *file)
{
    const struct va_label_video video = { p->name, p->frames, p->fps };
    int64_t rows = 0;

    if (begin_video(w, p, file->name) < 0 ||
        va_labels_each(file->path, VA_LABELS_ANNOTATION, take_label, w, &rows) < 0 ||
        va_label_rows_fit(rows, file->path, &job->rule, &video) < 0)
        return -1;
    return end_video(w, job, file->path);
}

/* Labels of another rate are held whole. */
static int evaluate_resampled(const struct va_score_job *job, struct pairing *w,
                              const struct va_prediction *p, const struct va_label_file *file)
{
    const struct va_label_video video = { p->name, p->frames, p->fps };
    struct va_labels labels;
    int status = va_labels_read(&labels, file->path, VA_LABELS_ANNOTATION);

    if (status == 0)
        status = va_labels_fit(&labels, file->path, &job->rule, &video);
    if (status == 0)
        status = begin_video(w, p, file->name);
    for (int64_t i = 0; status == 0 && i < labels.count; i++)
        status = take_label(w, i, labels.va + 2 * i);
    if (status == 0)
        status = end_video(w, job, file->path);
    va_labels_release(&labels);
    return status;
}

static int evaluate_video(const struct va_score_job *job, struct pairing *w,
                          const struct va_predictions *predictions,
                          const struct va_label_file *file)
{
    const struct va_prediction *p = va_predictions_find(predictions, file->name);

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
    return job->rule.fps > 0 ? evaluate_resampled(job, w, p, file)
                             : evaluate_rows(job, w, p, file);
}

static int evaluate_list(const struct va_score_job *job, struct pairing *w,
                         const struct va_predictions *predictions,
                         const struct va_label_files *files)
{
    struct va_name_list list;
    int status = va_name_list_read(&list, job->list);

    if (status < 0)
        return -1;
    for (int64_t i = 0; status == 0 && i < list.count; i++) {
        const struct va_label_file *file = va_label_files_find(files, list.items[i].name);

        status = file ? evaluate_video(job, w, predictions, file)
                      : va_name_list_unknown(&list, i, "the folders of labels");
    }
    va_name_list_release(&list);
    return status;
}

static int evaluate_all(const struct va_score_job *job, struct pairing *w,
                        const struct va_predictions *predictions,
                        const struct va_label_files *files)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < files->count; i++)
        status = evaluate_video(job, w, predictions, &files->items[i]);
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

        if (!(item->level > 0)) {
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
    struct va_predictions predictions = { .in_files = true };
    struct pairing *w = va_new(1, sizeof(*w)); /* one for all videos: it is large */
    int status = w ? 0 : -1;

    if (w)
        w->e = e;

    for (int64_t i = 0; status == 0 && i < job->labels.count; i++)
        status = va_label_files_add(&files, job->labels.items[i]);
    for (char *const *p = job->inputs; status == 0 && *p; p++)
        status = va_predictions_add(&predictions, *p);
    if (status == 0)
        status = check_levels(&predictions);
    if (status == 0)
        status = job->list ? evaluate_list(job, w, &predictions, &files)
                           : evaluate_all(job, w, &predictions, &files);
    if (status == 0 && e->count == 0)
        status = va_error("%s: found no video that has labels and predictions",
                          job->labels.items[0]);
    va_free(w);
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

/* Say why values are nan: what holds for both dimensions is said once. */
static void explain(const char *scope, const struct va_tally *t)
{
    static const char *const words[] = { "", "no labelled frame",
                                         "the predictions are constant",
                                         "the labels are constant",
                                         "predictions and labels are the same constant" };

    if (t->frames == 0) {
        va_info("%s: all measures are undefined: %s", scope, words[VA_NO_FRAMES]);
        return;
    }
    for (int m = VA_CCC; m <= VA_PEARSON; m++) {
        enum va_undefined why[VA_MEAN];

        for (int d = 0; d < VA_MEAN; d++)
            why[d] = va_tally_reason(t, (enum va_dimension)d, (enum va_metric)m);
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
    struct va_tally all;

    fprintf(stream, "scope\tdimension");
    for (int m = 0; m < VA_METRICS; m++)
        fprintf(stream, "\t%s", va_metric_names[m]);
    fprintf(stream, "\tframes%s\n", e->level > 0 ? "\tlevel\tcoverage\twidth" : "");
    va_evaluation_pooled(e, &score);
    print_block("pooled", &score, e->level, stream);
    va_evaluation_tally(e, &all);
    explain("pooled", &all);
    va_evaluation_mean(e, &score);
    print_block("video-mean", &score, e->level, stream);
    explain_mean(&score);
    for (int64_t i = 0; per_video && i < e->count; i++) {
        const struct va_evaluated *v = &e->videos[i];

        va_evaluation_video(e, i, &score);
        print_block(v->name, &score, e->level, stream);
        explain(v->name, &v->tally);
    }
}
