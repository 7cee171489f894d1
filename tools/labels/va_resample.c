/*
 * va-labels resample - label files at another rate than the frames.
 */
#include "tools/labels/va_labels_tool.h"

#include "base/va_tool.h"
#include "data/va_label_convert.h"
#include <stdio.h>

const struct va_usage va_labels_resample_usage = {
    .synopsis = "(--from-fps X | --time COLUMN) --to FEATURES -o DIR LABELS...",
    .brief = "resample labels to the frames of videos",
    .details =
        "LABELS are label files, va.labels(5), or CSV files with the columns valence, arousal and "
        "perhaps a time. FEATURES is the file of features of the one video, or a folder with a file "
        "<video>.h5 for each. DIR/<video>.txt then has a row per frame.\n\n"
        "A frame gets the linear mix of the two rows around its time, or no label if one of the two "
        "has none. Row r is at (r - 1) / X seconds with --from-fps X. Frames are unlabelled before "
        "the first row, after the last one, and between rows that are more than --gap apart.\n\n"
        "Rows that last more than 1.5 times as long as the video, or less than that, are refused; "
        "--unmatched allow takes them all the same. Smaller differences are reported.\n\n"
        "A label file that exists is replaced only with --force.",
};

int va_labels_resample_main(int argc, char **argv)
{
    static const char *valence[] = { "valence", NULL }, *arousal[] = { "arousal", NULL };
    struct va_label_convert job = { .gap = 5, .columns = { { valence, 1 }, { arousal, 1 } } };
    const struct va_option table[] = {
        VA_OPT_CONVERT(&job),
        VA_OPT_END,
    };
    int status;
    char **inputs = va_options_parse(table, &va_labels_resample_usage, argc, argv, &status);

    if (!inputs)
        return status;
    if (!job.to)
        va_usage_error(&status, "missing --to FEATURES");
    else if (!job.time && !(job.fps > 0))
        va_usage_error(&status, "missing --from-fps X or --time COLUMN");
    else if (va_label_convert_check(&job, inputs, &status))
        status = va_tool_status(va_label_convert(&job, inputs, stdout));
    return status;
}
