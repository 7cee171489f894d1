/*
 * va-fold run - hands over to make.
 */
#include "tools/fold/va_fold.h"

#include "base/va_mem.h"
#include "base/va_program.h"
#include "base/va_tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folder with params.mk and cv.mk: VA_PIPELINES, or beside the installed tools, or in the
 * sources that this program was built from. A new string, or NULL after reporting. */
static char *find_pipelines(const char *bin)
{
    const char *set = getenv("VA_PIPELINES");
    const char *const places[] = { "%s/../share/mamba-va", "%s/../../pipelines" };

    if (set && *set)
        return va_strdup(set);
    for (size_t i = 0; i < VA_COUNT(places); i++) {
        char *folder = va_format(places[i], bin),
             *file = folder ? va_format("%s/cv.mk", folder) : NULL;
        bool found = file && access(file, R_OK) == 0;

        va_free(file);
        if (found)
            return folder;
        va_free(folder);
    }
    va_error("cannot find pipelines/cv.mk: set VA_PIPELINES to its folder");
    return NULL;
}

static bool is_setting(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

    return n > 0 && text[n] == '=';
}

enum { WORDS_MAX = 64 };
struct words { /* a command line that grows */
    char *items[WORDS_MAX + 1];
    int count;
};

/* Append a string of our own making; takes it. */
static void say(struct words *w, char *word)
{
    if (word && w->count < WORDS_MAX)
        w->items[w->count++] = word;
    else
        va_free(word);
}

/* "LABELS=A B ..." */
static char *join_labels(const struct va_strings *labels)
{
    char *all = va_strdup("LABELS=");

    for (int64_t i = 0; all && i < labels->count; i++) {
        char *more = va_format("%s%s%s", all, i ? " " : "", labels->items[i]);

        va_free(all);
        all = more;
    }
    return all;
}

/* Replace this process by make. Returns only when that failed. */
static int exec_make(const char *windows, const char *folds, const struct va_strings *labels,
                     const char *output, int64_t jobs, char **settings)
{
    const char *make = getenv("MAKE");
    char *bin = va_program_folder(), *pipelines = bin ? find_pipelines(bin) : NULL;
    struct words w = { .count = 0 };
    int expected = 12; /* words before the settings */

    if (!pipelines)
        goto done;
    say(&w, va_strdup(make && *make ? make : "make"));
    say(&w, va_strdup("--no-print-directory"));
    say(&w, va_format("-j%lld", (long long)jobs));
    say(&w, va_strdup("-f"));
    say(&w, va_format("%s/params.mk", pipelines));
    say(&w, va_strdup("-f"));
    say(&w, va_format("%s/cv.mk", pipelines));
    say(&w, va_format("BIN=%s", bin));
    say(&w, va_format("OUT=%s", output));
    say(&w, va_format("WINDOWS=%s", windows));
    say(&w, va_format("SPLIT=%s", folds));
    say(&w, join_labels(labels));
    for (char **s = settings; *s; s++, expected++)
        say(&w, va_strdup(*s));
    say(&w, va_strdup("cv"));
    if (expected + 1 > WORDS_MAX)
        va_error("more than %d settings for make", WORDS_MAX - 13);
    if (w.count != expected + 1)
        goto done; /* that, or memory: both are reported */
    execvp(w.items[0], w.items);
    va_error_machine("%s: cannot run: %s", w.items[0], strerror(errno));
done:
    for (int i = 0; i < w.count; i++)
        va_free(w.items[i]);
    va_free(pipelines);
    va_free(bin);
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
            "only the files that are out of date, also after a changed setting.",
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
