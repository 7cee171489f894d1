/*
 * va-window - say which frames of which feature files form the windows.
 *
 * Reads va.features/1 and annotation text, writes va.windows/1, an index. The cutting is done in
 * common/data.
 */
#include "base/va_tool.h"
#include "data/va_origin.h"
#include "data/va_preset.h"
#include <stdio.h>

static struct args {
    const char *output;
    struct va_strings labels; /* folders */
    struct va_label_rule rule;
    int64_t window, stride; /* frames */
    int tail, missing, leading;
    int preset;
    bool any_encoder;
    char **inputs; /* feature files, NULL last */
} args = { .window = 300, .stride = 200, .tail = VA_TAIL_PAD, .missing = VA_MISSING_NEAREST };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.output, "FILE",
                  "index of windows to write (va.windows/1); appears only when complete"),
    VA_OPT_ANY_ENCODER(&args.any_encoder),
    VA_OPT_LIST(0, "labels", &args.labels, "DIR",
                "folder of label files <video>.txt; may be repeated, the first folder that "
                "has the video counts"),
    VA_OPT_LABEL_FPS(&args.rule.fps),
    VA_OPT_LABELS_UNMATCHED(&args.rule.unmatched),
    VA_OPT_CHOICE(0, "preset", &args.preset, va_preset_names,
                  "protocol that sets the defaults of all options below"),
    VA_OPT_INT(0, "window", &args.window, 1, 1 << 20, "frames in a window"),
    VA_OPT_INT(0, "stride", &args.stride, 1, 1 << 20,
               "frames from the start of a window to the start of the next"),
    VA_OPT_CHOICE(0, "tail", &args.tail, va_tail_names,
                  "end of a video: pad the last windows, shift the last window back, or drop "
                  "it"),
    VA_OPT_CHOICE(0, "missing", &args.missing, va_missing_names,
                  "how to fill frames without a face"),
    VA_OPT_CHOICE(0, "leading", &args.leading, va_leading_names,
                  "keep frames before the first face in windows, or cut them off"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] -o WINDOWS.h5 FEATURES.h5...",
    .brief = "cut the timelines of videos into windows",
    .details =
        "The timeline of a video has an entry for each frame, or for each label where there are "
        "more; frames without a face keep their place, so time is never spliced. The output is "
        "an index over the feature files: nothing is copied, and they must stay where they are "
        "as seen from the index. Without --labels the windows serve prediction only.\n"
        "Row k of a label file stands for frame k. Where a video has more or fewer rows than frames "
        "a line says how many, and for how many seconds; what lacks a row is unlabelled, what lacks a "
        "frame has no face. More than 1.5 times as many of either are refused: rates in use differ by "
        "1.25 at most (24, 25, 30) or by 2 and more, and then rows stand on the wrong frames. "
        "--label-fps 4 resamples files of 4 rows a second: frame k, at (k - 1) / fps seconds, gets the "
        "linear mix of the two rows around it, or none if one of them is not annotated. --unmatched "
        "allow takes row k for frame k all the same. Crops without a rate (va-decode --fps) may "
        "have any number of rows behind the last face: nobody knows how long that video is.\n"
        "Features are read once: a number that is not finite is refused, and so is one encoder's file "
        "among another's.\n"
        "--preset paper is the published protocol, authors that of the published code for folds "
        "1 to 5, authors-fold0 for fold 0; single options override it.\n"
        "--missing: previous takes the last frame before that has a face (a zero vector before "
        "the first), nearest the nearer one (the earlier at a tie), linear mixes both "
        "neighbours, zero puts a zero vector, drop does too and leaves the label out.\n"
        "--tail: pad starts windows while a frame is left and pads the last ones, shift moves a "
        "last window back to the end of the video, drop leaves the rest out.\n"
        "--leading cut begins windows with the first face; the frames before it keep their "
        "entries and labels.\n"
        "A table on standard output says for each video and for all: entries of the timeline, "
        "frames of the video, labels, entries labelled, entries without a face, windows, and "
        "entries in no window.",
};

/* What no option says is the preset's. */
static void take_preset(void)
{
    struct va_preset_windows preset = va_preset_windows((enum va_preset)args.preset);

    if (!va_option_given("window"))
        args.window = preset.window;
    if (!va_option_given("stride"))
        args.stride = preset.stride;
    if (!va_option_given("tail"))
        args.tail = (int)preset.tail;
    if (!va_option_given("missing"))
        args.missing = (int)preset.missing;
    if (!va_option_given("leading"))
        args.leading = (int)preset.leading;
}

