/*
 * va-decode - the frames of a video, a stream or a folder of crops, as va.frames/1 or raw RGB.
 *
 * Decoding is done in common/media; here frames are only passed on.
 */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_progress.h"
#include "base/va_tool.h"
#include "data/va_frames_write.h"
#include "media/va_decoder.h"
#include "media/va_source.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    const char *output, *size, *name;
    bool raw, unconfined;
    int64_t threads;
    struct va_source_options options;
    const char *input;
};

static const struct va_usage usage = {
    .synopsis = "[options] -o FRAMES.h5 INPUT",
    .brief = "decode a video or a folder of crops to numbered RGB frames",
    .details =
        "INPUT is a video file, - for standard input, or a folder of images. The name of "
        "an image is PREFIX, the frame number and .jpg, .jpeg, .png, .bmp, .webp, .tif "
        "or .tiff, such as 00001.jpg or frame_det_00_000001.bmp. All images of a folder "
        "have the same prefix, mostly none. Numbers begin with 1; in a folder that has a "
        "number 0, all numbers are increased by 1. A missing number is a frame without a "
        "face.\n\n"
        "The format of an image follows from its contents: JPEG, PNG, BMP, WebP, TIFF, "
        "JPEG 2000, or the first picture of a GIF.\n\n"
        "Frames are numbered from 1 in the order in which they are shown. Each frame has "
        "the time stamp of the file in seconds, which may be below 0. In recordings that "
        "were joined with cat, time stamps start again: numbers and times then continue, "
        "and a message gives the frame. Frames that an edit list hides are left out, "
        "rotation metadata is applied, and pictures of a different size are scaled to "
        "the size of the first.\n\n"
        "A packet or image that cannot be decoded, missing data and a file that ends "
        "early end the run with exit code 3. --tolerate N allows N of these; each is "
        "reported on standard error and skipped. Later frames keep their numbers, as far "
        "as time stamps or packets determine them.\n\n"
        "The attribute fps is measured from frame numbers and time stamps. The attribute "
        "frame_count is the number of frames in the whole video. With --end it is the "
        "number in the container, or the last decoded frame if that is more.\n\n"
        "--raw writes packed RGB24 to standard output instead of a file, for example for "
        "ffplay.",
    .examples = "va-decode -o holiday.frames.h5 holiday.mp4\n"
                "va-decode --size 112 --every 5 -o small.frames.h5 holiday.mp4\n"
                "va-decode --fps 25 -o person.frames.h5 cropped_aligned/person\n"
                "va-decode --raw --size 320x180 holiday.mp4 >holiday.rgb",
};

