/*
 * va-fold report - the table of what va-score printed, beside the published one.
 */
#include "tools/fold/va_fold.h"

#include "base/va_tool.h"
#include "data/va_report.h"
#include <stdio.h>

int va_fold_report(int argc, char **argv)
{
    struct va_strings baselines = { 0 };
    int format = VA_REPORT_TEXT, status;
    const char *title = "ours";
    bool published = true;
    const struct va_option table[] = {
        VA_OPT_CHOICE(0, "format", &format, va_report_format_names, "format of the table"),
        VA_OPT_LIST(0, "baseline", &baselines, "[NAME=]FILE",
                    "scores of another method in one fold, to show beside; may be repeated"),
        VA_OPT_STRING(0, "name", &title, "NAME", "title of the columns with these scores"),
        VA_OPT_PUBLISHED(&published),
        VA_OPT_END,
    };
    static const struct va_usage report_usage = {
        .synopsis = "[options] SCORE.tsv...",
        .brief = "print the scores beside the published ones of the paper's Table 1",
        .details =
            "Each SCORE.tsv is the output of va-score for one fold; the report shows the CCC "
            "over all its labelled frames. The number of the fold is that of the folder "
            "(cv/3/score.tsv) or the one at the end of the file name (fold3.tsv). If these "
            "are not different for all files, folds are counted from 0 in the given order.\n\n"
            "Files of --baseline with the same NAME form one method and must have the same "
            "folds. Without NAME=, the method is named after the file.",
    };
    struct va_report report = { 0 };
    int64_t count = 0;
    char **operands = va_options_parse(table, &report_usage, argc, argv, &status);

    if (operands && !operands[0])
        va_usage_error(&status, "expected at least one file of scores");
    while (operands && operands[count])
        count++;
    if (count) {
        int result;

        report.unpublished = !published;
        result = va_report_add(&report, title, (const char *const *)operands, count);

        if (result == 0)
            result = va_report_add_baselines(&report, baselines.items, baselines.count);
        if (result == 0)
            result = va_report_print(&report, (enum va_report_format)format, stdout);
        status = va_tool_status(result);
    }
    va_report_release(&report);
    va_options_free(table);
    return status;
}
