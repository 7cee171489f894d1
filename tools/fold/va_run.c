/*
 * va-fold run - hands over to make.
 */
#include "tools/fold/va_fold.h"

#include "base/va_make.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include <string.h>

static bool is_setting(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

    return n > 0 && text[n] == '=';
}

/* "LABELS=A B ..." */
static char *join_labels(const struct va_strings *labels)
{
    char *all = va_format("LABELS=%s", labels->items[0]);

    for (int64_t i = 1; all && i < labels->count; i++)
        all = va_join(all, labels->items[i]);
    return all;
}

/* Replace this process by make. Returns only when that failed. */
static int exec_make(const char *windows, const char *folds, const struct va_strings *labels,
                     const char *output, int64_t jobs, char **settings)
{
    struct va_make *m = va_make_new(jobs, "cv.mk");

    if (!m)
        return -1;
    va_make_file(m, "params.mk");
    va_make_file(m, "cv.mk");
    va_make_say(m, va_format("OUT=%s", output));
    va_make_say(m, va_format("WINDOWS=%s", windows));
    va_make_say(m, va_format("SPLIT=%s", folds));
    va_make_say(m, join_labels(labels));
    for (char **s = settings; *s; s++)
        va_make_say(m, va_strdup(*s));
    va_make_say(m, va_strdup("show"));
    (void)va_make_exec(m);
    va_make_free(m);
    return -1;
}

int va_fold_run(int argc, char **argv)
{
    const char *windows = NULL, *folds = NULL, *output = NULL;
    struct va_strings labels = { 0 };
    int64_t jobs = 1;
    int status;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &output, "DIR",
                      "folder to write models, predictions and tables into"),
        VA_OPT_FILE(0, "windows", &windows, "windows of all labelled videos (va.windows/1)"),
        VA_OPT_DIR(0, "split", &folds, "folder that va-fold split wrote"),
        VA_OPT_LIST(0, "labels", &labels, "DIR",
                    "folder of label files <video>.txt; may be repeated"),
        VA_OPT_RUN_INT('j', "jobs", &jobs, 1, 1024, "number of folds to run at the same time"),
        VA_OPT_END,
    };
    static const struct va_usage run_usage = {
        .synopsis = "--windows W.h5 --split DIR --labels DIR... -o DIR [NAME=VALUE...]",
        .brief = "train, predict and score all folds, and print the table",
        .details =
            "Runs pipelines/cv.mk with make. Operands are settings of that Makefile, such as "
            "FOLDS=\"0 1\" or TRAIN_OPTIONS=\"--preset paper --epochs 10\". A second run makes "
            "only the files that are out of date, also after a changed setting.\n\n"
            "For a corpus other than Aff-Wild2, PUBLISHED=no leaves out the published columns and "
            "the row baseline, which are scores on Aff-Wild2.\n\n"
            "The table is printed on standard output and is in DIR/table.txt, .tsv and .md; "
            "DIR/report.html is a page with figures, for a browser.",
    };
    char **settings = va_options_parse(table, &run_usage, argc, argv, &status);

    if (!settings)
        return status;
    status = VA_EXIT_OK;
    if (!windows || !folds || !output || !labels.count)
        va_usage_error(&status,
                       "missing --windows FILE, --split DIR, --labels DIR or --output DIR");
    for (char **s = settings; status == VA_EXIT_OK && *s; s++)
        if (!is_setting(*s))
            va_usage_error(&status, "expected NAME=VALUE, found %s", *s);
    if (status == VA_EXIT_OK)
        status = va_tool_status(exec_make(windows, folds, &labels, output, jobs, settings));
    va_options_free(table);
    return status;
}
