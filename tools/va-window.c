/*
 * va-window - say which frames of which feature files form the windows.
 *
 * Reads va.features/1 and annotation text, writes va.windows/1, an index. The cutting is done in
 * common/data.
 */
#include "base/va_tool.h"
#include "data/va_origin.h"
#include "data/va_preset.h"
#include "data/va_window_summary.h"

static struct args {
    const char *output;
    struct va_strings labels; /* folders */
    struct va_strings streams, policies;
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
    VA_OPT_FILES_FROM(),
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
    VA_OPT_STREAMS(&args.streams, &args.policies),
    VA_OPT_CHOICE(0, "leading", &args.leading, va_leading_names,
                  "keep frames before the first face in windows, or cut them off"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] -o WINDOWS.h5 {FEATURES.h5... | --stream NAME=DIR...}",
    .brief = "cut the timelines of videos into windows",
    .details =
        "The timeline of a video has one entry per frame, or one per label where there "
        "are more labels. Frames without a face keep their entry, so time is never "
        "spliced. The output is an index of the feature files: no features are copied, "
        "and the feature files must stay at their path relative to the index. Without "
        "--labels, the windows are for prediction only.\n\n"
        "Row k of a label file is for frame k. If the numbers of rows and frames differ, "
        "a message gives both numbers and the difference in seconds. Frames without a "
        "row are unlabelled; rows without a frame have no face.\n\n"
        "A factor of more than 1.5 between the two numbers is refused, because the rows "
        "then belong to other frames. Common frame rates differ by at most 1.25 (24, 25, "
        "30) or by 2 and more.\n\n"
        "--label-fps 4 resamples files with 4 rows per second: frame k, at (k - 1) / fps "
        "seconds, gets the linear mix of the two rows around it, or no label if one of "
        "the two has none.\n\n"
        "--unmatched allow uses row k for frame k in spite of the factor. Crops without "
        "a frame rate (see va-decode --fps) may have any number of rows after the last "
        "face, because the length of the video is unknown.\n\n"
        "--stream face=DIR --stream sound=DIR puts several features of a frame side by side: "
        "picture and sound, or two encoders. DIR has a file per video, or is one file. A frame "
        "is there if any stream has it, and each stream tells the model whether it has the "
        "frame. Streams of a video must have equal numbers of frames, frame rates and times; times "
        "may differ by half a frame. "
        "Where a stream has no file for a video, a message says so and all its frames are "
        "missing.\n\n"
        "All features are read once. A value that is not finite is refused, and so are "
        "features of different encoders.\n\n"
        "--preset paper is the published protocol. authors is the protocol of the "
        "published code for folds 1 to 5, authors-fold0 the one for fold 0. Single "
        "options override the preset.\n\n"
        "  --missing  previous  features of the last earlier frame with a face; zeros before the first\n"
        "             nearest   features of the nearest frame with a face; of two, the earlier\n"
        "             linear    linear mix of the frames with a face before and after\n"
        "             zero      zeros\n"
        "             drop      zeros, and the frame loses its label\n\n"
        "  --tail     pad       windows start while frames are left; the last are padded with zeros\n"
        "             shift     the last window is moved back to the end of the video\n"
        "             drop      frames after the last whole window are in no window\n\n"
        "  --leading  keep      windows start with the first frame\n"
        "             cut       windows start with the first face; earlier frames keep their entries\n\n"
        "The table on standard output has a row per video and a last row for all videos:\n\n"
        "  timeline      entries of the timeline: frames, or label rows where there are more\n"
        "  frames        frames of the video\n"
        "  labels        rows of the label file, also those of -5\n"
        "  labelled      entries that count in training: with a label other than -5\n"
        "  no_face       entries without a face\n"
        "  windows       windows\n"
        "  in_no_window  entries that are in no window",
    .examples =
        "va-window --labels Train_Set --labels Validation_Set -o w.h5 features/*.h5\n"
        "va-window --labels Train_Set --window 64 --stride 32 --tail shift -o short.h5 features/*.h5\n"
        "va-window -o unlabelled.h5 features/*.h5\n"
        "va-window --labels Train_Set --labels Validation_Set \\\n"
        "    --stream face=features --stream sound=sound \\\n"
        "    --stream-missing sound=zero -o streams.h5",
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
    if (args.streams.count && args.inputs[0])
        return va_usage_error(status, "expected --stream or feature files, found both");
    if (!args.streams.count && !args.inputs[0])
        return va_usage_error(status, "expected at least one feature file");
    return va_streams_check_options(&args.streams, &args.policies, status);
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
        return va_error("%s: found labels for none of the %lld videos: name label files after "
                        "their videos, such as %s.txt",
                        args.labels.items[0], (long long)index->video_count,
                        index->videos[0].name);
    if (index->window_count)
        return 0;
    return va_error("%s: found no window of %lld frames%s, expected at least one",
                    index->videos[0].features, (long long)index->window,
                    args.tail == VA_TAIL_DROP ? " (--tail drop leaves out shorter videos)"
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
    if (status == 0 && args.streams.count)
        status = va_window_index_add_streams(index, &args.streams, &args.policies,
                                             args.labels.count ? &labels : NULL);
    if (status == 0)
        status = check(index);
    if (status == 0)
        status = va_window_index_write(index, args.output);
    if (status == 0)
        va_window_index_print(index, stdout);
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
