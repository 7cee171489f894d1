/*
 * va-decode - the frames of a video, a stream or a folder of crops, as va.frames/1 or raw RGB; or crops
 * of the faces in them.
 *
 * Decoding is done in common/media, cropping in common/faces; here frames are only passed on.
 */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_progress.h"
#include "base/va_tool.h"
#include "data/va_frames_write.h"
#include "io/va_pictured.h"
#include "media/va_decoder.h"
#include "media/va_source.h"
#include "tools/decode/va_crop_folders.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    const char *output, *size, *name, *crops;
    bool raw, unconfined;
    int64_t threads;
    struct va_source_options options; /* its size is that of crops, where there are */
    struct va_cropper_options crop;
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
        "A zip archive of images is a folder, too; ARCHIVE.zip/FOLDER is a folder in it. "
        "The format of an image follows from its contents: JPEG, PNG, BMP, WebP, TIFF, "
        "JPEG 2000, or the first picture of a GIF.\n\n"
        "Frames are numbered from 1 in the order in which they are shown. Each frame has "
        "the time stamp of the file in seconds, which may be below 0. In recordings that "
        "were joined with cat, time stamps start again: numbers and times then continue, "
        "and a message gives the frame. Frames that an edit list hides are left out, "
        "rotation metadata is applied, and pictures of a different size are scaled to "
        "the size of the first.\n\n"
        "Pictures of a folder are scaled as Pillow does (bicubic), frames of videos with "
        "swscale's bicubic filter.\n\n"
        "A packet or image that cannot be decoded, missing data and a file that ends "
        "early end the run with exit code 3. --tolerate N allows N of these; each is "
        "reported on standard error and skipped. Later frames keep their numbers, as far "
        "as time stamps or packets determine them.\n\n"
        "The attribute fps is measured from frame numbers and time stamps. The attribute "
        "frame_count is the number of frames in the whole video. With --end it is the "
        "number in the container, or the last decoded frame if that is more.\n\n"
        "--raw writes packed RGB24 to standard output instead of a file, for example for "
        "ffplay.\n\n"
        "With --faces FACES.h5, from va-faces, the frames of a person are cropped to the face and "
        "turned upright; frames without the person are left out. --size N is then the side of the "
        "crops (default: 112). The frames are called as the person, and hold the score of each "
        "face. --crops DIR writes JPEG files DIR/PERSON/NNNNN.jpg instead, of all people or of "
        "--track.",
    .examples = "va-decode -o holiday.frames.h5 holiday.mp4\n"
                "va-decode --size 112 --every 5 -o small.frames.h5 holiday.mp4\n"
                "va-decode --fps 25 -o person.frames.h5 cropped_aligned/person\n"
                "va-decode --faces holiday.faces.h5 -o face.frames.h5 holiday.mp4\n"
                "va-decode --faces holiday.faces.h5 --crops crops holiday.mp4\n"
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

/* One of three. */
static bool check_outputs(const struct args *a, int *status)
{
    if (a->raw && (a->output || a->crops))
        return va_usage_error(status, "--raw writes to standard output, not to a file");
    if (a->output && a->crops)
        return va_usage_error(status, "--output and --crops conflict");
    if (!a->raw && !a->output && !a->crops)
        return va_usage_error(status, "missing --output FILE");
    return true;
}

