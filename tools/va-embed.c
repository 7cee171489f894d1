/*
 * va-embed - one row of features per frame: the CLS row of a vision transformer.
 *
 * Reads frames files, videos and folders of crops, writes va.features/1. The work is in jobs/va_embed.h,
 * reading in the background in feed/va_feed.h.
 */
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "jobs/va_embed.h"
#include "media/va_decoder.h"
#include "media/va_source.h"
#include "ops/va_device.h"
#include <signal.h>

enum store { STORE_F32, STORE_F16 };
static const char *const store_names[] = { "f32", "f16", NULL };

struct args {
    struct va_embed_job job;
    int store;
    bool unconfined;
};

static const struct va_usage usage = {
    .synopsis = "[options] -w ENCODER.h5 -o FEATURES.h5 INPUT",
    .brief = "compute a row of features for each frame of a video",
    .details =
        "INPUT is a va.frames/1 file, a video, - for standard input, or a folder of "
        "crops with names as va-decode reads them. A folder without pictures is searched "
        "for folders of crops; each is a video. A zip archive is a folder, too, and "
        "ARCHIVE.zip/FOLDER a folder in it. Videos and folders are decoded directly, "
        "without a frames file.\n\n"
        "Each frame is resized to the encoder's size as Pillow does (bicubic, "
        "antialiased) and normalised with the encoder's mean and std. The features are "
        "the CLS row after the last LayerNorm; of the starter, the probabilities of its seven "
        "expressions.\n\n"
        "--precision bf16 rounds the operands of matrix products to bfloat16 and sums in "
        "float32; everything else stays float32. " VA_BF16_COST
        "An encoder made of convolutions, as the starter, computes in float32 always.\n\n"
        "--precision auto times a matrix product in both, in less than a second, and uses bf16 if it is "
        "1.25 times as fast or more, else f32. --verbose tells the ratio; the provenance of the features "
        "says which it was (va-features info). Features of f32, bf16 and int8 can be mixed, and nothing "
        "warns: compute those of one corpus in one precision.\n\n"
        "--precision int8 rounds the operands of linear layers to whole numbers of 8 bits, with a scale "
        "for each row and each output; attention and all else stay float32. It is the fastest on CPUs "
        "with AMX or VNNI. With --verbose, the first four pictures are computed in float32, too, to "
        "say how near their features are; that takes the memory of f32.\n\n"
        "ENCODER may be an ONNX model, where this build has ONNX Runtime (see --version). It has one "
        "input, square pictures [N,3,H,W] of float32, with N 1 or not fixed. The features are the numbers "
        "of its only output of rank 2, or of --onnx-output, whatever its rank. It is computed on the "
        "CPU in float32, picture by picture; --device and --precision have no effect. Its values must be "
        "in the file itself.\n\n"
        "Pixels from 0 to 1 are normalised with --onnx-mean and --onnx-std, else with mean and std "
        "of the model's metadata, else with those of ImageNet. For a model trained on bytes they are "
        "0,0,0 and .003921569,.003921569,.003921569.\n\n"
        "--filter COMMAND gets features from another program, started by sh for each video. Its "
        "standard input is pictures of --filter-size pixels per side, 3 bytes a pixel (red, green, "
        "blue), row by row, without headers. It has to write --filter-width float32 numbers for each "
        "picture to its standard output, in order, and to end after its input. It may read ahead. A row "
        "too many or too few, a status other than 0 and --filter-timeout seconds without a sign are "
        "errors.\n\n"
        "Processes that COMMAND leaves running are ended, except those in a session of their own "
        "(setsid), which va-embed cannot reach.\n\n"
        "With --output-dir DIR there may be many videos; the features of video NAME are "
        "written to DIR/NAME.h5. A damaged video does not stop the others; the exit code is then 3.\n\n"
        "With --faces FACES.h5, from va-faces, the frames of a person are cropped to the face and "
        "turned upright; frames without the person are left out. The features are called as the "
        "person, and hold the score of each face. With --output-dir each person gets a file; of a "
        "video without a person, a file without rows is called as the video.",
    .examples =
        "va-embed -w encoder.h5 -o holiday.h5 holiday.frames.h5\n"
        "va-embed -w encoder.h5 -o direct.h5 holiday.mp4\n"
        "mkdir features && va-embed -w encoder.h5 --output-dir features cropped_aligned\n"
        "va-embed -w encoder.h5 --faces holiday.faces.h5 -o face.h5 holiday.mp4",
};

