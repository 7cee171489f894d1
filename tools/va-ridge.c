/*
 * va-ridge - the baseline: each frame predicted from features around it by a linear map.
 *
 * Reads va.windows/1 and lists, writes va.predictions. The work is in data/va_ridge_run.h.
 */
#include "base/va_tool.h"
#include "data/va_origin.h"
#include "data/va_ridge_run.h"
#include <stdlib.h>
#include <string.h>

enum method { METHOD_RIDGE, METHOD_MEAN };
static const char *const method_names[] = { "ridge", "mean", NULL };
enum select { SELECT_ALL, SELECT_FORWARD };
static const char *const select_names[] = { "all", "forward", NULL };

static struct args {
    struct va_ridge_job job;
    const char *lambda;
    int method, select;
} args = { .lambda = "auto", .job = { .step = 1, .features = 8 } };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.job.output, "FILE",
                  "predictions to write (va.predictions); appear only when complete"),
    VA_OPT_FILE(0, "windows", &args.job.windows, "videos and labels (va.windows/1)"),
    VA_OPT_FILE(0, "train", &args.job.train, "list of videos to fit, one name per line"),
    VA_OPT_FILE(0, "val", &args.job.val, "list of videos to predict, one name per line"),
    VA_OPT_INT(0, "context", &args.job.context, 0, 1 << 16, "frames of context on each side"),
    VA_OPT_INT(0, "step", &args.job.step, 1, 1 << 16,
               "frames of context averaged into one value"),
    VA_OPT_CHOICE(0, "select", &args.select, select_names,
                  "use all features, or select useful ones one by one for each dimension"),
    VA_OPT_INT(0, "features", &args.job.features, 1, VA_RIDGE_FEATURES_MAX,
               "largest number of features that --select forward selects"),
    VA_OPT_FILE(0, "groups", &args.job.groups,
                "table of videos that stay together: columns clip (or video) and group"),
    VA_OPT_STRING(0, "group-pattern", &args.job.pattern, "REGEX",
                  "part of a name by which videos stay together, such as '^[^_]+'"),
    VA_OPT_STRING(0, "lambda", &args.lambda, "auto|X",
                  "strength of the penalty; auto: chosen by inner cross-validation"),
    VA_OPT_CHOICE(0, "method", &args.method, method_names,
                  "ridge regression, or the mean of the training labels"),
    VA_OPT_ANY_ENCODER(&args.job.any_encoder),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] --windows W.h5 --train LIST --val LIST -o PRED.h5",
    .brief = "predict valence and arousal of each frame by ridge regression",
    .details =
        "This is a baseline for models with memory. Features are standardised, and each "
        "labelled frame of the training videos counts once. Each frame of the videos of "
        "--val is predicted; predictions are limited to [-1, 1].\n\n"
        "With --lambda auto, the penalty is selected for each dimension from 1e-4 .. 10 "
        "by the CCC of an inner cross-validation over the training videos. People, or "
        "the groups of --groups or --group-pattern, stay in one inner fold.\n\n"
        "With --context 50 --step 5, the model sees each feature at 21 moments: every fifth "
        "frame from 50 frames before to 50 frames after, each as the mean of the 5 frames "
        "around it. Beyond the ends of a video, its first and "
        "last frame are repeated.\n\n"
        "--select forward adds features one by one. Each time it adds the feature that "
        "increases the correlation in the inner cross-validation most, until no feature "
        "increases it by .005.",
    .examples =
        "va-ridge --windows w.h5 --train folds/0/train.txt --val folds/0/val.txt -o ridge.h5\n"
        "va-ridge --windows w.h5 --train folds/0/train.txt --val folds/0/val.txt \\\n"
        "    --context 50 --step 5 --lambda 1 -o context.h5",
};

static bool parse_args(int argc, char **argv, int *status)
{
    char **operands = va_options_parse(table, &usage, argc, argv, status), *end;

    if (!operands)
        return false;
    if (!args.job.output)
        return va_usage_error(status, "missing --output FILE");
    if (!args.job.windows || !args.job.train || !args.job.val)
        return va_usage_error(status, "missing --windows FILE, --train LIST or --val LIST");
    if (operands[0])
        return va_usage_error(status, "expected no operand, found %s", operands[0]);
    if (args.job.groups && args.job.pattern)
        return va_usage_error(status, "--groups and --group-pattern conflict");
    args.job.lambda = -1;
    if (strcmp(args.lambda, "auto")) {
        args.job.lambda = strtod(args.lambda, &end);
        if (*end || end == args.lambda || !(args.job.lambda >= 0 && args.job.lambda <= 1e9))
            return va_usage_error(status,
                                  "--lambda: found %s, expected auto or a number of at least 0",
                                  args.lambda);
    }
    args.job.mean = args.method == METHOD_MEAN;
    if (args.select == SELECT_ALL)
        args.job.features = 0;
    return true;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-ridge");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(va_ridge_run(&args.job));
    va_options_free(table);
    return va_tool_finish(status);
}
