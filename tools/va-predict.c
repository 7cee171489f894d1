/*
 * va-predict - valence and arousal of every frame, by one model or the mean of several.
 *
 * Reads va.model/1 and va.windows/1, va.features/1 or va.frames/1, writes va.predictions and, if asked,
 * text files. The work is done in common/jobs.
 */
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "data/va_origin.h"
#include "data/va_predictions.h"
#include "jobs/va_predict_run.h"
#include "ops/va_device.h"

struct args {
    struct va_predict_job job;
    struct va_frame_files text;
    struct va_strings models;
    int64_t threads;
    int preset; /* index into preset_names */
};

static const char *preset_names[8] = { "none" }; /* and then va_preset_names */

/* What no option says is as the preset tests. */
static void take_preset(struct args *a)
{
    enum va_preset preset = (enum va_preset)(a->preset - 1);
    struct va_predict_plan *plan = &a->job.plan, wanted;

    if (a->preset == 0)
        return;
    wanted = va_predict_plan_preset(preset);
    if (!va_option_given("missing"))
        a->job.missing = (int)va_preset_windows(preset).test_missing;
    if (va_option_given("mode"))
        return;
    plan->mode = wanted.mode;
    if (!va_option_given("window"))
        plan->window = wanted.window;
    if (!va_option_given("stride"))
        plan->stride = wanted.stride;
}

static bool check_window(struct args *a, int *status)
{
    struct va_predict_plan *plan = &a->job.plan;
    bool window = va_option_given("window"), stride = va_option_given("stride");

    if (plan->mode == VA_PREDICT_SEQUENCE && (window || stride))
        return va_usage_error(status, "--window and --stride are not for --mode sequence");
    if (plan->mode == VA_PREDICT_CHUNK && stride)
        return va_usage_error(status, "--stride is not for --mode chunk");
    if (plan->mode == VA_PREDICT_CHUNK && !window)
        plan->window = 500; /* as the authors tested */
    if (plan->mode == VA_PREDICT_CHUNK)
        plan->stride = plan->window;
    if (plan->mode == VA_PREDICT_OVERLAP && a->job.windows && !window && !stride)
        plan->window = 0; /* that of the file, with its stride */
    if (plan->mode == VA_PREDICT_OVERLAP && window && !stride && plan->stride > plan->window)
        plan->stride = plan->window;
    if (plan->window && plan->mode == VA_PREDICT_OVERLAP && plan->stride > plan->window)
        return va_usage_error(status, "--stride %lld is longer than --window %lld",
                              (long long)plan->stride, (long long)plan->window);
    return true;
}

enum { OPTIONS_MAX = 32 };

static void make_table(struct args *a, struct va_option *table)
{
    const struct va_option options[] = {
        VA_OPT_LIST('m', "model", &a->models, "MODEL.h5",
                    "model (va.model/1); may be repeated, predictions are averaged"),
        VA_OPT_OUTPUT('o', "output", &a->job.output, "PRED.h5",
                      "predictions to write (va.predictions); appear only when complete"),
        VA_OPT_FILES_FROM(),
        VA_OPT_GROUP("input"),
        VA_OPT_FILE(0, "windows", &a->job.windows,
                    "predict the videos of this file (va.windows/1)"),
        VA_OPT_FILE(0, "list", &a->job.list,
                    "predict only the videos in this list, one name per line"),
        VA_OPT_STREAMS(&a->job.streams, &a->job.policies),
        VA_OPT_LIST(0, "labels", &a->job.labels, "DIR",
                    "folder of label files <video>.txt; may be repeated; labels after the last "
                    "frame get predictions too"),
        VA_OPT_LABEL_FPS(&a->job.label_rule.fps),
        VA_OPT_LABELS_UNMATCHED(&a->job.label_rule.unmatched),
        VA_OPT_CHOICE(0, "missing", &a->job.missing, va_missing_names,
                      "features to use for frames without a face, as in va-window"),
        VA_OPT_ANY_ENCODER(&a->job.any_encoder),
        VA_OPT_GROUP("prediction"),
        VA_OPT_CHOICE(0, "preset", &a->preset, preset_names,
                      "test protocol that sets --mode, --window, --stride and --missing"),
        VA_OPT_CHOICE(
            0, "mode", &a->job.plan.mode, va_predict_mode_names,
            "predict whole videos with carried state, average overlapping windows, or "
            "use windows end to end"),
        VA_OPT_INT(0, "window", &a->job.plan.window, 1, 1 << 20,
                   "frames in a window (chunk: 500 by default)"),
        VA_OPT_INT(0, "stride", &a->job.plan.stride, 1, 1 << 20,
                   "frames from the start of a window to the start of the next"),
        VA_OPT_YESNO(0, "clip", &a->job.clip, "limit predictions to [-1, 1]"),
        VA_OPT_CHOICE(0, "layout", &a->job.layout, va_predictions_layout_names,
                      "file with a group per video, or flat; auto: flat above 1000 videos"),
        VA_OPT_GROUP("text output"),
        VA_OPT_TEXT_DIR(&a->text),
        VA_OPT_TABLE(&a->text),
        VA_OPT_GROUP("machine"),
        VA_OPT_DEVICE(&a->job.device),
        VA_OPT_FLOAT_PRECISION(&a->job.precision),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };

    _Static_assert(VA_COUNT(options) <= OPTIONS_MAX, "all options fit");
    for (size_t i = 0; va_preset_names[i] && i + 2 < VA_COUNT(preset_names); i++)
        preset_names[i + 1] = va_preset_names[i];
    for (size_t i = 0; i < VA_COUNT(options); i++)
        table[i] = options[i];
}

