/*
 * va-hear - one row of features of sound per frame of a video.
 *
 * Reads videos, writes va.features/1. The work is in jobs/va_hear.h; what is computed, in sound/va_ear.h.
 */
#include "base/va_tool.h"
#include "jobs/va_hear.h"
#include "media/va_decoder.h"
#include "media/va_source.h"
#include "sound/va_ear.h"

struct args {
    struct va_hear_job job;
    bool unconfined;
};

static const struct va_usage usage = {
    .synopsis = "[options] -o FEATURES.h5 VIDEO",
    .brief = "compute a row of features of the sound for each frame of a video",
    .details =
        "Each row has the number and the time of a frame, as va-embed writes them, so that sound "
        "and picture can be joined frame by frame at any frame rate, also a variable one. Frames before the "
        "sound begins, after it ends and in its pauses have no row. A video without sound is an error.\n\n"
        "The sound is mixed to one channel of 16000 samples per second. It is analysed every 10 ms, in windows of 25 ms.\n\n"
        "--kind logmel gives 64 columns, mel00 to mel63: log(m + 0.01), m the magnitude in 64 mel bands from 125 to "
        "7500 Hz, averaged over the frame. This is the input of VGGish, and of similar networks.\n\n"
        "--kind prosody gives 68 columns NAME.STATISTIC.WINDOW, as in f0.mean.1s: mean, deviation and slope per "
        "second in windows of 1 s and 4 s around the frame. The coefficients have mean and deviation in 1 s.\n\n"
        "  f0             pitch in semitones above 27.5 Hz, of voiced sound; 0 without any\n"
        "  voicing        how periodic the sound is, 0 to 1 (YIN: de Cheveigne, Kawahara 2002)\n"
        "  loudness       root mean square in decibels below full scale, at least -100\n"
        "  crossings      changes of sign per sample\n"
        "  centroid       mean frequency, weighted by the magnitude, in kHz (Peeters 2004)\n"
        "  rolloff        frequency below which 85 % of the magnitude lie, in kHz (Peeters 2004)\n"
        "  flux           change of the normalised spectrum (Tzanetakis, Cook 2002)\n"
        "  mfcc00-mfcc12  cosine transform of the log-mel spectrum (Davis, Mermelstein 1980)\n\n"
        "The names of the columns are in the file (va.features(5)). The windows around a frame reach into its future: 2 s.\n\n"
        "With --frames OTHER.mp4 the rows are those of the frames of OTHER, as where one of two cameras recorded the "
        "sound: both files begin at the same moment. With --name PERSON the features are called as those of one of several "
        "people in a video.\n\n"
        "With --output-dir DIR there may be many videos; the features of video NAME are "
        "written to DIR/NAME.h5. A damaged video does not stop the others; the exit code is then 3.",
    .examples = "va-hear -o holiday.sound.h5 holiday.mp4\n"
                "va-hear --kind logmel -o holiday.mel.h5 holiday.mp4\n"
                "va-hear --output-dir sound *.mp4",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->job.output, "FILE",
                      "features to write (va.features/1); appears only when complete"),
        VA_OPT_OUTPUT(0, "output-dir", &a->job.output_dir, "DIR",
                      "folder to write a features file per input into"),
        VA_OPT_FILES_FROM(),
        VA_OPT_VIDEO_NAME(&a->job.name,
                          "name of the video (default: file name without known extensions)"),
        VA_OPT_FILE(0, "frames", &a->job.frames,
                    "video whose frames get the rows, at the same times (default: the input)"),
        VA_OPT_CHOICE(0, "kind", &a->job.kind, va_ear_kinds, "features to compute"),
        VA_OPT_INT(0, "track", &a->job.track, 0, 1000,
                   "stream of sound to take, from 1; 0: the one that belongs to the pictures"),
        VA_OPT_INT(0, "tolerate", &a->job.tolerate, 0, VA_NUMBER_MAX,
                   "number of broken packets of a video to skip before giving up"),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_END,
    };
    char **inputs;

    *a = (struct args){ .job = { .kind = VA_EAR_PROSODY } };
    a->job.inputs = inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    if (!va_outputs_check(a->job.output, a->job.output_dir, "FILE", inputs, "a video", status))
        return false;
    if ((a->job.name || a->job.frames) && inputs[1])
        return va_usage_error(status, "%s is for one video",
                              a->job.name ? "--name" : "--frames");
    return true;
}

static int run(const struct args *a)
{
    if (va_decoder_start(a->unconfined) < 0) /* before there are threads */
        return va_tool_status(-1);
    return va_tool_status(va_hear(&a->job));
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-hear");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
