/*
 * va-report - pages to look at: of a video, of a training, of a cross-validation.
 *
 * Reads va.predictions/1 and folders of results; writes one HTML file. The pages are in
 * common/plot/va_page.
 */
#include "base/va_tool.h"
#include "plot/va_page.h"
#include <sys/stat.h>

static struct args {
    const char *output, *video;
    struct va_view_options view;
    char **inputs; /* NULL last */
} args = { .view = { .rule = { .silent = true } } };

static const struct va_option table[] = {
    VA_OPT_STREAM('o', "output", &args.output, "PAGE.html",
                  "page to write, or - for standard output"),
    VA_OPT_FILE(
        0, "video", &args.video,
        "video to show beside the curves; the page links to the file, so keep both where they are"),
    VA_OPT_VIEW(&args.view),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] -o PAGE.html PRED.h5 | DIR [DIR]",
    .brief = "make a page of predictions or of a training",
    .details =
        "The page is one HTML file, which needs no network. Pictures and tables are in the page itself. "
        "A script adds tabs, numbers below the pointer and seeking; without it the page can still be read.\n\n"
        "For a file of predictions, the page shows valence and arousal over time and the circumplex of "
        "each person. With --video, a click on a curve moves the video there, and a mark on the curves "
        "follows the video. Arrow keys move by a frame.\n\n"
        "For the folder of a training, or of a cross-validation with cv/0, cv/1, ..., the page shows "
        "scores (score.tsv), curves (train.tsv, val.tsv) and how the models were made (model.h5). With "
        "--labels, it compares the predictions (val.h5) with them: all frames, each video, and "
        "the worst, the median and the best one.\n\n"
        "For two folders, the page shows what differs: options, scores, videos and curves.",
    .examples = "va-report --video holiday.mp4 -o holiday.html holiday.pred.h5\n"
                "va-report -o training.html log\n"
                "va-report --labels Validation_Set -o val.html val.pred.h5",
};

static bool parse_args(int argc, char **argv, int *status)
{
    args.inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!args.inputs)
        return false;
    if (!args.output)
        return va_usage_error(status, "missing --output PAGE.html");
    if (!args.inputs[0] || (args.inputs[1] && args.inputs[2]))
        return va_usage_error(status,
                              "expected one file of predictions, or one or two folders");
    return true;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int of_video(void)
{
    struct va_view v;
    int status = va_view_open(&v, args.inputs[0], &args.view);

    if (status < 0)
        return -1;
    status = va_page_of_video(args.output, args.inputs[0], &v, args.video);
    va_view_release(&v);
    return status;
}

static int of_folders(void)
{
    struct va_results a = { 0 }, b = { 0 };
    int status = va_results_find(&a, args.inputs[0]);

    if (status == 0 && args.inputs[1]) {
        status = va_results_find(&b, args.inputs[1]);
        if (status == 0)
            status = va_page_of_two(args.output, &a, &b, &args.view);
    } else if (status == 0) {
        status = va_page_of_results(args.output, &a, &args.view);
    }
    va_results_release(&a);
    va_results_release(&b);
    return status;
}

/* A second input, a video or names belong to one kind of page only. */
static int run(int *status)
{
    bool folder = is_folder(args.inputs[0]);

    if (!folder && args.inputs[1])
        return va_usage_error(status, "%s: found a second input beside predictions",
                              args.inputs[1]),
               -1;
    if (folder && (args.video || args.view.names.count || args.view.model))
        return va_usage_error(
                   status, "--video, --name and --model are for predictions, not for folders"),
               -1;
    return folder ? of_folders() : of_video();
}

int main(int argc, char **argv)
{
    int status, result;

    va_tool_init("va-report");
    if (parse_args(argc, argv, &status)) {
        status = VA_EXIT_OK;
        result = run(&status);
        if (status == VA_EXIT_OK)
            status = va_tool_status(result);
    }
    va_options_free(table);
    return va_tool_finish(status);
}
