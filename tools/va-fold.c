/*
 * va-fold - who is held out in which fold, and the six-fold table.
 *
 * split writes lists of names, report reads what va-score printed, run hands over to make.
 */
#include "base/va_mem.h"
#include "base/va_program.h"
#include "base/va_tool.h"
#include "data/va_folds.h"
#include "data/va_report.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct va_usage usage = {
    .synopsis = "split|report|run [options]",
    .brief = "divide videos into folds, run the cross-validation and print its table",
    .examples =
        "va-fold split --train-labels Train_Set --val-labels Validation_Set -o folds\n"
        "va-fold run --windows w.h5 --split folds --labels Train_Set --labels Validation_Set -o out\n"
        "va-fold report --baseline out/cv/0/ridge.tsv out/cv/0/score.tsv",
};

/* ---- split ----------------------------------------------------------------------------- */

struct split {
    const char *tsv, *groups, *train, *val, *output;
    int64_t folds, seed;
    int scheme;
};

/* Folds from a table, or from two folders of annotations. */
static int split(const struct split *s)
{
    struct va_fold_plan plan = { 0 };
    int status = -1;

    if (s->tsv ? va_folds_read(&plan, s->tsv) < 0
               : va_folds_add(&plan, s->train, false) < 0 ||
                     va_folds_add(&plan, s->val, true) < 0 ||
                     (s->groups && va_folds_group(&plan, s->groups) < 0) ||
                     va_folds_assign(&plan, (enum va_scheme)s->scheme, s->folds,
                                     (uint64_t)s->seed) < 0)
        goto done;
    if (plan.torn_groups)
        va_info("%lld groups of people are in several folds: scores will be too high",
                (long long)plan.torn_groups);
    status = va_folds_write(&plan, s->output);
done:
    va_folds_release(&plan);
    return status;
}

static void check_split(const struct split *s, char **operands, int *status)
{
    if (!s->output)
        va_usage_error(status, "missing --output DIR");
    else if (operands[0])
        va_usage_error(status, "expected no operand, found %s", operands[0]);
    else if (s->tsv && (s->train || s->val || s->groups || va_option_given("scheme") ||
                        va_option_given("folds")))
        va_usage_error(status,
                       "--folds-tsv conflicts with folders of labels, --groups, --scheme and "
                       "--folds");
    else if (!s->tsv && (!s->train || !s->val))
        va_usage_error(status, "missing --train-labels DIR and --val-labels DIR");
    else
        *status = va_tool_status(split(s));
}

static int split_main(int argc, char **argv)
{
    struct split s = { .folds = 5, .seed = 42, .scheme = VA_SCHEME_PAPER };
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &s.output, "DIR",
                      "folder to write <k>/train.txt and <k>/val.txt into"),
        VA_OPT_DIR(0, "train-labels", &s.train,
                   "folder of label files of the official training set"),
        VA_OPT_DIR(0, "val-labels", &s.val,
                   "folder of label files of the official validation set"),
        VA_OPT_CHOICE(0, "scheme", &s.scheme, va_scheme_names,
                      "rule that divides the videos into folds 1 and up"),
        VA_OPT_INT(0, "folds", &s.folds, 2, 999, "number of folds, not counting fold 0"),
        VA_OPT_FILE(0, "groups", &s.groups,
                    "table of videos that stay together: columns clip (or video) and group"),
        VA_OPT_SEED(&s.seed),
        VA_OPT_FILE(0, "folds-tsv", &s.tsv,
                    "table of given folds: columns clip (or video), fold and perhaps group"),
        VA_OPT_END,
    };
    static const struct va_usage split_usage = {
        .synopsis = "[options] --train-labels DIR --val-labels DIR -o DIR",
        .brief = "write lists of the training and validation videos of each fold",
        .details =
            "Fold 0 is the official split.\n\n"
            "DIR/split.tsv records the lists. A list that va-fold did not write, or that was "
            "edited since, is replaced only with --force.\n\n"
            "Scheme paper divides the videos of both sets. The videos <base>, <base>_left "
            "and <base>_right stay in one fold, or the groups that --groups names. Groups "
            "are assigned from the largest to the smallest, each to the fold with the fewest "
            "frames; the seed decides between equal folds.\n\n"
            "Scheme authors cuts the sorted files of both sets into equal parts, as the "
            "published code does. Two people of one video may then be in different folds.\n\n"
            "Scheme sucv divides the training set only; the official validation set is "
            "always in the training list.",
    };
    int status;
    char **operands = va_options_parse(table, &split_usage, argc, argv, &status);

    if (operands)
        check_split(&s, operands, &status);
    return status;
}

/* ---- report ---------------------------------------------------------------------------- */

/* Method that a baseline belongs to: NAME of NAME=FILE, else the file's name up to its first
 * dot, digits and what joins them to it taken off. A new string. */
static char *baseline_name(const char *text, const char **path)
{
    const char *equals = strchr(text, '='), *slash = strrchr(text, '/');
    size_t n;

    if (equals && equals > text && (!slash || equals < strchr(text, '/'))) {
        *path = equals + 1;
        return va_format("%.*s", (int)(equals - text), text);
    }
    *path = text;
    text = slash ? slash + 1 : text;
    n = strcspn(text, ".");
    while (n && strchr("0123456789-_", text[n - 1]))
        n--;
    return n ? va_format("%.*s", (int)n, text) : va_strdup("baseline");
}

/* Add baselines method by method, in the order in which their names first come. */
static int add_baselines(struct va_report *report, const struct va_strings *list)
{
    const char **paths = va_new(list->count + 1, sizeof(*paths)),
               **mine = va_new(list->count + 1, sizeof(*mine));
    char **names = va_new(list->count + 1, sizeof(*names));
    int status = paths && mine && names ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < list->count; i++)
        status = (names[i] = baseline_name(list->items[i], &paths[i])) ? 0 : -1;
    for (int64_t i = 0; status == 0 && i < list->count; i++) {
        int64_t n = 0;

        for (int64_t k = 0; k < list->count; k++)
            if (!strcmp(names[k], names[i])) {
                if (k < i)
                    break; /* that method is in the report */
                mine[n++] = paths[k];
            }
        if (n)
            status = va_report_add(report, names[i], mine, n);
    }
    for (int64_t i = 0; names && i < list->count; i++)
        va_free(names[i]);
    va_free(names);
    va_free(paths);
    va_free(mine);
    return status;
}

static int report_main(int argc, char **argv)
{
    struct va_strings baselines = { 0 };
    int format = VA_REPORT_TEXT, status;
    const char *title = "ours";
    const struct va_option table[] = {
        VA_OPT_CHOICE(0, "format", &format, va_report_format_names, "format of the table"),
        VA_OPT_LIST(0, "baseline", &baselines, "[NAME=]FILE",
                    "scores of another method in one fold, to show beside; may be repeated"),
        VA_OPT_STRING(0, "name", &title, "NAME", "title of the columns with these scores"),
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
        int result = va_report_add(&report, title, (const char *const *)operands, count);

        if (result == 0)
            result = add_baselines(&report, &baselines);
        if (result == 0)
            result = va_report_print(&report, (enum va_report_format)format, stdout);
        status = va_tool_status(result);
    }
    va_report_release(&report);
    va_options_free(table);
    return status;
}

/* ---- run ------------------------------------------------------------------------------- */

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

static int run_main(int argc, char **argv)
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

int main(int argc, char **argv)
{
    static const struct va_command commands[] = {
        { "split", split_main, "write the lists of each fold" },
        { "report", report_main, "print the six-fold table" },
        { "run", run_main, "train, predict and score all folds" },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-fold");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
