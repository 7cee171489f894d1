/*
 * va-h5cmp - do two HDF5 files agree?
 *
 * h5diff answers yes for shapes, ranks and types that differ, for empty datasets and for NaN
 * against NaN; this one is for tests, and for people who trust them.
 */
#include "base/va_text.h"
#include "base/va_tool.h"
#include "io/va_h5.h"
#include "io/va_h5_compare.h"
#include <stdio.h>
#include <stdlib.h>

struct args {
    double abs, rel;
    int nan; /* 0: equal, 1: differ */
    struct va_strings ignore;
    char **files;
};

static const char *const nan_names[] = { "equal", "differ", NULL };

static const struct va_usage usage = {
    .synopsis = "[options] X.h5 Y.h5",
    .brief = "compare two files, with tolerances",
    .details =
        "If the files agree, nothing is printed and the exit code is 0. If they differ, "
        "the exit code is 1, and a line on standard output for each object that differs "
        "gives its worst element. The exit code is 3 if a file is invalid.\n\n"
        "Schema, names, types, shapes and attributes must be equal; the attributes "
        "provenance and id are not compared. Values x and y agree when |x - y| <= max(A, "
        "R max(|x|, |y|)), where A is --abs and R is --rel; by default they must be "
        "equal. A NaN never agrees with a number.",
    .examples = "va-h5cmp model.h5 copy.h5\n"
                "va-h5cmp --abs 1e-5 --ignore @models pred.h5 copy.pred.h5",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_REAL(0, "abs", &a->abs, 0, 1e300,
                    "absolute difference A at which two values still agree"),
        VA_OPT_REAL(0, "rel", &a->rel, 0, 1e300,
                    "difference R, relative to the larger value, at which two values still "
                    "agree"),
        VA_OPT_CHOICE(0, "nan", &a->nan, nan_names, "treat two NaN as equal or as different"),
        VA_OPT_LIST(0, "ignore", &a->ignore, "PATH",
                    "dataset or attribute (@NAME, /x@NAME) to leave out; may be repeated"),
        VA_OPT_END,
    };

    *a = (struct args){ .nan = 1 };
    a->files = va_options_parse(table, &usage, argc, argv, status);
    if (!a->files)
        return false;
    if (!a->files[0] || !a->files[1] || a->files[2])
        return va_usage_error(status, "expected two files");
    return true;
}

static void say(void *arg, const char *line)
{
    const struct args *a = arg;

    va_text_put(a->files[0], stdout);
    putchar(' ');
    va_text_put(a->files[1], stdout);
    fputs(": ", stdout);
    va_text_put(line, stdout);
    putchar('\n');
}

static int run(struct args *a)
{
    const struct va_h5_bound bound = { a->abs, a->rel, a->nan == 0, a->ignore.items };
    struct va_h5_in *x = va_h5_open(a->files[0], NULL);
    struct va_h5_in *y = x ? va_h5_open(a->files[1], NULL) : NULL;
    int64_t differences = x && y ? va_h5_compare(x, y, &bound, say, a) : -1;

    va_h5_close(x);
    va_h5_close(y);
    if (differences < 0)
        return va_error_status();
    return differences ? VA_EXIT_NO : VA_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-h5cmp");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    free(a.ignore.items);
    return va_tool_finish(status);
}