static bool check(struct args *a, int *status)
{
    const struct va_predict_job *job = &a->job;

    if (!job->model_count)
        return va_usage_error(status, "missing --model MODEL.h5");
    if (!job->output)
        return va_usage_error(status, "missing --output PRED.h5");
    if (!job->windows && !job->feature_count && !job->streams.count)
        return va_usage_error(
            status, "expected --windows W.h5, --stream, feature files or frames files");
    if (job->windows && job->feature_count)
        return va_usage_error(status, "expected --windows or feature files, found both");
    if (job->streams.count && (job->windows || job->feature_count))
        return va_usage_error(status,
                              "--stream conflicts with --windows and with feature files");
    if (job->list && !job->windows)
        return va_usage_error(status, "--list needs --windows FILE");
    if (job->windows && job->labels.count)
        return va_usage_error(
            status, "--labels conflicts with --windows: va-window has read the labels");
    if (job->windows && va_option_given("missing"))
        return va_usage_error(
            status, "--missing conflicts with --windows: va-window has filled the frames");
    return va_streams_check_options(&job->streams, &job->policies, status) &&
           va_frame_files_check_options(&a->text, status) && check_window(a, status) &&
           va_device_check_name(job->device, status);
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    static const struct va_usage usage = {
        .synopsis = "[options] -m MODEL.h5 -o PRED.h5 (--windows W.h5 [--list LIST] | "
                    "--stream NAME=DIR... | FEATURES.h5... | FRAMES.h5...)",
        .brief = "predict valence and arousal of every frame",
        .details =
            "Each entry of a video's timeline gets a row, also frames without a face. In "
            "mode overlap with --windows, the window and stride of that file are the "
            "defaults.\n\n"
            "--mode sequence (the default) processes a whole video with carried state. "
            "--mode overlap averages overlapping windows. --mode chunk predicts adjacent "
            "windows independently, as the authors tested.\n\n"
            "A model from va-finetune, or the starter, rates each frame by itself: of va.frames/1 "
            "files, or of the features that va-embed made with the same model. Frames without a "
            "face then get the predictions of other frames, as --missing says. va-smooth can "
            "smooth the result.\n\n"
            "A model of named streams (va-window --stream) wants the same streams by name: with "
            "--windows, or from --stream NAME=DIR. A model that was trained with "
            "--stream-dropout predicts without a stream, too.\n\n"
            "--precision bf16 rounds the operands of matrix products and convolutions to bfloat16; "
            "everything else stays float32, also the state that a video carries. " VA_BF16_COST
            "Models that were trained in bf16 do not need it. Encoders made of convolutions, as the "
            "starter, compute in float32 always.\n\n" VA_AUTO_PRECISION
            "--verbose tells why; the provenance of the predictions says which it was.\n\n"
            "--table writes a row for every frame of every video: frame, time in seconds, "
            "person (the name of the video), face (1, or 0 where the frame has none and the "
            "values were filled in), confidence of the face, valence and arousal. Where nobody "
            "searched for faces, face is 1 and confidence empty. The name of a folder ends "
            "in /; it gets a table for each video.\n\n"
            "Formats: csv, tsv; jsonl, an object per line; openface, csv with the column "
            "names of OpenFace; vtt, subtitles with the means of each second; eaf, the same "
            "as segments for ELAN.",
        .examples =
            "va-predict -m model.h5 -o holiday.pred.h5 holiday.h5\n"
            "va-predict -m model.h5 --table holiday.csv -o holiday.pred.h5 holiday.h5\n"
            "va-predict -m model.h5 --windows w.h5 --list folds/0/val.txt --preset paper -o val.pred.h5\n"
            "va-predict -m both.h5 -o holiday.pred.h5 --stream face=holiday.h5 --stream sound=holiday.sound.h5\n"
            "va-predict -m tuned.h5 -o frames.pred.h5 holiday.frames.h5",
    };
    char **inputs;

    a->job.plan = (struct va_predict_plan){ VA_PREDICT_SEQUENCE, 300, 200 };
    a->job.missing = VA_MISSING_NEAREST;
    a->job.text = &a->text;
    a->job.clip = true;
    a->job.device = "auto";
    make_table(a, table);
    inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    take_preset(a);
    a->job.features = (const char *const *)inputs;
    while (inputs[a->job.feature_count])
        a->job.feature_count++;
    a->job.models = a->models.items;
    a->job.model_count = a->models.count;
    return check(a, status);
}

static int run(const struct args *a)
{
    va_threads_set((int)a->threads);
    return va_tool_status(va_predict_run(&a->job));
}

int main(int argc, char **argv)
{
    static struct args a;
    int status;

    va_tool_init("va-predict");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