static bool check_onnx(const struct va_embed_job *job, int *status)
{
    static const char *const options[] = { "onnx-output", "onnx-size", "onnx-mean",
                                           "onnx-std" };
    double value[3];

    for (size_t i = 0; i < VA_COUNT(options); i++)
        if (va_option_given(options[i]) && (!job->weights || !va_ort_is(job->weights)))
            return va_usage_error(status, "--%s is for an ONNX model: --weights MODEL.onnx",
                                  options[i]);
    if (job->onnx.mean && !va_ort_three(job->onnx.mean, value))
        return va_usage_error(
            status, "--onnx-mean %s: expected three numbers, such as .5,.5,.5", job->onnx.mean);
    if (job->onnx.std && !va_ort_three(job->onnx.std, value))
        return va_usage_error(status, "--onnx-std %s: expected three numbers, such as .5,.5,.5",
                              job->onnx.std);
    return true;
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_FILE('w', "weights", &a->job.weights, "encoder (va.model/1, or an ONNX model)"),
        VA_OPT_OUTPUT('o', "output", &a->job.output, "FILE",
                      "features to write (va.features/1); appears only when complete"),
        VA_OPT_OUTPUT(0, "output-dir", &a->job.output_dir, "DIR",
                      "folder to write a features file per input into"),
        VA_OPT_FILES_FROM(),
        VA_OPT_VIDEO_NAME(&a->job.name,
                          "name of the video (default: file name without known extensions)"),
        VA_OPT_CROPPER(&a->job.crop),
        VA_OPT_INT(0, "size", &a->job.crop.size, VA_CROP_SIDE_LEAST, VA_CROP_SIDE_MOST,
                   "side of crops of --faces in pixels"),
        VA_OPT_CHOICE(0, "store", &a->store, store_names, "number type of the stored features"),
        VA_OPT_INT(0, "tolerate", &a->job.tolerate, 0, VA_NUMBER_MAX,
                   "number of broken packets and images of a video to skip before giving up"),
        VA_OPT_RUN_INT(0, "batch", &a->job.batch, 1, 4096, "frames computed together"),
        VA_OPT_GROUP("ONNX models"),
        VA_OPT_STRING(0, "onnx-output", &a->job.onnx.output, "NAME",
                      "output that is the row of features; default: the only one of rank 2"),
        VA_OPT_INT(0, "onnx-size", &a->job.onnx.size, 0, 4096,
                   "side of pictures for a model that takes any size; 0: the model says it"),
        VA_OPT_STRING(
            0, "onnx-mean", &a->job.onnx.mean, "R,G,B",
            "mean of pixels from 0 to 1; default: the model's metadata, else of ImageNet"),
        VA_OPT_STRING(0, "onnx-std", &a->job.onnx.std, "R,G,B",
                      "deviation of pixels from 0 to 1; default: as for --onnx-mean"),
        VA_OPT_GROUP("features of another program"),
        VA_OPT_STRING(0, "filter", &a->job.filter.command, "COMMAND",
                      "program that turns pictures into features, instead of --weights"),
        VA_OPT_INT(0, "filter-width", &a->job.filter.width, 0, 65536,
                   "numbers of a row of COMMAND; needed with --filter"),
        VA_OPT_INT(0, "filter-size", &a->job.filter.size, 1, 4096,
                   "side of the pictures for COMMAND in pixels"),
        VA_OPT_INT(0, "filter-timeout", &a->job.filter.timeout, 1, 86400,
                   "seconds without a sign of COMMAND after which to give up"),
        VA_OPT_GROUP("computing"),
        VA_OPT_DEVICE(&a->job.device),
        VA_OPT_PRECISION(&a->job.precision),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_THREADS(&a->job.threads),
        VA_OPT_END,
    };
    char **inputs;

    *a = (struct args){ .job = { .batch = 16,
                                 .device = "auto",
                                 .crop = VA_CROPPER_DEFAULTS,
                                 .filter = { .size = 224, .timeout = 60 } } };
    a->job.inputs = inputs = va_options_parse(table, &usage, argc, argv, status);
    a->job.half = a->store == STORE_F16;
    if (!inputs)
        return false;
    if (!a->job.weights && !a->job.filter.command)
        return va_usage_error(status, "missing --weights ENCODER.h5");
    if (a->job.weights && a->job.filter.command)
        return va_usage_error(status, "--weights and --filter conflict");
    if (a->job.filter.command && !a->job.filter.width)
        return va_usage_error(status, "missing --filter-width N for --filter");
    if (!check_onnx(&a->job, status))
        return false;
    if (!va_outputs_check(a->job.output, a->job.output_dir, "FILE", inputs,
                          "a frames file, a video or a folder", status))
        return false;
    if ((a->job.crop.faces || a->job.name) && inputs[1])
        return va_usage_error(status, "%s is for one video",
                              a->job.crop.faces ? "--faces" : "--name");
    if (!a->job.crop.faces && a->job.crop.size != VA_CROP_SIDE)
        return va_usage_error(status, "--size needs --faces FACES.h5");
    return va_cropper_check(&a->job.crop, status) &&
           va_device_check_name(a->job.device, status);
}

static int run(struct args *a)
{
    struct va_embed_job *job = &a->job;

    signal(SIGPIPE, SIG_IGN);                /* of a filter that ended: its status says why */
    if (va_decoder_start(a->unconfined) < 0) /* before there are threads */
        return va_tool_status(-1);
    job->onnx.unconfined = a->unconfined;
    va_threads_set((int)job->threads);
    return va_tool_status(va_embed(job));
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-embed");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
