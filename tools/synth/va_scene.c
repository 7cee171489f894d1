/* Where the faces of a clip are, frame by frame. */
#include "base/va_mem.h"
#include "faces/va_faces_write.h"
#include "tools/synth/va_clip_write.h"
#include <math.h>
#include <string.h>

int64_t va_scene_width(const struct va_clip_job *job)
{
    return job->options->size * (job->clip->crossing ? VA_CROSSING_WIDTH : job->clip->people);
}

double va_scene_left(const struct va_clip_job *job, int i, int64_t t)
{
    double size = (double)job->options->size;

    return job->clip->crossing ? size * (va_crossing_place(job->clip, i, t) - .5) : size * i;
}

static struct va_face where(const struct va_scene *s, int i, int64_t t)
{
    int64_t size = s->job->options->size; /* also the height */

    return va_act_where(s->acts[i], t - 1, va_scene_left(s->job, i, t), size, size);
}

/* Area that two boxes have in common. */
static double common(const float a[4], const float b[4])
{
    float wide = fminf(a[0] + a[2], b[0] + b[2]) - fmaxf(a[0], b[0]);
    float high = fminf(a[1] + a[3], b[1] + b[3]) - fmaxf(a[1], b[1]);

    return wide > 0 && high > 0 ? (double)wide * (double)high : 0;
}

bool va_scene_face(const struct va_scene *s, int i, int64_t t, struct va_face *face)
{
    const struct va_clip_job *job = s->job;
    const float picture[4] = { 0, 0, (float)va_scene_width(job), (float)job->options->size };
    double area;

    *face = where(s, i, t);
    if (!job->clip->crossing)
        return !va_track_away(&job->clip->tracks[i], job->options->seed, t);
    area = common(face->box, picture);
    for (int k = 0; k < i; k++)
        area -= common(face->box, where(s, k, t).box);
    return area >= .5 * (double)face->box[2] * (double)face->box[3];
}

static int append_faces(const struct va_scene *s, struct va_faces_writer *w,
                        struct va_person *people)
{
    const struct va_clip *clip = s->job->clip;

    for (int64_t t = 1; t <= clip->frames; t++)
        for (int i = 0; i < clip->people; i++) {
            struct va_face face;

            if (!va_scene_face(s, i, t, &face))
                continue;
            if (va_faces_append(w, (int32_t)t, (double)(t - 1) / clip->fps, &face, i) < 0)
                return -1;
            people[i].first = people[i].count ? people[i].first : (int32_t)t;
            people[i].last = (int32_t)t;
            people[i].count++;
        }
    return 0;
}

int va_scene_write_faces(const struct va_scene *s)
{
    const struct va_clip *clip = s->job->clip;
    char *path = va_format("%s/truth/faces/%s.h5", s->job->root, clip->base);
    struct va_person all[VA_TRACKS_MAX] = { { 0 } }, seen[VA_TRACKS_MAX];
    int32_t of[VA_TRACKS_MAX];
    struct va_people people = { .items = seen, .of = of };
    struct va_faces_writer w = { 0 };
    struct va_faces_info info = { .video = clip->base,
                                  .fps = clip->fps,
                                  .frame_count = clip->frames,
                                  .width = va_scene_width(s->job),
                                  .height = s->job->options->size,
                                  .detector = "truth" };
    int result = -1;

    if (path && va_faces_create(&w, path) == 0 && append_faces(s, &w, all) == 0) {
        for (int i = 0; i < clip->people; i++) { /* who is never seen is nobody */
            all[i].name = (char *)clip->tracks[i].name;
            of[i] = all[i].count ? (int32_t)people.count + 1 : 0;
            if (all[i].count)
                seen[people.count++] = all[i];
        }
        result = va_faces_commit(&w, &info, &people);
    }
    va_faces_abort(&w);
    va_free(path);
    return result;
}
