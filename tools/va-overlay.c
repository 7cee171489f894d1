/*
 * va-overlay - a video with boxes, names, and valence and arousal drawn over it.
 *
 * Decoding and encoding are done in common/media, drawing in common/plot; here frames, faces and
 * predictions meet.
 */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_progress.h"
#include "base/va_tool.h"
#include "faces/va_faces_read.h"
#include "media/va_decoder.h"
#include "media/va_encode.h"
#include "media/va_match.h"
#include "media/va_source.h"
#include "plot/va_cairo.h"
#include "plot/va_overlay.h"
#include "plot/va_view.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct args {
    const char *output, *faces, *predictions, *name, *input;
    struct va_view_options view; /* its model */
    int64_t quality, tolerate, threads;
    bool silent, unconfined;
};

static const struct va_usage usage = {
    .synopsis = "[options] -o OUT.mp4 VIDEO",
    .brief = "draw faces, valence and arousal over a video",
    .details =
        "--faces FACES.h5, from va-faces, gives the boxes and names of people. --predictions PRED.h5, "
        "from va-predict or va-smooth, gives the curves of the last 10 seconds, and a dot in the "
        "circumplex with its path over the last 2 seconds. At least one of the two options is needed. "
        "With both, each person gets the predictions of the same name. Curves have gaps where "
        "the face is not seen.\n\n"
        "Files of another video are refused: names, sizes, times and numbers of frames are compared.\n\n"
        "The output has the frames and times of VIDEO, turned upright, and a copy of its sound. If "
        "the first time is below 0, all times are moved to begin at 0. The video is H.264, or MPEG-4 where libavcodec "
        "has no libx264. A picture with an odd side gets one more row or column.\n\n"
        "In a picture below 150 x 90 pixels there are no curves. Text is drawn by cairo (make deps "
        "WITH=pictures); without it there is none.",
    .examples =
        "va-overlay --faces holiday.faces.h5 --predictions holiday.pred.h5 -o seen.mp4 holiday.mp4\n"
        "va-overlay --faces holiday.faces.h5 -o faces.mp4 holiday.mp4",
};

/* Whether the ending names a format that is written. */
static bool is_named_well(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && (!strcasecmp(path + n - 4, ".mp4") || !strcasecmp(path + n - 4, ".mov"));
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "FILE",
                      "video to write, .mp4 or .mov; appears only when complete"),
        VA_OPT_FILE(0, "faces", &a->faces, "faces of this video (va.faces/1)"),
        VA_OPT_FILE(0, "predictions", &a->predictions,
                    "predictions for its people, or for the whole video (va.predictions)"),
        VA_OPT_FILE('m', "model", &a->view.model,
                    "model of the predictions: its CCC on its own validation is shown"),
        VA_OPT_VIDEO_NAME(&a->name,
                          "name of the video (default: file name without known extensions)"),
        VA_OPT_INT(0, "quality", &a->quality, 1, 100, "quality of the pictures, 100: best"),
        VA_OPT_FLAG(0, "no-sound", &a->silent, "leave the sound out"),
        VA_OPT_INT(0, "tolerate", &a->tolerate, 0, VA_NUMBER_MAX,
                   "number of broken packets to skip before giving up"),
        VA_OPT_UNCONFINED(&a->unconfined),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_END,
    };
    char **inputs;

    *a = (struct args){ .quality = 60 };
    inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!inputs)
        return false;
    if (!a->output)
        return va_usage_error(status, "missing --output FILE");
    if (!is_named_well(a->output))
        return va_usage_error(status, "--output %s: expected a name that ends in .mp4 or .mov",
                              a->output);
    if (!inputs[0] || inputs[1])
        return va_usage_error(status, "expected one video");
    if (!strcmp(inputs[0], "-"))
        return va_usage_error(status, "expected a file: a video is read twice, for its sound");
    if (!a->faces && !a->predictions)
        return va_usage_error(status,
                              "expected --faces FACES.h5, --predictions PRED.h5 or both");
    if (a->view.model && !a->predictions)
        return va_usage_error(status, "--model needs --predictions PRED.h5");
    a->input = inputs[0];
    return true;
}

/* ---- who is in it ------------------------------------------------------------------------- */

struct person {
    const struct va_faces_person *of; /* NULL: faces are not known */
    int64_t next;                     /* first face that is not before the last frame */
    struct va_shown shown;            /* T 0: there are no predictions */
    struct va_match match;            /* of these with the video */
};