/* With --faces the size is that of crops; frames are decoded as they are. */
static bool check_crops(struct args *a, int *status)
{
    if (a->crops && !a->crop.faces)
        return va_usage_error(status, "--crops needs --faces FACES.h5");
    if (!a->crop.faces || !a->size)
        return va_cropper_check(&a->crop, status);
    if (a->options.width != a->options.height || a->options.width < VA_CROP_SIDE_LEAST ||
        a->options.width > VA_CROP_SIDE_MOST)
        return va_usage_error(status, "--size %s: expected N of %d..%d with --faces", a->size,
                              VA_CROP_SIDE_LEAST, VA_CROP_SIDE_MOST);
    a->crop.size = a->options.width;
    a->options.width = a->options.height = 0;
    return true;
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    struct va_source_options *o = &a->options;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "FILE",
                      "frames to write (va.frames/1); appears only when complete"),
        VA_OPT_OUTPUT(0, "crops", &a->crops, "DIR",
                      "folder to write a folder of crops into for each person of --faces"),
        VA_OPT_CROPPER(&a->crop),
        VA_OPT_STRING(0, "size", &a->size, "WxH|N",
                      "width and height to scale frames to; N: a square (default: as stored)"),
        VA_OPT_INT(0, "every", &o->every, 1, VA_NUMBER_MAX,
                   "use every N-th frame: 1, 1 + N, ..."),
        VA_OPT_REAL(0, "start", &o->start, 0, 1e9,
                    "skip frames before this time in seconds; 0: none"),
        VA_OPT_REAL(0, "end", &o->end, 0, 1e9,
                    "stop before this time in seconds; 0: at the end"),
        VA_OPT_VIDEO_NAME(&a->name,
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

    *a = (struct args){ .options = { .every = 1 }, .crop = VA_CROPPER_DEFAULTS };
    inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    if (!inputs[0] || inputs[1])
        return va_usage_error(status, inputs[0]
                                          ? "expected one input; --output names the output"
                                          : "expected one video, one folder or -");
    a->input = inputs[0];
    if (!check_outputs(a, status))
        return false;
    if (o->end > 0 && o->end <= o->start)
        return va_usage_error(status, "--end is not after --start");
    o->threads = (int)a->threads;
    return parse_size(a, status) && check_crops(a, status);
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

/* Where they come from and go to. */
struct work {
    struct va_source *source;
    struct va_cropper *cropper;      /* NULL: whole frames */
    struct va_crop_folders *folders; /* or */
    struct va_frames_writer writer;  /* or standard output */
    int64_t frames;                  /* written, of all people */
};

static int put_frame(struct work *w, const struct va_frame *f)
{
    w->frames++;
    return w->writer.out ? va_frames_append(&w->writer, f->pixels, f->height, f->width,
                                            (int32_t)f->index, f->pts)
                         : put_raw(f);
}

static int put_people(struct work *w, const struct va_frame *f)
{
    struct va_frame crop;
    float score;

    for (int64_t i = 0; i < va_cropper_count(w->cropper); i++) {
        int there = va_cropper_cut(w->cropper, i, f, &crop, &score);

        if (there < 0 ||
            (there > 0 && (w->folders ? va_crop_folders_put(w->folders, i, &crop)
                                      : put_frame(w, &crop)) < 0) ||
            (there > 0 && w->writer.out && va_frames_append_score(&w->writer, score) < 0))
            return -1;
        w->frames += there && w->folders;
    }
    return 0;
}

/* The name of the video, of a raw stream one that nobody sees. NULL after reporting. */
static char *name_of(const struct args *a)
{
    if (a->name)
        return va_strdup(a->name);
    return a->raw ? va_video_name(a->input)
                  : va_video_name_enter(a->input, "rename it or give --name");
}

static int open_all(struct work *w, const struct args *a, const char *name)
{
    w->source = va_source_open(a->input, &a->options);
    if (!w->source)
        return -1;
    if (a->crop.faces && !(w->cropper = va_cropper_open(&a->crop, a->input, name,
                                                        a->crops ? VA_CROP_SOME : VA_CROP_ONE)))
        return -1;
    if (a->crops)
        return (w->folders = va_crop_folders_new(a->crops, w->cropper)) ? 0 : -1;
    if (a->raw)
        return 0;
    if (va_frames_create(&w->writer, a->output,
                         w->cropper ? 0 : va_source_expected(w->source)) < 0 ||
        va_h5_put_string(w->writer.out, NULL, "input",
                         w->cropper ? va_cropper_input(w->cropper) : va_pictured_by(a->input)) <
            0)
        return -1;
    return w->cropper ? va_h5_add_input(w->writer.out, va_cropper_path(w->cropper),
                                        va_cropper_id(w->cropper))
                      : 0;
}

static int pass_all(struct work *w, const struct args *a)
{
    struct va_frame frame;
    int64_t read = 0;
    int got;

    va_progress_begin("frames", va_source_expected(w->source));
    while ((got = va_source_next(w->source, &frame)) > 0) {
        if ((w->cropper ? put_people(w, &frame) : put_frame(w, &frame)) < 0)
            return -1;
        va_progress_update(++read);
    }
    va_progress_end();
    if (got < 0)
        return -1;
    /* with --end nobody has seen how many there are */
    if (w->cropper && !(a->options.end > 0) &&
        va_cropper_end(w->cropper, va_source_frame_count(w->source)) < 0)
        return -1;
    if (w->frames == 0)
        return va_error(
            "%s: found no frame%s%s", strcmp(a->input, "-") ? a->input : "standard input",
            w->cropper ? " with a face" : "",
            a->options.start > 0 || a->options.end > 0 ? " between --start and --end" : "");
    return 0;
}

static int commit(struct work *w, const char *name)
{
    if (w->folders)
        return va_crop_folders_commit(w->folders);
    return w->writer.out
               ? va_frames_commit(&w->writer,
                                  w->cropper ? va_cropper_name(w->cropper, 0) : name,
                                  va_source_fps(w->source), va_source_frame_count(w->source))
               : 0;
}

static int run(const struct args *a)
{
    char *name = name_of(a);
    struct work w = { 0 };
    int result = -1;

    if (name && va_decoder_start(a->unconfined) == 0 && open_all(&w, a, name) == 0 &&
        pass_all(&w, a) == 0)
        result = commit(&w, name);
    if (result == 0 && va_source_broken(w.source) > 0)
        va_info("%s: %lld broken packets or images", a->input,
                (long long)va_source_broken(w.source));
    va_frames_abort(&w.writer);
    va_crop_folders_free(w.folders);
    va_cropper_close(w.cropper);
    va_source_close(w.source);
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
