/*
 * va_report.h - the paper's Table 1 with our numbers in it, or for other data those alone.
 *
 * Cells are CCC over all labelled frames of a fold's held-out videos (scope pooled of va-score).
 * Which fold a table of scores belongs to is told by the folder it lies in (cv/3/score.tsv) or
 * by the number at the end of its name (fold3.tsv); where that does not tell every table from
 * the others, they count in the order given, from 0.
 *
 * Ownership: a report owns its names; begins as { 0 }
 */
#ifndef VA_REPORT_H
#define VA_REPORT_H

#include "base/va_attr.h"
#include "data/va_metrics.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define VA_OPT_PUBLISHED(target_)         \
    VA_OPT_YESNO(0, "published", target_, \
                 "show the published scores, which are of Aff-Wild2, beside those given")

enum va_report_format { VA_REPORT_TEXT, VA_REPORT_TSV, VA_REPORT_MARKDOWN, VA_REPORT_HTML };
extern const char *const va_report_format_names[]; /* in enum order, NULL last */

struct va_fold_score {
    int64_t fold;
    double ccc[VA_DIMENSIONS];
};
struct va_method { /* scores of one method in every fold */
    char *name;
    struct va_fold_score *folds; /* [count], ascending */
    int64_t count;
};
struct va_report {
    struct va_method *methods; /* [count]: ours, then the baselines */
    int64_t count, room;
    bool
        unpublished; /* the scores are not of Aff-Wild2: the table is without the published ones */
};

/* Add a method and its score files [count]; -1 after reporting. Methods after the first must have
 * the folds of the first. */
VA_MUST_USE int va_report_add(struct va_report *report, const char *name,
                              const char *const *paths, int64_t count);

/*
 * Add methods whose files of scores, list [count], are mixed: [NAME=]FILE. Without NAME= the method is named
 * after the file: up to its first dot, digits and what joins them to it taken off. Methods come in the
 * order in which their names first do. -1 after reporting.
 */
VA_MUST_USE int va_report_add_baselines(struct va_report *report, const char *const *list,
                                        int64_t count);

/* Print the table: folds, their average, baselines. -1 after reporting that memory is short. */
VA_MUST_USE int va_report_print(const struct va_report *report, enum va_report_format format,
                                FILE *to);
void va_report_release(struct va_report *report);

#endif