static bool parse_args(int argc, char **argv, int *status)
{
    args.inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!args.inputs)
        return false;
    take_preset();
    if (!args.output)
        return va_usage_error(status, "missing --output FILE");
    if (args.stride > args.window)
        return va_usage_error(status, "--stride is longer than --window");
    if (!args.inputs[0])
        return va_usage_error(status, "expected at least one feature file");
    return true;
}

struct summary {
    int64_t timeline, frames, labels, labelled, faceless, windows, uncovered;
};

/* Windows are in order of their start, so what none covers lies between them. */
static struct summary summarise(const struct va_window_index *index,
                                const struct va_index_video *v)
{
    struct summary s = { .timeline = v->frames,
                         .frames = v->frame_count,
                         .labels = v->label_count,
                         .windows = v->window_count };
    int64_t covered = 0;

    for (int64_t i = 0; i < v->frames; i++) {
        s.labelled += index->timeline[v->first + i].valid;
        s.faceless += !index->timeline[v->first + i].present;
    }
    for (int64_t k = 0; k < v->window_count; k++) {
        const struct va_window *w = &index->windows[v->first_window + k];

        if (w->start > covered)
            s.uncovered += w->start - covered;
        if (w->start + w->length > covered)
            covered = w->start + w->length;
    }
    s.uncovered += v->frames - covered;
    return s;
}

static void print_row(const char *name, const struct summary *s)
{
    printf("%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\n", name, (long long)s->timeline,
           (long long)s->frames, (long long)s->labels, (long long)s->labelled,
           (long long)s->faceless, (long long)s->windows, (long long)s->uncovered);
}

static void print_summary(const struct va_window_index *index)
{
    struct summary all = { 0 };
    char title[40];

    printf("video\ttimeline\tframes\tlabels\tlabelled\tno_face\twindows\tin_no_window\n");
    for (int64_t i = 0; i < index->video_count; i++) {
        struct summary s = summarise(index, &index->videos[i]);

        print_row(index->videos[i].name, &s);
        all.timeline += s.timeline;
        all.frames += s.frames;
        all.labels += s.labels;
        all.labelled += s.labelled;
        all.faceless += s.faceless;
        all.windows += s.windows;
        all.uncovered += s.uncovered;
    }
    snprintf(title, sizeof(title), "all %lld", (long long)index->video_count);
    print_row(title, &all);
}

static int check(const struct va_window_index *index)
{
    struct va_origin origin = { 0 };
    int64_t labels = 0;

    if (va_origin_add(&origin, index, NULL, args.any_encoder) < 0)
        return -1;
    for (int64_t i = 0; i < index->video_count; i++)
        labels += index->videos[i].label_count;
    if (args.labels.count && !labels)
        return va_error("%s: found labels for none of the %lld videos: name label files as the "
                        "videos, %s.txt",
                        args.labels.items[0], (long long)index->video_count,
                        index->videos[0].name);
    if (index->window_count)
        return 0;
    return va_error("%s: found no window of %lld frames%s, expected at least one",
                    args.inputs[0], (long long)index->window,
                    args.tail == VA_TAIL_DROP ? " (--tail drop leaves out what is shorter)"
                                              : "");
}

static int run(void)
{
    struct va_label_files labels = { 0 };
    struct va_window_index *index = va_window_index_new(
        args.window, args.stride, (enum va_tail)args.tail, (enum va_missing)args.missing,
        (enum va_leading)args.leading);
    int status = index ? 0 : -1;

    if (index)
        index->label_rule = args.rule;
    for (int64_t i = 0; status == 0 && i < args.labels.count; i++)
        status = va_label_files_add(&labels, args.labels.items[i]);
    for (char **p = args.inputs; status == 0 && *p; p++)
        status = va_window_index_add(index, *p, args.labels.count ? &labels : NULL);
    if (status == 0)
        status = check(index);
    if (status == 0)
        status = va_window_index_write(index, args.output);
    if (status == 0)
        print_summary(index);
    va_window_index_free(index);
    va_label_files_release(&labels);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-window");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(run());
    va_options_free(table);
    return va_tool_finish(status);
}