/* "WxH" or "N", a square. */
static bool parse_size(struct args *a, int *status)
{
    char *end;
    long width, height;

    if (!a->size)
        return true;
    errno = 0;
    width = height = strtol(a->size, &end, 10);
    if (end != a->size && (*end == 'x' || *end == 'X') && end[1] >= '0' && end[1] <= '9')
        height = strtol(end + 1, &end, 10);
    if (a->size[0] < '0' || a->size[0] > '9' || *end || errno || width < 1 || height < 1 ||
        width > VA_SIDE_MAX || height > VA_SIDE_MAX || width * height > VA_PIXELS_MAX)
        return va_usage_error(status, "--size %s: expected WxH or N, sides of 1..%d", a->size,
                              VA_SIDE_MAX);
    a->options.width = width;
    a->options.height = height;
    return true;
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    struct va_source_options *o = &a->options;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "FILE",
                      "frames to write (va.frames/1); appears only when complete"),
        VA_OPT_STRING(0, "size", &a->size, "WxH|N",
                      "width and height to scale frames to; N: a square (default: as stored)"),
        VA_OPT_INT(0, "every", &o->every, 1, VA_NUMBER_MAX,
                   "use every N-th frame: 1, 1 + N, ..."),
        VA_OPT_REAL(0, "start", &o->start, 0, 1e9,
                    "skip frames before this time in seconds; 0: none"),
        VA_OPT_REAL(0, "end", &o->end, 0, 1e9,
                    "stop before this time in seconds; 0: at the end"),
        VA_OPT_STRING(0, "name", &a->name, "NAME",
                      "name of the video (default: file name without known extensions)"),
        VA_OPT_INT(0, "frame-count", &o->frame_count, 0, VA_NUMBER_MAX,
                   "number of frames in the original video, for a folder of crops; 0: the "
                   "last number"),
        VA_OPT_REAL(
            0, "fps", &o->fps, 0, 1000,
            "frames per second of the original video, for a folder of crops; 0: unknown"),
        VA_OPT_INT(0, "tolerate", &o->tolerate, 0, VA_NUMBER_MAX,
                   "number of broken or lost packets and images to skip before giving up"),
        VA_OPT_RUN_FLAG(0, "raw", &a->raw,
                        "write packed RGB24 to standard output instead of a file"),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };
    char **inputs;

    *a = (struct args){ .options = { .every = 1 } };
    inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    if (!inputs[0] || inputs[1])
        return va_usage_error(status, inputs[0]
                                          ? "expected one input; --output names the output"
                                          : "expected one video, one folder or -");
    a->input = inputs[0];
    if (!a->output == !a->raw)
        return va_usage_error(status, a->raw ? "--raw writes to standard output, not to a file"
                                             : "missing --output FILE");
    if (o->end > 0 && o->end <= o->start)
        return va_usage_error(status, "--end is not after --start");
    if (a->name && !va_video_name_valid(a->name))
        return va_usage_error(
            status, "--name %s: cannot be the name of a video (see va.frames(5))", a->name);
    o->threads = (int)a->threads;
    return parse_size(a, status);
}

/* ---- where frames go --------------------------------------------------------------------- */

/* Packed RGB to standard output. */
static int put_raw(const struct va_frame *f)
{
    size_t size = (size_t)(f->width * f->height * 3);

    if (fwrite(f->pixels, 1, size, stdout) == size)
        return 0;
    return errno == EPIPE ? -1 : va_error_write("standard output", "write");
}

static int put_frame(struct va_frames_writer *w, const struct va_frame *f)
{
    return w->out
               ? va_frames_append(w, f->pixels, f->height, f->width, (int32_t)f->index, f->pts)
               : put_raw(f);
}

/* The name of the video, of a raw stream one that nobody sees. NULL after reporting. */
static char *name_of(const struct args *a)
{
    if (a->name)
        return va_strdup(a->name);
    return a->raw ? va_video_name(a->input)
                  : va_video_name_enter(a->input, "rename it or give --name");
}

static int run(const struct args *a)
{
    char *name = name_of(a);
    struct va_source *source = NULL;
    struct va_frames_writer writer = { 0 };
    struct va_frame frame;
    int64_t frames = 0;
    int got = -1, result = -1;

    if (!name || va_decoder_start(a->unconfined) < 0)
        goto done;
    source = va_source_open(a->input, &a->options);
    if (!source)
        goto done;
    if (!a->raw && va_frames_create(&writer, a->output) < 0)
        goto done;
    va_progress_begin("frames", va_source_expected(source));
    while ((got = va_source_next(source, &frame)) > 0) {
        if (put_frame(&writer, &frame) < 0)
            goto done;
        va_progress_update(++frames);
    }
    va_progress_end();
    if (got < 0)
        goto done;
    if (frames == 0) {
        va_error("%s: found no frame%s", strcmp(a->input, "-") ? a->input : "standard input",
                 a->options.start > 0 || a->options.end > 0 ? " between --start and --end"
                                                            : "");
        goto done;
    }
    result = a->raw ? 0
                    : va_frames_commit(&writer, name, va_source_fps(source),
                                       va_source_frame_count(source));
    if (result == 0 && va_source_broken(source) > 0)
        va_info("%s: %lld broken packets or images", a->input,
                (long long)va_source_broken(source));
done:
    va_frames_abort(&writer);
    va_source_close(source);
    va_free(name);
    return va_tool_status(result);
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-decode");
    signal(SIGPIPE, SIG_IGN); /* a reader of --raw that has enough: no message, exit 4 */
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
