/*
 * va-submit - predictions in the shape in which the challenge takes them.
 */
#include "base/va_tool.h"
#include "data/va_submission.h"

static struct args {
    const char *output, *sample;
    char **inputs; /* predictions, NULL last */
} args;

static const struct va_option table[] = {
    VA_OPT_STREAM('o', "output", &args.output, "FILE",
                  "submission to write; appears only when complete; -: standard output"),
    VA_OPT_FILES_FROM(),
    VA_OPT_FILE(0, "sample", &args.sample,
                "official sample file, which lists the rows of the submission"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "--sample SAMPLE.txt -o SUBMISSION.txt PRED.h5...",
    .brief = "write the submission file of the challenge",
    .details =
        "Predictions are va.predictions files, folders of <video>.txt files or single "
        ".txt files. The submission has the header image_location,valence,arousal and "
        "the rows of the sample, <video>/<NNNNN>.jpg, in the same order. Predictions are "
        "limited to [-1, 1]. A row without a prediction is an error.",
    .examples = "va-submit --sample sample_submission.txt -o submission.txt test.pred.h5",
};

static bool parse_args(int argc, char **argv, int *status)
{
    args.inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!args.inputs)
        return false;
    if (!args.output)
        return va_usage_error(status, "missing --output FILE");
    if (!args.sample)
        return va_usage_error(status, "missing --sample FILE");
    if (!args.inputs[0])
        return va_usage_error(status, "expected predictions");
    return true;
}

static int run(void)
{
    struct va_predictions predictions = { 0 };
    int64_t rows = 0;
    int status = 0;

    for (char **p = args.inputs; status == 0 && *p; p++)
        status = va_predictions_add(&predictions, *p);
    if (status == 0)
        status = va_submission_write(args.output, args.sample, &predictions, &rows);
    if (status == 0)
        va_debug("%s: %lld rows", args.output, (long long)rows);
    va_predictions_release(&predictions);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-submit");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(run());
    va_options_free(table);
    return va_tool_finish(status);
}
