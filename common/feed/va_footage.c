#include "feed/va_footage.h"

#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_frames.h"
#include "io/va_h5.h"
#include "io/va_pictured.h"

struct va_footage {
    const char *path;
    char *video;
    struct va_frames *frames;   /* a va.frames/1 file, */
    struct va_source *source;   /* or anything else */
    struct va_cropper *cropper; /* or NULL */
    struct va_frame whole;      /* of which people are cut */
    bool begun;                 /* there is such a frame */
    int64_t person;             /* of the last crop, */
    float score;                /* and its score */
};

struct va_footage *va_footage_open(const char *path, const char *name, int64_t tolerate,
                                   int threads)
{
    const struct va_source_options options = { .tolerate = tolerate, .threads = threads };
    struct va_footage *f = va_new(1, sizeof(*f));

    if (!f)
        return NULL;
    f->path = path;
    if (va_h5_named(path)) {
        f->frames = va_frames_open(path);
        f->video = f->frames ? va_strdup(name ? name : va_frames_info(f->frames)->video) : NULL;
    } else {
        f->video = name ? va_strdup(name)
                        : va_video_name_enter(path, "rename it or give --name");
        f->source = f->video ? va_source_open(path, &options) : NULL;
    }
    if (f->video && (f->source || f->frames))
        return f;
    va_footage_close(f);
    return NULL;
}

void va_footage_close(struct va_footage *f)
{
    if (!f)
        return;
    va_source_close(f->source);
    va_frames_close(f->frames);
    va_free(f->video);
    va_free(f);
}

void va_footage_crop(struct va_footage *f, struct va_cropper *c)
{
    f->cropper = c;
}

const char *va_footage_path(const struct va_footage *f)
{
    return f->path;
}

const char *va_footage_video(const struct va_footage *f)
{
    return f->video;
}

const char *va_footage_input(const struct va_footage *f)
{
    if (f->cropper)
        return va_cropper_input(f->cropper);
    return f->frames ? va_frames_info(f->frames)->input : va_pictured_by(f->path);
}

const char *va_footage_id(const struct va_footage *f)
{
    return f->frames ? va_frames_info(f->frames)->id : NULL;
}

int64_t va_footage_count(const struct va_footage *f)
{
    return f->frames && !f->cropper ? va_frames_info(f->frames)->T : -1;
}

int64_t va_footage_expected(const struct va_footage *f)
{
    int64_t crops = 0;

    for (int64_t i = 0; f->cropper && i < va_cropper_count(f->cropper); i++)
        crops += va_cropper_frames(f->cropper, i);
    if (f->cropper)
        return crops;
    return f->frames ? va_frames_info(f->frames)->T : va_source_expected(f->source);
}

static int next_whole(struct va_footage *f, struct va_frame *frame)
{
    int32_t index = 0;
    int got;

    if (f->source)
        return va_source_next(f->source, frame);
    frame->height = va_frames_info(f->frames)->height;
    frame->width = va_frames_info(f->frames)->width;
    got = va_frames_next(f->frames, &frame->pixels, &index, &frame->pts);
    frame->index = index;
    return got;
}

int va_footage_next(struct va_footage *f, struct va_frame *frame)
{
    int got, there = 0;

    if (!f->cropper)
        return next_whole(f, frame);
    while (there == 0) {
        if (f->begun && f->person + 1 < va_cropper_count(f->cropper)) {
            f->person++;
        } else {
            got = next_whole(f, &f->whole);
            if (got == 0)
                return va_cropper_end(f->cropper, va_footage_frame_count(f));
            if (got < 0)
                return -1;
            f->begun = true;
            f->person = 0;
        }
        there = va_cropper_cut(f->cropper, f->person, &f->whole, frame, &f->score);
    }
    return there;
}

int64_t va_footage_person(const struct va_footage *f)
{
    return f->person;
}

bool va_footage_scored(const struct va_footage *f)
{
    return f->cropper || (f->frames && va_frames_scored(f->frames));
}

float va_footage_score(const struct va_footage *f)
{
    return f->cropper ? f->score : va_frames_score(f->frames);
}

double va_footage_fps(const struct va_footage *f)
{
    double fps = f->frames ? va_frames_info(f->frames)->fps : va_source_fps(f->source);

    return f->cropper && !(fps > 0) ? va_cropper_fps(f->cropper) : fps;
}

int64_t va_footage_frame_count(const struct va_footage *f)
{
    return f->frames ? va_frames_info(f->frames)->frame_count
                     : va_source_frame_count(f->source);
}
