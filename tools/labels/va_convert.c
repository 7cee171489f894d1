/*
 * va-labels convert - label files from tables of ratings, or tiers of ELAN, of one or more annotators.
 */
#include "tools/labels/va_labels_tool.h"

#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_label_convert.h"
#include <stdio.h>
#include <string.h>

const struct va_usage va_labels_convert_usage = {
    .synopsis = "[options] -o DIR RATINGS...",
    .brief = "make label files of tables of ratings, also of several annotators",
    .details =
        "RATINGS is a text file with a row per moment and columns separated by tabs, semicolons, "
        "commas or blanks. A column is called by its name, or by its number from 1. Each file is "
        "of the video that is called like it, unless --name or --video says otherwise. "
        "valence=FILE and arousal=FILE are for files of one dimension.\n\n"
        "A file of ELAN (.eaf) has tiers in the place of columns, and needs --to: a frame gets the number that the "
        "segment around its time holds, and is unlabelled where there is no segment.\n\n"
        "--range 1..9 maps ratings linearly to -1 to 1. Without it, ratings are in [-1, 1], and "
        "-5 stands for none.\n\n"
        "--from-fps 4 says that row r is at (r - 1) / 4 seconds, and --time COLUMN that a column has "
        "the times. With --to, a frame gets the linear mix of the two rows around its time. Without "
        "either, row k is for frame k. The times of frames are those in the features.\n\n"
        "A frame is unlabelled before the first row, after the last one, and between rows that are "
        "more than --gap apart. The last row lasts as long as the one before it.\n\n"
        "Rows that last more than 1.5 times as long as the video, or less than that, are refused; "
        "--unmatched allow takes them all the same. Smaller differences are reported.\n\n"
        "Several --valence and --arousal columns, or several files with one --name, are several "
        "annotators. A frame gets the mean of those who rate it. --align X first shifts each "
        "annotator by at most X seconds to where the ratings correlate best with the mean of the "
        "others. A delay that all annotators share does not show in this: that is --lag.\n\n"
        "For several annotators, a table on standard output has a row for each: the delay in seconds, "
        "relative to the mean of all, and the CCC with the mean of the others, after the shift. The rows 'all' have the mean CCC of "
        "pairs, ICC(2,1) and ICC(2,k), over frames that all rate.\n\n"
        "A label file that exists is replaced only with --force.",
};

/* "1..9" */
static bool parse_range(const char *text, struct va_label_convert *job)
{
    const char *dots = strstr(text, "..");
    char *lo = dots ? va_format("%.*s", (int)(dots - text), text) : NULL;
    bool good = lo && va_parse_decimal(lo, &job->lo) == 0 &&
                va_parse_decimal(dots + 2, &job->hi) == 0 && job->lo < job->hi;

    va_free(lo);
    return job->ranged = good;
}

int va_labels_convert_main(int argc, char **argv)
{
    static const char *valence[] = { "valence", NULL }, *arousal[] = { "arousal", NULL };
    struct va_label_convert job = {
        .gap = 5,
        .unnamed = ": --name VIDEO names the video, also of files of several annotators"
    };
    const char *range = NULL;
    const struct va_option table[] = {
        VA_OPT_LIST(
            0, "valence", &job.columns[0], "COLUMN",
            "column of valence (default: valence); may be repeated for several annotators"),
        VA_OPT_LIST(
            0, "arousal", &job.columns[1], "COLUMN",
            "column of arousal (default: arousal); may be repeated for several annotators"),
        VA_OPT_STRING(0, "range", &range, "LO..HI", "range of the ratings, such as 1..9"),
        VA_OPT_STRING(0, "video", &job.video, "COLUMN", "column with the name of the video"),
        VA_OPT_VIDEO_NAME(&job.name, "name of the one video that all files are of"),
        VA_OPT_REAL(0, "align", &job.align, 0, 60,
                    "longest delay of an annotator to look for, in seconds; 0: none"),
        VA_OPT_CONVERT(&job),
        VA_OPT_END,
    };
    int status;
    char **inputs = va_options_parse(table, &va_labels_convert_usage, argc, argv, &status);
    struct va_label_convert given = job;

    if (!given.columns[0].count)
        given.columns[0] = (struct va_strings){ valence, 1 };
    if (!given.columns[1].count)
        given.columns[1] = (struct va_strings){ arousal, 1 };
    if (inputs && range && !parse_range(range, &given))
        va_usage_error(&status, "--range %s: expected LO..HI, such as 1..9 or -100..100",
                       range);
    else if (inputs && va_label_convert_check(&given, inputs, &status))
        status = va_tool_status(va_label_convert(&given, inputs, stdout));
    va_options_free(table);
    return status;
}
