/*
 * va-live - valence and arousal of the faces that are filmed now: a row as soon as a frame is known.
 *
 * The work is done in jobs/va_live_run.h; here are options.
 */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_streams.h"
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "jobs/va_live_run.h"
#include "media/va_decoder.h"
#include "ops/va_device.h"
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum { FORMATS_MAX = 8, OPTIONS_MAX = 40 };
static const char
    *format_names[FORMATS_MAX + 1]; /* of va_table_format_names: those with rows, */
static enum va_table_format formats[FORMATS_MAX]; /* and which ones they are */

struct args {
    struct va_live_job job;
    const char *name;
    const char *stream; /* NAME=ENCODER.h5, or NULL; its */
    char stream_name[VA_STREAM_NAME];
    int64_t threads;
    int format; /* index into formats */
    bool all, unconfined;
};

static const struct va_usage usage = {
    .synopsis = "[options] [-e ENCODER.h5] -m MODEL.h5 INPUT",
    .brief = "predict valence and arousal of the faces in front of a camera, frame by frame",
    .details =
        "INPUT is a camera (/dev/video0), a pipe, - for standard input, or a video. Each frame is "
        "searched for faces. Each face is cropped, and its features go through the temporal model "
        "MODEL.h5. Without -e, MODEL.h5 rates crops by itself: the starter, or a model from "
        "va-finetune.\n\n"
        "Standard output gets a row per person and frame as soon as the frame is known: frame, time "
        "in seconds, person, face, confidence, valence, arousal. A person gets rows from the first "
        "frame with the face. In frames without it face is 0, and the features are those of the last "
        "frame with it. The rows end after --forget seconds without the face.\n\n"
        "Times of a camera or pipe count from its first frame. Those of a file are the ones in the "
        "file, as in the tables of va-predict.\n\n"
        "If the computer is too slow for a camera or pipe, frames are dropped. At most 2 decoded "
        "frames wait; a new frame replaces the oldest. Frame numbers then have gaps, and the temporal "
        "model sees only the frames that are left. Regular files wait, and so do pipes with --all.\n\n"
        "At the end, standard error gets the numbers of frames, and the latency: median and 95 % "
        "quantile in milliseconds. The parts are decode (from the last packet of a frame), wait, "
        "detect (faces and crops), embed (features) and predict; whole ends with the row. --verbose "
        "prints them every 10 seconds as well. A model with a lookahead gives rows that number of "
        "frames later.\n\n"
        "A model of several named streams that was trained with --stream-dropout runs on one of "
        "them: --stream face=encoder.h5.\n\n"
        "Ctrl-C ends the run with status 0. The --output file is complete then, as after the end of "
        "the input, an error of it, or when the reader of standard output has gone.\n\n"
        "va-faces, va-embed and va-predict look into the future, and so their rows differ. They average "
        "crops over neighbouring frames (--smooth 3), name people at the end, and give a frame "
        "without a face the features of the nearer neighbour. With va-embed --smooth 1 and va-predict "
        "--missing previous, a person who is there from the first frame has the same values, up to "
        "rounding.\n\n"
        "Memory does not grow with time, unless the temporal model has transformer layers.\n\n"
        "--precision bf16 rounds the operands of matrix products and convolutions of both models to "
        "bfloat16; everything else stays float32, also the state of each person.\n\n" VA_BF16_COST
            VA_AUTO_PRECISION "--verbose tells which.",
    .examples =
        "va-live -e encoder.h5 -m model.h5 -o talk.csv /dev/video0\n"
        "va-live -e encoder.h5 -m model.h5 --format jsonl holiday.mp4\n"
        "ffmpeg -v error -i holiday.mp4 -f mpegts - | va-live -e encoder.h5 -m model.h5 -",
};

