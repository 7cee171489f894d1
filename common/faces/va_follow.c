#include "faces/va_follow.h"

#include "base/va_mem.h"
#include "faces/va_tracks.h"
#include <math.h>
#include <string.h>

static const double MEMORY = 250; /* frames in the mean look of a person */

struct slot {
    int32_t tracklet; /* the last one */
    double pts;       /* when last seen */
    float look[VA_LOOK];
    double looks; /* in the mean, at most MEMORY */
};

struct va_follow {
    struct va_follow_options options;
    struct va_detector *detector;
    struct va_tracks *tracks;
    struct va_face_template template, look; /* of crops; of looks */
    struct va_followed *shown;              /* [most] */
    struct slot *slots;                     /* [most] */
    float thumb[VA_THUMB];
    bool begun;
    int64_t people, left;
    float *looks; /* [count, VA_LOOK] of one frame */
    int32_t *tracklets;
    int64_t look_room, tracklet_room;
};

/* ---- life ------------------------------------------------------------------------------- */

static int open_slots(struct va_follow *f)
{
    int64_t most = f->options.most, bytes = f->options.size * f->options.size * 3;

    f->shown = va_new(most, sizeof(*f->shown));
    f->slots = va_new(most, sizeof(*f->slots));
    for (int64_t i = 0; f->shown && i < most; i++)
        if (!(f->shown[i].crop = va_new(bytes, 1)))
            return -1;
    return f->shown && f->slots ? 0 : -1;
}

struct va_follow *va_follow_new(const struct va_tensors *set, const char *path,
                                const struct va_follow_options *options)
{
    struct va_follow *f = va_new(1, sizeof(*f));

    if (!f)
        return NULL;
    f->options = *options;
    if (va_face_template_read(&f->look, "arcface") == 0 &&
        va_face_template_read(&f->template, options->template) == 0 && open_slots(f) == 0 &&
        (f->tracks = va_tracks_new(options->gap, true)) &&
        (f->detector = va_detector_new(set, path, &options->detect)))
        return f;
    va_follow_free(f);
    return NULL;
}

void va_follow_free(struct va_follow *f)
{
    if (!f)
        return;
    va_detector_free(f->detector);
    va_tracks_free(f->tracks);
    for (int64_t i = 0; f->shown && i < f->options.most; i++)
        va_free(f->shown[i].crop);
    va_free(f->shown);
    va_free(f->slots);
    va_free(f->looks);
    va_free(f->tracklets);
    va_free(f);
}

int va_follow_reset(struct va_follow *f)
{
    va_tracks_free(f->tracks);
    f->tracks = va_tracks_new(f->options.gap, true);
    for (int64_t i = 0; i < f->options.most; i++) {
        f->shown[i].number = 0;
        f->shown[i].seen = false;
    }
    f->begun = false;
    f->people = f->left = 0;
    return f->tracks ? 0 : -1;
}

const struct va_followed *va_follow_slots(const struct va_follow *f)
{
    return f->shown;
}

int64_t va_follow_people(const struct va_follow *f)
{
    return f->people;
}

int64_t va_follow_left(const struct va_follow *f)
{
    return f->left;
}

/* ---- who is who ------------------------------------------------------------------------- */

/* The person in slot i is this face. */
static void see(struct va_follow *f, int64_t i, const struct va_frame *frame,
                const struct va_face *face, const float *look, int32_t tracklet)
{
    struct slot *s = &f->slots[i];
    struct va_similarity from = va_align(face->points, &f->template, f->options.margin);

    s->tracklet = tracklet;
    s->pts = frame->pts;
    s->looks = fmin(s->looks + 1, MEMORY);
    for (int k = 0; k < VA_LOOK; k++)
        s->look[k] += (float)((look[k] - s->look[k]) / s->looks);
    f->shown[i].seen = true;
    f->shown[i].score = face->score;
    memcpy(f->shown[i].box, face->box, sizeof(face->box));
    va_align_crop(frame->pixels, frame->width, frame->height, &from, (int)f->options.size,
                  f->shown[i].crop);
}

/* The slot of the person whom this tracklet has followed, or -1. */
static int64_t find_known(const struct va_follow *f, int32_t tracklet)
{
    for (int64_t i = 0; i < f->options.most; i++)
        if (f->shown[i].number && f->slots[i].tracklet == tracklet)
            return i;
    return -1;
}

/* The slot of the absent person who looks most like this; else a free one, given to somebody new; else -1. */
static int64_t find_other(struct va_follow *f, const float *look)
{
    int64_t best = -1, empty = -1;
    double least = f->options.join;

    for (int64_t i = 0; i < f->options.most; i++) {
        double d = INFINITY;

        if (!f->shown[i].number)
            empty = empty < 0 ? i : empty;
        else if (!f->shown[i].seen)
            d = va_look_distance(f->slots[i].look, look);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    if (best >= 0 || empty < 0)
        return best;
    memset(&f->slots[empty], 0, sizeof(f->slots[empty]));
    f->shown[empty].number = ++f->people;
    return empty;
}

static void forget(struct va_follow *f, double pts)
{
    for (int64_t i = 0; i < f->options.most; i++) {
        f->shown[i].seen = false;
        if (pts - f->slots[i].pts > f->options.forget)
            f->shown[i].number = 0;
    }
}

/* ---- a frame ---------------------------------------------------------------------------- */

static bool is_cut(struct va_follow *f, const struct va_frame *frame)
{
    float thumb[VA_THUMB];
    bool cut;

    va_thumbnail(frame->pixels, frame->width, frame->height, thumb);
    cut = f->begun && va_thumbnail_jump(thumb, f->thumb) > VA_CUT;
    memcpy(f->thumb, thumb, sizeof(thumb));
    f->begun = true;
    return cut;
}

int va_follow_frame(struct va_follow *f, const struct va_frame *frame)
{
    const struct va_face *faces;
    int64_t n = va_detect(f->detector, frame->pixels, frame->width, frame->height, &faces);

    if (n < 0 || va_grow(&f->looks, &f->look_room, n * VA_LOOK, sizeof(*f->looks)) < 0 ||
        va_grow(&f->tracklets, &f->tracklet_room, n, sizeof(*f->tracklets)) < 0)
        return -1;
    for (int64_t k = 0; k < n; k++)
        va_look(frame->pixels, frame->width, frame->height, &faces[k], &f->look,
                f->looks + k * VA_LOOK);
    if (va_tracks_add(f->tracks, (int32_t)frame->index, frame->pts, is_cut(f, frame), n, faces,
                      f->looks, f->tracklets) < 0)
        return -1;
    forget(f, frame->pts);
    for (int64_t k = 0; k < n; k++) {
        int64_t i = find_known(f, f->tracklets[k]);

        if (i >= 0)
            see(f, i, frame, &faces[k], f->looks + k * VA_LOOK, f->tracklets[k]);
    }
    for (int64_t k = 0; k < n; k++) {
        const float *look = f->looks + k * VA_LOOK;
        int64_t i;

        if (find_known(f, f->tracklets[k]) >= 0)
            continue;
        if ((i = find_other(f, look)) >= 0)
            see(f, i, frame, &faces[k], look, f->tracklets[k]);
        else
            f->left++;
    }
    return 0;
}
