/*
 * va-faces - the faces of a video: where they are in each frame, and who they are.
 *
 * Detection, tracks and people are common/faces' business; here are options and files.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_text.h"
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "faces/va_crop_points.h"
#include "faces/va_finder.h"
#include "media/va_decoder.h"
#include "weights/va_model_file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    const char *output, *weights, *name, *people, *input;
    int64_t threads, tolerate;
    double fps; /* of a folder */
    bool unconfined;
    struct va_finder_options options;
};

static const struct va_usage usage = {
    .synopsis = "[check] [options] -o FACES.h5 VIDEO",
    .brief = "find the faces of a video and say who is who",
    .details =
        "VIDEO is a video file, - for standard input, or a folder or zip archive of numbered pictures. Each frame "
        "is searched for faces by YuNet, a small neural network. The output has a row per face: "
        "frame, time, box, five points, score, and the number of its person.\n\n"
        "Pictures of a folder have no times, and nothing made from the faces has, unless --fps gives "
        "their rate. --gap and --min-track count for nothing without times.\n\n"
        "The weights of YuNet do not come with this program: \"make deps WITH=faces\" fetches them. "
        "Without --weights, the environment variable VA_FACES names the file; without that it is "
        "share/mamba-va/yunet.h5 beside the folder of this program.\n\n"
        "Faces are followed within a shot: a cut ends all tracks. Tracks of the same look are taken "
        "for one person, unless they are present at once. The names of people are NAME for one person; "
        "NAME_left and NAME_right for two who are together most of the time; else NAME_1, NAME_2, ... in "
        "order of appearance. NAME is that of the video.\n\n"
        "If one person gets two names, raise --join. If two people get one name, lower it. If something "
        "else is taken for a face, raise --min-score.\n\n"
        "Faces that --min-track or --people leave out keep their rows, with track 0. Frames without a "
        "face have no row. A video without any face gives a file without rows and a warning.\n\n"
        "The command check says which template crops of faces follow: see va-faces check --help. To "
        "name a video \"check\", write ./check.",
    .examples = "va-faces -o holiday.faces.h5 holiday.mp4\n"
                "va-faces --people largest --every 3 -o quick.faces.h5 holiday.mp4",
};

/* all, largest or a number */
static bool parse_people(struct args *a, int *status)
{
    char *end;
    long n;

    if (!strcmp(a->people, "all") || !strcmp(a->people, "largest")) {
        a->options.people.most = a->people[0] == 'l';
        return true;
    }
    errno = 0;
    n = strtol(a->people, &end, 10);
    if (a->people[0] < '0' || a->people[0] > '9' || *end || errno || n < 1 || n > 1000000)
        return va_usage_error(status, "--people %s: expected all, largest or a number from 1",
                              a->people);
    a->options.people.most = n;
    return true;
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    struct va_finder_options *o = &a->options;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "FILE",
                      "faces to write (va.faces/1); appears only when complete"),
        VA_OPT_FILE('w', "weights", &a->weights, "detector (va.model/1, arch yunet)"),
        VA_OPT_VIDEO_NAME(&a->name,
                          "name of the video (default: file name without known extensions)"),
        VA_OPT_INT(0, "max-side", &o->detect.max_side, 32, 8192,
                   "reduce pictures to this many pixels on the longer side before the search"),
        VA_OPT_REAL(0, "min-score", &o->detect.min_score, 0, 1, "least score of a face"),
        VA_OPT_REAL(0, "min-size", &o->detect.min_size, 0, 16384,
                    "least width and height of a face in pixels of the video"),
        VA_OPT_INT(
            0, "every", &o->every, 1, 1000,
            "search every N-th frame and the first and last of each shot; interpolate between"),
        VA_OPT_REAL(0, "gap", &o->gap, 0, 3600,
                    "seconds for which a face may be lost without ending its track"),
        VA_OPT_REAL(
            0, "join", &o->people.join, 0, 2,
            "take tracks for one person if their looks differ by less than this; 0: never"),
        VA_OPT_REAL(0, "min-track", &o->people.min_track, 0, 3600,
                    "leave out people seen for fewer seconds, unless in every frame"),
        VA_OPT_STRING(0, "people", &a->people, "all|largest|N",
                      "keep all people, the most prominent one, or the N most prominent"),
        VA_OPT_REAL(0, "fps", &a->fps, 0, 1000,
                    "frames per second of a folder of pictures; 0: unknown"),
        VA_OPT_INT(0, "tolerate", &a->tolerate, 0, VA_NUMBER_MAX,
                   "number of broken packets and images to skip before giving up"),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };
    char **inputs;

    *a = (struct args){
        .people = "all",
        .options = { .detect = { .max_side = 640, .min_score = .7, .min_size = 20 },
                     .people = { .join = .25, .min_track = .5 },
                     .gap = 1,
                     .every = 1 },
    };
    inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    if (!a->output)
        return va_usage_error(status, "missing --output FACES.h5");
    if (!inputs[0] || inputs[1])
        return va_usage_error(status, "expected one video, one folder or -");
    a->input = inputs[0];
    return parse_people(a, status);
}

