/*
 * va-labels check - are these label files, and do they fit the features?
 */
#include "tools/labels/va_labels_tool.h"

#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_tool.h"
#include "data/va_frame_times.h"
#include "data/va_label_fit.h"
#include "data/va_labels.h"
#include <math.h>
#include <stdio.h>

struct check_args {
    const char *to;
    struct va_label_rule rule;
};

const struct va_usage va_labels_check_usage = {
    .synopsis = "[options] LABELS...",
    .brief = "check label files, and whether they fit the features of their videos",
    .details =
        "The table on standard output has a row per valid file, with columns separated by tabs: "
        "video, rows, labelled rows, least and most valence, least and most arousal, and with --to "
        "the frames of the video and the number of rows for each. Unknown values are -.\n\n"
        "For each invalid file, and each that does not fit, there is a line on standard error, and "
        "the exit code is 1. Numbers of rows and frames that differ by over 1.5 times do not fit.",
};

static void put_row(const struct va_labels *l, int64_t rows, const char *name,
                    const struct va_frame_times *f, const struct check_args *a)
{
    double least[2] = { INFINITY, INFINITY }, most[2] = { -INFINITY, -INFINITY };
    static bool begun;
    int64_t labelled = 0;

    for (int64_t i = 0; i < l->count; i++) {
        const double *va = l->va + 2 * i;

        if (!va_is_labelled(va))
            continue;
        labelled++;
        for (int d = 0; d < 2; d++) {
            least[d] = fmin(least[d], va[d]);
            most[d] = fmax(most[d], va[d]);
        }
    }
    if (!begun)
        printf(
            "video\trows\tlabelled\tvalence_least\tvalence_most\tarousal_least\tarousal_most%s\n",
            a->to ? "\tframes\trows_per_frame" : "");
    begun = true;
    printf("%s\t%lld\t%lld", name, (long long)rows, (long long)labelled);
    for (int d = 0; d < 2; d++)
        if (labelled)
            printf("\t%.4g\t%.4g", least[d], most[d]);
        else
            printf("\t-\t-");
    if (a->to)
        printf("\t%lld\t%.4g", (long long)f->count, (double)rows / (double)f->count);
    putchar('\n');
}

static int check(const struct check_args *a, const char *path)
{
    struct va_frame_times f = { 0 };
    struct va_labels labels = { 0 };
    char *name = va_video_name_enter(path, "rename it");
    int64_t rows;
    int result = name ? va_labels_read(&labels, path, VA_LABELS_ANNOTATION) : -1;

    rows = labels.count;
    if (result == 0 && a->to)
        result = va_frame_times_read(&f, a->to, name, path, "");
    if (result == 0 && a->to) {
        struct va_label_video video = { name, f.count, f.fps };

        result = va_labels_fit(&labels, path, &a->rule, &video);
    }
    if (result == 0)
        put_row(&labels, rows, name, &f, a);
    va_frame_times_release(&f);
    va_labels_release(&labels);
    va_free(name);
    return result;
}

int va_labels_check_main(int argc, char **argv)
{
    struct check_args a = { 0 };
    const struct va_option table[] = {
        VA_OPT_FILE(0, "to", &a.to,
                    "features that the labels are for, or a folder of <video>.h5"),
        VA_OPT_LABEL_FPS(&a.rule.fps),
        VA_OPT_LABELS_UNMATCHED(&a.rule.unmatched),
        VA_OPT_FILES_FROM(),
        VA_OPT_END,
    };
    int status;
    char **files = va_options_parse(table, &va_labels_check_usage, argc, argv, &status);

    if (!files)
        return status;
    if (!files[0])
        va_usage_error(&status, "expected at least one label file");
    else
        status = VA_EXIT_OK;
    for (; *files; files++) {
        if (check(&a, *files) == 0)
            continue;
        if (va_error_last_status() == VA_EXIT_MACHINE)
            status = VA_EXIT_MACHINE;
        else if (status == VA_EXIT_OK)
            status = VA_EXIT_NO;
    }
    return status;
}
