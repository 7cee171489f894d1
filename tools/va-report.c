/*
 * va-report - pages to look at: of a video, of a training, of a cross-validation.
 *
 * Reads va.predictions and folders of results; writes one HTML file. The pages are in
 * common/plot/va_page.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_report.h"
#include "media/va_decoder.h"
#include "media/va_match.h"
#include "media/va_source.h"
#include "plot/va_page.h"
#include "plot/va_shown.h"
#include <stdlib.h>

enum { LOOKED = 25 }; /* frames of a video whose times are compared */

static struct args {
    const char *output, *video;
    bool unconfined, published;
    struct va_view_options view;
    char **inputs; /* NULL last */
} args = { .published = true, .view = { .rule = { .silent = true } } };

static const struct va_option table[] = {
    VA_OPT_STREAM('o', "output", &args.output, "PAGE.html",
                  "page to write, or - for standard output"),
    VA_OPT_FILE(
        0, "video", &args.video,
        "video to show beside the curves; the page links to the file, so keep both where they are"),
    VA_OPT_VIEW(&args.view),
    VA_OPT_PUBLISHED(&args.published),
    VA_OPT_UNCONFINED(&args.unconfined),
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
        "follows the video. Arrow keys move by a frame. The times of the first frames of the video have to be "
        "those of the predictions.\n\n"
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

/* ---- whether the video is the one that was predicted ------------------------------------------ */

struct person {
    struct va_shown shown;
    struct va_match match;
};

/* Containers count frames that are never shown, and those behind damage: so their word is worth a warning. */
static void compare_length(const struct person *p, int64_t expected)
{
    int64_t off = llabs(expected - p->shown.T);

    if (expected > 0 && off > 2 + p->shown.T / 50)
        va_warn("%s: has about %lld frames, but %s of %s has %lld: is it the same video?",
                args.video, (long long)expected, p->match.part, p->match.made,
                (long long)p->shown.T);
}

/* Times of frames without a face are estimates. */
static int compare_frame(struct person *people, int64_t count, const struct va_frame *f)
{
    int64_t t = f->index - 1;

    for (int64_t i = 0; i < count; i++) {
        const struct va_shown *s = &people[i].shown;

        if (s->pts && t < s->T && (!s->face || s->face[t]) &&
            va_match_time(&people[i].match, f, s->pts[t]) < 0)
            return -1;
    }
    return 0;
}

static int compare_frames(struct person *people, int64_t count, struct va_source *source)
{
    struct va_frame frame;
    int64_t seen = 0;
    int got = 1;

    while (seen < LOOKED && (got = va_source_next(source, &frame)) > 0) {
        if (compare_frame(people, count, &frame) < 0)
            return -1;
        seen++;
    }
    for (int64_t i = 0; i < count && got >= 0; i++) {
        if (got > 0)
            compare_length(&people[i], va_source_expected(source));
        else if (va_match_count(&people[i].match, va_source_frame_count(source)) < 0)
            got = -1;
    }
    return got < 0 ? -1 : 0;
}

static int compare_video(const struct va_view *v)
{
    const struct va_source_options options = { .tolerate = VA_NUMBER_MAX, .threads = 1 };
    struct person *people = va_new(v->count, sizeof(*people));
    struct va_source *source = NULL;
    int64_t count = 0;
    int status = people ? 0 : -1;

    for (; count < v->count && status == 0; count += status == 0) {
        struct person *p = &people[count];

        status = va_shown_read(&p->shown, v->in, v->names[count], NULL, NULL);
        if (status == 0)
            p->match = (struct va_match){ .path = args.video,
                                          .made = args.inputs[0],
                                          .part = v->names[count],
                                          .frame_count = p->shown.T,
                                          .fps = va_rate_of_times(p->shown.pts, p->shown.T) };
    }
    if (status == 0)
        status = (source = va_source_open(args.video, &options))
                     ? compare_frames(people, count, source)
                     : -1;
    va_source_close(source);
    for (int64_t i = 0; i < count; i++)
        va_shown_release(&people[i].shown);
    va_free(people);
    return status;
}

/* ---- pages ---------------------------------------------------------------------------------------- */

static int of_video(void)
{
    struct va_view v;
    int status;

    if ((args.video && va_decoder_start(args.unconfined) < 0) ||
        va_view_open(&v, args.inputs[0], &args.view) < 0)
        return -1;
    if (args.video && compare_video(&v) < 0) {
        va_view_release(&v);
        return -1;
    }
    status = va_page_of_video(args.output, args.inputs[0], &v, args.video);
    va_view_release(&v);
    return status;
}

static int of_folders(void)
{
    struct va_results a = { 0 }, b = { 0 };
    int status = va_results_find(&a, args.inputs[0]);

    a.unpublished = !args.published;

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
    bool folder = va_is_folder(args.inputs[0]);

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