/* What was found, on standard error. */
static void tell(const struct args *a, const struct va_finder_result *r, int64_t faces)
{
    if (!(a->fps > 0) && va_is_picture_folder(a->input))
        va_warn("%s: pictures have no times, so --gap and --min-track do not count: give --fps",
                a->input);
    if (faces == 0)
        va_warn("%s: found no face in %lld frame%s", a->input, (long long)r->frames,
                va_plural(r->frames));
    else
        va_info("%s: %lld frame%s, %lld shot%s, %lld face%s, %lld %s%s", a->input,
                (long long)r->frames, va_plural(r->frames), (long long)r->cuts + 1,
                va_plural(r->cuts + 1), (long long)faces, va_plural(faces),
                (long long)r->people.count, r->people.count == 1 ? "person" : "people",
                r->people.count ? "" : ": no person is seen as long as --min-track says");
}

static int find(const struct args *a, const char *weights, struct va_source *source,
                const char *video)
{
    struct va_finder_result result = { 0 };
    struct va_faces_writer writer = { 0 };
    char *id = NULL;
    struct va_tensors *set = va_model_open(weights, &id);
    int64_t faces;
    int status = -1;

    if (!set || va_faces_create(&writer, a->output) < 0 ||
        va_h5_add_input(writer.out, weights, id) < 0 ||
        va_finder_run(source, set, weights, video, &a->options, &writer, &result) < 0)
        goto done;
    if (result.frames == 0) {
        va_error("%s: found no frame", strcmp(a->input, "-") ? a->input : "standard input");
        goto done;
    }
    faces = writer.count;
    status = va_faces_commit(
        &writer,
        &(struct va_faces_info){ .video = video,
                                 .fps = va_source_fps(source),
                                 .frame_count = va_source_frame_count(source),
                                 .width = result.width,
                                 .height = result.height,
                                 .detector = id },
        &result.people);
    if (status == 0)
        tell(a, &result, faces);
done:
    va_faces_abort(&writer);
    va_people_release(&result.people);
    va_tensors_free(set);
    va_free(id);
    return status;
}

static int run(struct args *a)
{
    const struct va_source_options options = { .tolerate = a->tolerate,
                                               .fps = a->fps,
                                               .threads = (int)a->threads };
    struct va_source *source = NULL;
    char *weights = NULL, *video = NULL;
    int result = -1;

    a->options.threads = a->threads ? (int)a->threads : va_threads_available();
    if (va_decoder_start(a->unconfined) < 0) /* before there are threads */
        goto done;
    va_threads_set(1); /* a frame is the work of one thread */
    weights = va_detector_file(a->weights, "--weights yunet.h5");
    video = !weights  ? NULL
            : a->name ? va_strdup(a->name)
                      : va_video_name_enter(a->input, "rename it or give --name");
    source = video ? va_source_open(a->input, &options) : NULL;
    if (source)
        result = find(a, weights, source, video);
done:
    va_source_close(source);
    va_free(weights);
    va_free(video);
    return va_tool_status(result);
}

