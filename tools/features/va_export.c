/*
 * va-features export - features as a NumPy array or a CSV file.
 */
#include "tools/features/va_features.h"

#include "base/va_tool.h"
#include "data/va_features_import.h"
#include <string.h>
#include <strings.h>

const struct va_usage va_features_export_usage = {
    .synopsis = "[options] -o OUT.npy|OUT.csv FEATURES.h5",
    .brief = "write features as a NumPy array or a CSV file",
    .details =
        "OUT.npy has the same bytes as numpy.save of the features: an array of float32 or, where "
        "they are stored so, float16, with a row per frame that has features. OUT.csv has the "
        "columns frame, time, f0, f1 and so on, with nine digits, which keep the exact values; "
        "va-features import --index-column frame --time-column time reads such a file. -o - "
        "writes CSV to standard output.\n\n"
        "Arrays of other programs look the same, so an existing array is replaced only with "
        "--force.",
};

static bool ends_with(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);

    return n > m && !strcasecmp(path + n - m, ending);
}

int va_features_export_main(int argc, char **argv)
{
    const char *output = NULL, *index = NULL, *times = NULL;
    const struct va_option table[] = {
        VA_OPT_STREAM('o', "output", &output, "FILE", "array (.npy) or table (.csv) to write"),
        VA_OPT_OUTPUT(0, "index", &index, "FILE",
                      "array to write the numbers of the frames to, from 1 (.npy, int32)"),
        VA_OPT_OUTPUT(0, "times", &times, "FILE",
                      "array to write the times of the frames to, in seconds (.npy, float64)"),
        VA_OPT_END,
    };
    int status;
    char **rest = va_options_parse(table, &va_features_export_usage, argc, argv, &status);
    bool csv = output && (!strcmp(output, "-") || ends_with(output, ".csv"));

    if (!rest)
        return status;
    if (!output)
        va_usage_error(&status, "missing --output OUT.npy or OUT.csv");
    else if (!csv && !ends_with(output, ".npy"))
        va_usage_error(&status, "--output %s: expected a name that ends in .npy or .csv",
                       output);
    else if (!rest[0] || rest[1])
        va_usage_error(&status, "expected one file of features");
    else
        status = va_tool_status(va_features_export(rest[0], output, csv, index, times));
    return status;
}
