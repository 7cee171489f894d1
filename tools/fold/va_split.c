/*
 * va-fold split - lists of the training and validation videos of each fold.
 */
#include "tools/fold/va_fold.h"

#include "base/va_tool.h"
#include "data/va_folds.h"
#include <sys/stat.h>

struct split {
    const char *tsv, *groups, *pattern, *train, *val, *all, *output;
    int64_t folds, seed;
    int scheme;
};

/* Folds from folders of annotations: of two sets, or of one corpus without an official split. */
static int make(const struct split *s, struct va_fold_plan *plan)
{
    if (s->all
            ? va_folds_add(plan, s->all, false) < 0
            : va_folds_add(plan, s->train, false) < 0 || va_folds_add(plan, s->val, true) < 0)
        return -1;
    if ((s->groups && va_folds_group(plan, s->groups) < 0) ||
        (s->pattern && va_folds_group_by(plan, s->pattern) < 0))
        return -1;
    return s->all
               ? va_folds_draw(plan, s->folds, (uint64_t)s->seed)
               : va_folds_assign(plan, (enum va_scheme)s->scheme, s->folds, (uint64_t)s->seed);
}

static int split(const struct split *s)
{
    struct va_fold_plan plan = { 0 };
    int status = -1;

    if (s->tsv ? va_folds_read(&plan, s->tsv) < 0 : make(s, &plan) < 0)
        goto done;
    if (plan.torn_groups)
        va_info("%lld groups of people are in several folds: scores will be too high",
                (long long)plan.torn_groups);
    status = va_folds_write(&plan, s->output);
done:
    va_folds_release(&plan);
    return status;
}

static const char one_folder[] =
    ": where all labels are in one folder, --labels DIR draws folds, and --folds-tsv FILE says who "
    "is held out";

/* Whether two paths mean one folder. */
static bool is_same(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void check_split(const struct split *s, char **operands, int *status)
{
    if (!s->output)
        va_usage_error(status, "missing --output DIR");
    else if (operands[0])
        va_usage_error(status, "expected no operand, found %s", operands[0]);
    else if (s->tsv && (s->train || s->val || s->all || s->groups || s->pattern ||
                        va_option_given("scheme") || va_option_given("folds")))
        va_usage_error(status,
                       "--folds-tsv conflicts with folders of labels, --groups, --scheme and "
                       "--folds");
    else if (s->groups && s->pattern)
        va_usage_error(status, "--groups and --group-pattern conflict");
    else if (s->all && (s->train || s->val || va_option_given("scheme")))
        va_usage_error(status,
                       "--labels conflicts with --train-labels, --val-labels and --scheme");
    else if (!s->tsv && !s->all && !s->train && !s->val)
        va_usage_error(status,
                       "missing --train-labels DIR and --val-labels DIR, --labels DIR, or "
                       "--folds-tsv FILE");
    else if (!s->tsv && !s->all && (!s->train || !s->val))
        va_usage_error(status, "missing %s DIR%s", s->train ? "--val-labels" : "--train-labels",
                       one_folder);
    else if (!s->tsv && !s->all && is_same(s->train, s->val))
        va_usage_error(status, "--train-labels and --val-labels are the same folder%s",
                       one_folder);
    else
        *status = va_tool_status(split(s));
}

int va_fold_split(int argc, char **argv)
{
    struct split s = { .folds = 5, .seed = 42, .scheme = VA_SCHEME_PAPER };
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &s.output, "DIR",
                      "folder to write <k>/train.txt and <k>/val.txt into"),
        VA_OPT_DIR(0, "train-labels", &s.train,
                   "folder of label files of the official training set"),
        VA_OPT_DIR(0, "val-labels", &s.val,
                   "folder of label files of the official validation set"),
        VA_OPT_DIR(0, "labels", &s.all,
                   "folder of label files of a corpus without an official split"),
        VA_OPT_CHOICE(0, "scheme", &s.scheme, va_scheme_names,
                      "rule that divides the videos into folds 1 and up"),
        VA_OPT_INT(0, "folds", &s.folds, 2, 999,
                   "number of folds, not counting fold 0 of an official split"),
        VA_OPT_FILE(0, "groups", &s.groups,
                    "table of videos that stay together: columns clip (or video) and group"),
        VA_OPT_STRING(0, "group-pattern", &s.pattern, "REGEX",
                      "part of a name by which videos stay together, such as '^[^_]+'"),
        VA_OPT_SEED(&s.seed),
        VA_OPT_FILE(0, "folds-tsv", &s.tsv,
                    "table of given folds: columns clip (or video), fold and perhaps group"),
        VA_OPT_END,
    };
    static const struct va_usage split_usage = {
        .synopsis =
            "[options] (--train-labels DIR --val-labels DIR | --labels DIR | --folds-tsv FILE) -o DIR",
        .brief = "write lists of the training and validation videos of each fold",
        .details =
            "Fold 0 is the official split. Where all labels are in one folder, --labels draws folds "
            "0, 1 and so on, as scheme paper does. Where the folds are known, a table says who is "
            "held out: --folds-tsv. It has a row for each video, with the name of its file of "
            "labels; an extension such as .mp4 does not count.\n\n"
            "--group-pattern is an extended regular expression. Videos stay together if its first "
            "parentheses match the same part of their names, or without parentheses all of it. "
            "^(.+)_take groups anna_take1 and anna_take2.\n\n"
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