static int find_main(int argc, char **argv)
{
    struct args a;
    int status;

    return parse_args(&a, argc, argv, &status) ? run(&a) : status;
}

/* ---- check ------------------------------------------------------------------------------- */

static const struct va_usage check_usage = {
    .synopsis = "[options] CROPS",
    .brief = "compare the points of crops of faces with a template",
    .details =
        "CROPS is a folder or zip archive of crops, or a video of them. The output has a line per point, with "
        "columns separated by tabs: point, x, y, their standard deviations, and x and y of the "
        "template, all in pixels of a crop of 112 x 112. Crops that are aligned alike have the same "
        "x and y.",
};

static int print_points(const struct va_crop_points *p, const char *template)
{
    static const char *const names[] = { "right_eye", "left_eye", "nose", "right_mouth",
                                         "left_mouth" };
    const double side = 112; /* of crops that are usual */
    struct va_face_template t;

    if (va_face_template_read(&t, template) < 0)
        return -1;
    printf("point\tx\ty\tdeviation_x\tdeviation_y\ttemplate_x\ttemplate_y\n");
    for (int k = 0; k < VA_YUNET_POINTS; k++)
        printf("%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", names[k], side * p->mean[k][0],
               side * p->mean[k][1], side * p->deviation[k][0], side * p->deviation[k][1],
               side * t.points[k][0], side * t.points[k][1]);
    return 0;
}

static int check(const char *crops, const char *option, double min_score, const char *template)
{
    const struct va_detect_options options = { .max_side = 640, .min_score = min_score };
    char *weights = va_detector_file(option, "--weights yunet.h5");
    struct va_tensors *set = weights ? va_model_open(weights, NULL) : NULL;
    struct va_detector *detector = set ? va_detector_new(set, weights, &options) : NULL;
    struct va_source *source = detector
                                   ? va_source_open(crops, &(struct va_source_options){ 0 })
                                   : NULL;
    struct va_crop_points p;
    int result = source ? va_crop_points_find(source, detector, &p) : -1;

    if (result == 0 && p.faces == 0)
        result = va_error("%s: found no face in %lld pictures", crops, (long long)p.crops);
    if (result == 0)
        result = print_points(&p, template);
    if (result == 0)
        va_info("%s: a face in %lld of %lld pictures", crops, (long long)p.faces,
                (long long)p.crops);
    va_source_close(source);
    va_detector_free(detector);
    va_tensors_free(set);
    va_free(weights);
    return result;
}

static int check_main(int argc, char **argv)
{
    const char *weights = NULL, *template = VA_FACES_TEMPLATE;
    double min_score = .6;
    bool unconfined = false;
    const struct va_option table[] = {
        VA_OPT_FILE('w', "weights", &weights, "detector (va.model/1, arch yunet)"),
        VA_OPT_REAL(0, "min-score", &min_score, 0, 1, "least score of a face"),
        VA_OPT_STRING(0, "template", &template, "NAME|FILE",
                      "arcface, or a file with five lines \"x y\" in units of the crop"),
        VA_OPT_UNCONFINED(&unconfined),
        VA_OPT_END,
    };
    int status;
    char **inputs = va_options_parse(table, &check_usage, argc, argv, &status);

    if (!inputs)
        return status;
    if (!inputs[0] || inputs[1]) {
        va_usage_error(&status, "expected one folder of crops");
        return status;
    }
    return va_tool_status(
        va_decoder_start(unconfined) < 0 ? -1 : check(inputs[0], weights, min_score, template));
}

int main(int argc, char **argv)
{
    static const struct va_command commands[] = {
        { "", find_main, "" },
        { "check", check_main, "compare crops with a template" },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-faces");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