struct work {
    const struct args *args;
    char *name;
    struct va_faces *faces; /* or NULL */
    struct va_match match;  /* of these with the video */
    struct va_view view;    /* in NULL: none */
    struct person *people;
    struct va_overlay_person *drawn; /* [count], as people */
    int64_t count;
    char caption[2 * VA_SHOWN_LINE];
    struct va_source *source;
    struct va_sound *sound; /* or NULL */
    struct va_encoder *encoder;
    struct va_overlay overlay;
    uint8_t *rgb; /* of the overlay's size */
    double delay; /* seconds that are added to times */
    int64_t tick; /* of the last frame */
};

static int open_faces(struct work *w)
{
    const struct args *a = w->args;

    if (!a->faces)
        return 0;
    if (!(w->faces = va_faces_read(a->faces)))
        return -1;
    w->match = va_faces_match(w->faces, a->input);
    return va_match_name(&w->match, w->name, w->faces->video);
}

static int open_predictions(struct work *w)
{
    const struct args *a = w->args;
    char models[VA_SHOWN_LINE];
    const char *note;

    if (!a->predictions)
        return 0;
    if (va_view_open(&w->view, a->predictions, &a->view) < 0)
        return -1;
    note = w->view.in->note;
    va_shown_models(models, w->view.in->models, w->view.in->model_count, w->view.ccc, NULL);
    /* a note comes first: there may be no room for both */
    snprintf(w->caption, sizeof(w->caption), "%s%s%s", note ? note : "", note ? "; " : "",
             models);
    return 0;
}

/* Predictions for a person. 1, 0: there are none, -1 after reporting. */
static int add_predictions(struct work *w, int64_t i, const char *name)
{
    if (!w->view.in || !va_predictions_has(w->view.in, name))
        return 0;
    if (va_shown_read(&w->people[i].shown, w->view.in, name, NULL, NULL) < 0)
        return -1;
    w->people[i].match = (struct va_match){ .path = w->args->input,
                                            .made = w->args->predictions,
                                            .part = name,
                                            .frame_count = w->people[i].shown.T,
                                            .fps = va_rate_of_times(w->people[i].shown.pts,
                                                                    w->people[i].shown.T) };
    w->drawn[i].shown = &w->people[i].shown;
    return 1;
}

static int find_people(struct work *w)
{
    const struct args *a = w->args;
    int64_t count = w->faces ? w->faces->count : 1, predicted = 0;

    w->people = va_new(count, sizeof(*w->people));
    w->drawn = va_new(count, sizeof(*w->drawn));
    if (!w->people || !w->drawn)
        return -1;
    for (; w->count < count; w->count++) {
        int64_t i = w->count;
        int got;

        w->people[i].of = w->faces ? &w->faces->people[i] : NULL;
        w->drawn[i].name = w->faces ? w->people[i].of->name : w->name;
        if ((got = add_predictions(w, i, w->drawn[i].name)) < 0)
            return -1;
        predicted += got;
    }
    if (!w->view.in || predicted > 0 || count == 0)
        return 0;
    return w->faces
               ? va_error("%s: has predictions for none of the people of %s", a->predictions,
                          a->faces)
               : va_error("%s: found no video '%s': give --name, or --faces to name people",
                          a->predictions, w->name);
}

/* ---- frames ------------------------------------------------------------------------------- */

/* What is known once there is a frame. */
static int begin(struct work *w, const struct va_frame *f)
{
    const struct args *a = w->args;
    int64_t width = f->width + f->width % 2, height = f->height + f->height % 2;
    double fps = va_source_fps(w->source);

    if (va_match_size(&w->match, f) < 0)
        return -1;
    w->delay = f->pts < 0 ? -f->pts : 0;
    w->tick = -1;
    w->rgb = va_new(width * height, 3);
    if (!w->rgb ||
        va_overlay_init(&w->overlay, width, height, w->view.in ? w->caption : NULL) < 0)
        return -1;
    if (!w->overlay.curves && a->predictions)
        va_warn("%s: pictures of %lldx%lld are too small for curves", a->input,
                (long long)f->width, (long long)f->height);
    w->encoder = va_encoder_open_timed(a->output, width, height,
                                       fps > 0 && fps <= 1000 ? fps : 25, (int)a->quality);
    if (!w->encoder)
        return -1;
    return w->sound ? va_encoder_sound(w->encoder, w->sound, w->delay) : 0;
}

/* Copy a frame; the last row and column once more where its sides are odd. */
static void copy_frame(struct work *w, const struct va_frame *f)
{
    const int64_t width = w->overlay.width, height = w->overlay.height;

    for (int64_t y = 0; y < height; y++) {
        const uint8_t *from = f->pixels + 3 * f->width * (y < f->height ? y : f->height - 1);
        uint8_t *to = w->rgb + 3 * width * y;

        memcpy(to, from, (size_t)f->width * 3);
        if (width > f->width)
            memcpy(to + 3 * f->width, from + 3 * (f->width - 1), 3);
    }
}

