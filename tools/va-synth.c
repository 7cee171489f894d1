/*
 * va-synth - make a small synthetic corpus in the layout of Aff-Wild2.
 *
 * Faces, signals and files are made in tools/synth. A signal only raises a flag: the workers
 * give up at their next frame and the unfinished folder is removed before the process ends by it.
 */
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "tools/synth/va_corpus.h"
#include <signal.h>

struct args {
    const char *output;
    struct va_corpus_options corpus;
    int64_t seed, threads;
};

static const struct va_usage usage = {
    .synopsis = "[options] -o DIR",
    .brief = "make a synthetic corpus in the layout of Aff-Wild2",
    .details =
        "The videos show cartoon faces. Mouth, eyes and brows follow two slow signals, "
        "valence and arousal, mixed with speech, blinks, brief expressions, head motion, "
        "changing light and noise. The true signals are known, so predictions can be "
        "judged. No person was filmed, and results on this corpus say nothing about real "
        "faces.\n\n"
        "DIR must be new or empty; it appears when it is complete. It holds:\n\n"
        "  videos/BASE.mp4               H.264; some show two people side by side\n"
        "  cropped_aligned/VIDEO/        crops NNNNN.jpg of 112x112, numbered from 1, without those of\n"
        "                                frames without a face; VIDEO is BASE, BASE_left, BASE_right\n"
        "  VA_Estimation_Challenge/\n"
        "    Train_Set/VIDEO.txt         labels, delayed by 0.3 to 0.5 s like those of human raters;\n"
        "    Validation_Set/VIDEO.txt    -5 for unlabelled frames\n"
        "    test_set.txt                names of the test videos\n"
        "  sample_submission.txt         required rows of a submission, in order\n"
        "  inputs.tsv                    video, set (train, validation, test), file or folder to\n"
        "                                decode, number of frames, number of label rows\n"
        "  truth/VIDEO.txt               true signals of all videos\n"
        "  truth/Test_Set/VIDEO.txt      labels of the test videos\n"
        "  truth/faces/BASE.h5           boxes and points of the faces, va.faces(5)\n"
        "  broken/damaged.mp4            damaged half way\n"
        "  broken/truncated.mp4          damaged at the beginning\n"
        "  README.txt                    states that the corpus is synthetic\n\n"
        "Crops are the input for videos with two people and for videos in which a face "
        "is sometimes missing; with --crops yes all videos have crops.\n\n"
        "--traps yes adds unusual videos: of one frame, shorter than a window, exactly "
        "as long as a window or several strides; first crop far above 1, last crop far "
        "before the end; more crops than labels and the reverse; no labels, or a gap in "
        "the labels across the end of a window; two people; dots in the name; other "
        "files among the crops; labels with CRLF, blanks, integers; 6 to 30 frames per "
        "second.\n\n"
        "--crossing N adds videos for tests of tracking: two people walk past each other, one in "
        "front, and each leaves the picture and returns. Frames in which more than half of a face is "
        "hidden have no row in truth/faces, no crop and no label (-5).\n\n"
        "--voice yes adds sound (FLAC, 16 kHz): what people say is not speech, but the mouth moves with it. Pitch and loudness "
        "follow arousal, and vary for no reason; valence is not heard. Pictures are the same with and without it.",
    .examples = "va-synth --videos 5 --test 1 --frames 80 --traps no --crops yes -o corpus\n"
                "va-synth --videos 0 --test 0 --traps no --crossing 2 --size 128 -o crossing\n"
                "va-synth --videos 4 --test 0 --frames 100 --traps no --voice yes -o speaking",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    struct va_corpus_options *c = &a->corpus;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "DIR", "folder to create; new or empty"),
        VA_OPT_INT(0, "videos", &c->videos, 0, 10000,
                   "number of plain videos for training and validation"),
        VA_OPT_INT(0, "test", &c->test, 0, 10000, "number of plain test videos"),
        VA_OPT_INT(0, "crossing", &c->crossing, 0, 10000,
                   "number of videos in which two people cross, leave and return"),
        VA_OPT_INT(0, "frames", &c->frames, 1, 50000, "mean number of frames in a plain video"),
        VA_OPT_INTS(0, "fps", &c->fps, 1, 240, "frame rates of the plain videos, used in turn"),
        VA_OPT_INT(0, "size", &c->size, 16, 1024,
                   "height of a video and width of a person in pixels; even"),
        VA_OPT_YESNO(0, "traps", &c->traps, "add unusual videos that test edge cases"),
        VA_OPT_INT(0, "window", &c->window, 1, 10000,
                   "frames in a window; some unusual videos are as long"),
        VA_OPT_INT(0, "stride", &c->stride, 1, 10000,
                   "frames from the start of a window to the start of the next; sets lengths "
                   "of unusual videos"),
        VA_OPT_YESNO(0, "crops", &c->all_crops,
                     "write crops of all videos, not only where they are the input"),
        VA_OPT_YESNO(0, "voice", &c->voices, "give the videos sound, in which people speak"),
        VA_OPT_SEED(&a->seed),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };
    char **operands;

    *a = (struct args){
        .seed = 42,
        .corpus = { .videos = 36,
                    .test = 2,
                    .frames = 360,
                    .size = 64,
                    .window = 300,
                    .stride = 200,
                    .traps = true,
                    .fps = { { 30, 25, 30, 24, 30, 15 }, 6 } },
    };
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    c->seed = (uint64_t)a->seed;
    if (!a->output)
        return va_usage_error(status, "missing --output DIR");
    if (c->size % 2)
        return va_usage_error(status, "--size is odd: H.264 needs even sides");
    if (c->stride > c->window)
        return va_usage_error(status, "--stride is longer than --window");
    if (!c->videos && !c->test && !c->traps && !c->crossing)
        return va_usage_error(status,
                              "--videos, --test, --traps and --crossing ask for no video");
    if (operands[0])
        return va_usage_error(status, "unexpected argument %s", operands[0]);
    return true;
}

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

static int run(const struct args *a)
{
    enum { MOST_THREADS = 32 }; /* each has a temporary file open */
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    struct va_corpus_counts n;
    int result;

    for (size_t i = 0; i < VA_COUNT(signals); i++) {
        struct sigaction old, act = { .sa_handler = catch_signal };

        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &act, NULL);
    }
    va_threads_set((int)a->threads);
    if (va_threads_count() > MOST_THREADS)
        va_threads_set(MOST_THREADS);
    result = va_corpus_write(a->output, &a->corpus, &caught, &n);
    if (caught) {
        signal(caught, SIG_DFL);
        raise(caught);
    }
    if (result == 0)
        va_info("%s: synthetic; train %lld videos, %lld frames; validation %lld, %lld; test "
                "%lld, %lld",
                a->output, (long long)n.videos[VA_SET_TRAIN], (long long)n.frames[VA_SET_TRAIN],
                (long long)n.videos[VA_SET_VALIDATION], (long long)n.frames[VA_SET_VALIDATION],
                (long long)n.videos[VA_SET_TEST], (long long)n.frames[VA_SET_TEST]);
    return va_tool_status(result);
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-synth");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
