/*
 * va-features import - features of other programs; the reading is done in common/data.
 */
#include "tools/features/va_features.h"

#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_tempfile.h"
#include "base/va_tool.h"
#include "data/va_features_import.h"
#include <string.h>

struct import_args {
    struct va_features_import job;
    const char *output, *output_dir;
    char **inputs; /* NULL last */
};

const struct va_usage va_features_import_usage = {
    .synopsis = "[options] (-o FEATURES.h5 | --output-dir DIR) IN...",
    .brief = "convert .npy or CSV files to features, va.features(5)",
    .details =
        "IN is a NumPy array (.npy) with a row per frame, or a CSV file; its contents determine "
        "which. Arrays may hold float16, float32, float64, integers or bool, in either byte order, "
        "by rows or by columns. Values become float32, and those of float16 stay as they are. No "
        "code in a file is run, and arrays of Python objects are refused.\n\n"
        "Row 1 is for frame 1 unless --index or --index-column names another frame. Frames are "
        "counted from 1; the numpy index of a frame is one less. Frames without a row are frames "
        "without a face. --missing drop does the same with rows in which a number is missing.\n\n"
        "--fps gives the times of frames. --times or --time-column gives the times of rows in "
        "seconds; without --fps the average rate follows from them.\n\n"
        "Columns of a CSV file are separated by tabs, semicolons, commas or blanks, as the first "
        "line says. All columns are features except those that an option names, and except a first "
        "column without a name, where pandas writes its index. A column is called by its name, or "
        "by its number from 1.\n\n"
        "With --output-dir there may be several files; the features of NAME.npy are in DIR/NAME.h5. "
        "--index and --times are folders then, with a file of the same name for each: --index idx "
        "reads idx/NAME.npy. "
        "--encoder keeps features of different encoders from being mixed.",
};

static bool check_args(struct import_args *a, int *status)
{
    const struct va_features_import *job = &a->job;
    bool timed = job->times || job->how.time_column;

    if (!va_outputs_check(a->output, a->output_dir, "FEATURES.h5 or --output-dir DIR",
                          a->inputs, "at least one .npy or CSV file", status))
        return false;
    if (a->inputs[1] && (job->name || job->frame_count))
        return va_usage_error(status, "--name and --frame-count are for one input");
    if (a->inputs[1] && ((job->times && !va_is_folder(job->times)) ||
                         (job->index && !va_is_folder(job->index))))
        return va_usage_error(status, "several inputs need folders as --index and --times");
    if (!(job->fps > 0) && !timed)
        return va_usage_error(status, "missing --fps X, --times FILE or --time-column NAME");
    if (job->times && job->how.time_column)
        return va_usage_error(status, "--times and --time-column conflict");
    if (job->index && job->how.index_column)
        return va_usage_error(status, "--index and --index-column conflict");
    return true;
}

/* The file of an option for this input: in a folder, the one that is called as the input. NULL after reporting. */
static char *file_of(const char *option, const char *input)
{
    const char *slash = strrchr(input, '/');

    return va_is_folder(option) ? va_format("%s/%s", option, slash ? slash + 1 : input)
                                : va_strdup(option);
}

static int import(const struct import_args *a, const char *input, const char *output)
{
    struct va_features_import job = a->job;
    char *index = job.index ? file_of(job.index, input) : NULL;
    char *times = job.times ? file_of(job.times, input) : NULL;
    int result = -1;

    if (!job.index == !index && !job.times == !times) {
        job.index = index;
        job.times = times;
        result = va_features_import(&job, input, output);
    }
    va_free(index);
    va_free(times);
    return result;
}

static int import_into(const struct import_args *a, const char *input)
{
    char *name = va_video_name_enter(a->job.name ? a->job.name : input, "give --name NAME");
    char *path = name ? va_format("%s/%s.h5", a->output_dir, name) : NULL;
    int result = path ? import(a, input, path) : -1;

    va_free(path);
    va_free(name);
    return result;
}

static int run(const struct import_args *a)
{
    int result = 0;

    if (a->output)
        return import(a, a->inputs[0], a->output);
    result = va_make_folder(a->output_dir);
    for (char **in = a->inputs; result == 0 && *in; in++)
        result = import_into(a, *in);
    return result;
}

int va_features_import_main(int argc, char **argv)
{
    struct import_args a = { .job = { .missing = VA_IMPORT_REFUSE } };
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a.output, "FILE",
                      "features to write (va.features/1); appears only when complete"),
        VA_OPT_OUTPUT(0, "output-dir", &a.output_dir, "DIR",
                      "folder to write the features NAME.h5 of each input into"),
        VA_OPT_FILES_FROM(),
        VA_OPT_VIDEO_NAME(&a.job.name,
                          "name of the video (default: that of the input, without ending)"),
        VA_OPT_STRING(0, "encoder", &a.job.encoder, "TEXT",
                      "name of the encoder that made the features"),
        VA_OPT_GROUP("frames"),
        VA_OPT_REAL(0, "fps", &a.job.fps, 0, 1e6, "frames per second of the video"),
        VA_OPT_FILE(0, "times", &a.job.times,
                    "times of the rows in seconds (.npy or text), or a folder of such files"),
        VA_OPT_FILE(0, "index", &a.job.index,
                    "numbers of the frames of the rows, from 1 (.npy or text), or a folder"),
        VA_OPT_INT(0, "frame-count", &a.job.frame_count, 0, INT32_MAX,
                   "frames in the video; 0: the last row is of the last frame"),
        VA_OPT_CHOICE(
            0, "missing", &a.job.missing, va_import_missing_names,
            "refuse rows with missing numbers, or take them for frames without a face"),
        VA_OPT_GROUP("columns of CSV files"),
        VA_OPT_CSV_HEADER(&a.job.how.header),
        VA_OPT_STRING(0, "index-column", &a.job.how.index_column, "NAME",
                      "column with the number of the frame, from 1"),
        VA_OPT_STRING(0, "time-column", &a.job.how.time_column, "NAME",
                      "column with the time in seconds"),
        VA_OPT_LIST(0, "drop-column", &a.job.how.drop, "NAME",
                    "column that is no feature; may be repeated"),
        VA_OPT_END,
    };
    int status;

    a.inputs = va_options_parse(table, &va_features_import_usage, argc, argv, &status);
    if (a.inputs && check_args(&a, &status))
        status = va_tool_status(run(&a));
    va_options_free(table);
    return status;
}