/* The face of a person in frame `index`, or NULL. */
static const struct va_seen *seen_in(struct person *p, int64_t index)
{
    if (!p->of)
        return NULL;
    while (p->next < p->of->count && p->of->seen[p->next].index < index)
        p->next++;
    return p->next < p->of->count && p->of->seen[p->next].index == index ? &p->of->seen[p->next]
                                                                         : NULL;
}

/* Whether frame t is where the predictions have it. In frames without a face their times are estimates. */
static int check_time(struct person *p, const struct va_frame *f)
{
    const struct va_shown *s = &p->shown;
    int64_t t = f->index - 1;

    return s->pts && t < s->T && (!s->face || s->face[t])
               ? va_match_time(&p->match, f, s->pts[t])
               : 0;
}

static int put_frame(struct work *w, const struct va_frame *f)
{
    int64_t tick = llround((f->pts + w->delay) * VA_ENCODER_TICKS);

    copy_frame(w, f);
    for (int64_t i = 0; i < w->count; i++) {
        const struct va_seen *seen = seen_in(&w->people[i], f->index);

        w->drawn[i].box = seen ? seen->box : NULL;
        if ((seen && va_match_time(&w->match, f, seen->pts) < 0) ||
            check_time(&w->people[i], f) < 0)
            return -1;
    }
    if (va_overlay_draw(&w->overlay, f->index - 1, w->drawn, w->count, w->rgb) < 0)
        return -1;
    w->tick = tick > w->tick ? tick : w->tick + 1;
    return va_encoder_frame(w->encoder, w->rgb, w->tick);
}

static int put_all(struct work *w)
{
    struct va_frame frame;
    int64_t done = 0;
    int got;

    va_progress_begin("frames", va_source_expected(w->source));
    while ((got = va_source_next(w->source, &frame)) > 0) {
        if ((done == 0 && begin(w, &frame) < 0) || put_frame(w, &frame) < 0)
            return -1;
        va_progress_update(++done);
    }
    va_progress_end();
    if (got == 0 && done == 0)
        return va_error("%s: found no frame", w->args->input);
    return got;
}

/* Only now it is known how many frames there are. */
static int check_counts(const struct work *w)
{
    int64_t count = va_source_frame_count(w->source);

    if (w->faces && va_match_count(&w->match, count) < 0)
        return -1;
    for (int64_t i = 0; i < w->count; i++)
        if (w->drawn[i].shown && va_match_count(&w->people[i].match, count) < 0)
            return -1;
    return 0;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int open_video(struct work *w)
{
    const struct args *a = w->args;
    const struct va_source_options options = { .tolerate = a->tolerate,
                                               .threads = (int)a->threads };
    struct stat st;

    if (stat(a->input, &st) == 0 && !S_ISREG(st.st_mode))
        return va_error("%s: found no regular file, expected a video", a->input);
    if (!(w->source = va_source_open(a->input, &options)))
        return -1;
    return a->silent ? 0 : va_sound_open(&w->sound, a->input);
}

static void release(struct work *w)
{
    va_encoder_abort(&w->encoder);
    va_overlay_release(&w->overlay);
    va_sound_close(w->sound);
    va_source_close(w->source);
    for (int64_t i = 0; i < w->count; i++)
        va_shown_release(&w->people[i].shown);
    va_free(w->people);
    va_free(w->drawn);
    va_view_release(&w->view);
    va_faces_free(w->faces);
    va_free(w->rgb);
    va_free(w->name);
}

static int run(const struct args *a)
{
    struct work w = { .args = a };
    int result = -1;

    if (va_decoder_start(a->unconfined) < 0)
        return va_tool_status(-1);
    w.name = a->name ? va_strdup(a->name)
                     : va_video_name_enter(a->input, "rename it or give --name");
    if (w.name && open_faces(&w) == 0 && open_predictions(&w) == 0 && find_people(&w) == 0 &&
        open_video(&w) >= 0 && put_all(&w) == 0 && check_counts(&w) == 0)
        result = va_encoder_close(&w.encoder);
    if (result == 0 && !va_cairo)
        va_info("%s: without names and numbers: this build has no cairo", a->output);
    release(&w);
    return va_tool_status(result);
}

int main(int argc, char **argv)
{
    struct args a;
    int status;

    va_tool_init("va-overlay");
    if (parse_args(&a, argc, argv, &status))
        status = run(&a);
    return va_tool_finish(status);
}