static void make_table(struct args *a, struct va_option *table)
{
    struct va_live_job *j = &a->job;
    const struct va_option options[] = {
        VA_OPT_FILE('e', "encoder", &j->people.model.encoder,
                    "encoder of the features (va.model/1)"),
        VA_OPT_STRING(0, "stream", &a->stream, "NAME=ENCODER.h5",
                      "encoder of one named stream of the model; the other streams are absent"),
        VA_OPT_FILE('m', "model", &j->people.model.model,
                    "temporal model, or a model that rates faces (va.model/1)"),
        VA_OPT_OUTPUT('o', "output", &j->output, "FILE",
                      "table to write as well; complete also after Ctrl-C or an error"),
        VA_OPT_CHOICE(0, "format", &a->format, format_names, "format of standard output"),
        VA_OPT_VIDEO_NAME(&a->name,
                          "people are called NAME_1, NAME_2, ... (default: name of the input)"),
        VA_OPT_FLAG(0, "any-encoder", &j->people.model.any_encoder,
                    "accept another encoder than that of the model's training"),
        VA_OPT_GROUP("frames"),
        VA_OPT_FLAG(0, "all", &a->all, "compute every frame: let a pipe wait, drop nothing"),
        VA_OPT_REAL(0, "rate", &j->relay.rate, 0, 1000,
                    "compute at most this number of frames per second of video; 0: all"),
        VA_OPT_REAL(0, "stall", &j->relay.patience, 0, 86400,
                    "end with an error if a camera or pipe sends no frame for this number of "
                    "seconds; 0: never"),
        VA_OPT_INT(0, "tolerate", &j->source.tolerate, 0, VA_NUMBER_MAX,
                   "number of broken packets to skip before giving up"),
        VA_OPT_GROUP("faces"),
        VA_OPT_FILE(0, "detector", &j->people.detector, "detector (va.model/1, arch yunet)"),
        VA_OPT_INT(0, "max-side", &j->people.follow.detect.max_side, 32, 8192,
                   "search pictures with a longer side reduced to this many pixels"),
        VA_OPT_REAL(0, "min-score", &j->people.follow.detect.min_score, 0, 1,
                    "least score of a face"),
        VA_OPT_REAL(0, "min-size", &j->people.follow.detect.min_size, 0, 16384,
                    "least width and height of a face in pixels of the video"),
        VA_OPT_REAL(0, "gap", &j->people.follow.gap, 0, 3600,
                    "seconds for which a face may be lost without ending its track"),
        VA_OPT_REAL(
            0, "join", &j->people.follow.join, 0, 2,
            "take a new face for an absent person whose look differs by less than this; "
            "0: never"),
        VA_OPT_REAL(0, "forget", &j->people.follow.forget, 0, 86400,
                    "seconds after which an absent person is forgotten"),
        VA_OPT_INT(0, "people", &j->people.model.slots, 1, 64,
                   "follow at most this number of people at a time"),
        VA_OPT_STRING(0, "template", &j->people.follow.template, "NAME|FILE",
                      "place of eyes, nose and mouth in crops: arcface, or a file with five "
                      "lines \"x y\""),
        VA_OPT_REAL(0, "margin", &j->people.follow.margin, -.4, 10,
                    "add this share of a crop's side on each side"),
        VA_OPT_INT(0, "size", &j->people.follow.size, VA_CROP_SIDE_LEAST, VA_CROP_SIDE_MOST,
                   "side of crops in pixels"),
        VA_OPT_GROUP("machine"),
        VA_OPT_DEVICE(&j->people.model.device),
        VA_OPT_FLOAT_PRECISION(&j->people.model.precision),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };
    int rows = 0;

    _Static_assert(VA_COUNT(options) <= OPTIONS_MAX, "all options fit");
    for (int i = VA_TABLE_CSV; va_table_format_names[i] && rows < FORMATS_MAX; i++)
        if (va_table_has_rows((enum va_table_format)i)) {
            formats[rows] = (enum va_table_format)i;
            format_names[rows++] = va_table_format_names[i];
        }
    memcpy(table, options, sizeof(options));
}

/* The encoder of a named stream. */
static bool take_stream(struct args *a, int *status)
{
    if (!a->stream)
        return true;
    if (a->job.people.model.encoder)
        return va_usage_error(status, "expected --encoder or --stream, found both");
    a->job.people.model.encoder = va_stream_split(a->stream, a->stream_name);
    a->job.people.model.stream = a->stream_name;
    if (a->job.people.model.encoder)
        return true;
    return va_usage_error(status,
                          "--stream %s: expected NAME=ENCODER.h5, with a name of up to %d "
                          "letters, digits and _",
                          a->stream, VA_STREAM_NAME - 1);
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    struct va_option table[OPTIONS_MAX];
    char **inputs;

    *a = (struct args){
        .job = { .relay = { .patience = 10 },
                 .source = { .tolerate = VA_NUMBER_MAX, .live = true },
                 .people = VA_LIVE_PEOPLE_DEFAULTS },
    };
    make_table(a, table);
    inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    if (!a->job.people.model.model)
        return va_usage_error(status, "missing --model MODEL.h5");
    if (!take_stream(a, status))
        return false;
    if (!inputs[0] || inputs[1])
        return va_usage_error(status, "expected one camera, video or -");
    if (a->job.output && !va_table_has_rows(va_table_format_of(a->job.output)))
        return va_usage_error(
            status, "--output %s: has no row per frame: name a .csv, .tsv or .jsonl file",
            a->job.output);
    a->job.input = inputs[0];
    a->job.format = formats[a->format];
    return va_device_check_name(a->job.people.model.device, status);
}

/* Files and folders wait for us; what is filmed does not. */
static bool waits(const char *path)
{
    struct stat st;

    return (strcmp(path, "-") != 0 ? stat(path, &st) : fstat(0, &st)) == 0 &&
           (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static int run(struct args *a)
{
    bool file = waits(a->job.input);
    char *name;
    int result;

    a->job.source.threads = (int)a->threads;
    a->job.source.live = !file;
    a->job.relay.drop = !file && !a->all;
    a->job.relay.from_first = !file;
    if (file)
        a->job.relay.patience = 0;
    if (va_decoder_start(a->unconfined) < 0) /* before there are threads */
        return va_tool_status(-1);
    va_threads_set((int)a->threads);
    name = a->name ? va_strdup(a->name) : va_video_name_enter(a->job.input, "give --name");
    if (!name)
        return va_tool_status(-1);
    a->job.name = name;
    signal(SIGPIPE, SIG_IGN); /* a reader that has enough ends the run */
    result = va_live_run(&a->job);
    va_free(name);
    return va_tool_status(result);
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-live");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
