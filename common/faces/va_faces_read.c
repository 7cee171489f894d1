#include "faces/va_faces_read.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "io/va_h5.h"
#include <string.h>

/* The rows of the file. */
struct rows {
    int32_t *index, *track, *counts; /* [N], [N], [K] */
    double *pts;                     /* [N] */
    float *box, *points, *score;     /* [N, 4], [N, 5, 2], [N] */
    int64_t N;
};

static int read_info(struct va_faces *f, struct va_h5_in *in)
{
    const char *id = va_h5_id(in);

    f->id = id ? va_strdup(id) : NULL;
    f->video = f->id ? va_h5_get_string(in, NULL, "video") : NULL;
    f->template = f->video ? va_h5_get_string(in, NULL, "template") : NULL;
    return !f->template || va_h5_get_real(in, NULL, "fps", &f->fps) < 0 ||
                   va_h5_get_int(in, NULL, "frame_count", &f->frame_count) < 0 ||
                   va_h5_get_int(in, NULL, "width", &f->width) < 0 ||
                   va_h5_get_int(in, NULL, "height", &f->height) < 0
               ? -1
               : 0;
}

static int read_rows(struct rows *r, struct va_h5_in *in)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    if (va_h5_shape(in, "/index", &type, &rank, shape) < 0 ||
        !(r->index = va_h5_read(in, "/index", VA_I32)) ||
        !(r->track = va_h5_read(in, "/track", VA_I32)) ||
        !(r->counts = va_h5_read(in, "/tracks/count", VA_I32)) ||
        !(r->pts = va_h5_read(in, "/pts", VA_F64)) ||
        !(r->box = va_h5_read(in, "/box", VA_F32)) ||
        !(r->points = va_h5_read(in, "/points", VA_F32)) ||
        !(r->score = va_h5_read(in, "/score", VA_F32)))
        return -1;
    r->N = shape[0];
    return 0;
}

static int read_people(struct va_faces *f, struct va_h5_in *in)
{
    char **names;
    int64_t count;
    int result = va_h5_read_strings(in, "/tracks/name", &names, &count);

    if (result < 0)
        return -1;
    f->people = va_new(count, sizeof(*f->people));
    f->count = f->people ? count : 0;
    for (int64_t i = 0; i < f->count && result == 0; i++) {
        if (!va_video_name_valid(names[i]))
            result = va_error("%s: /tracks/name[%lld]: found \"%s\", expected a name as of a "
                              "video (see va.frames(5))",
                              f->path, (long long)i, names[i]);
        for (int64_t k = 0; k < i && result == 0; k++)
            if (!strcmp(names[k], names[i]))
                result = va_error("%s: /tracks/name[%lld]: found %s twice, expected names that "
                                  "differ",
                                  f->path, (long long)i, names[i]);
        if (result == 0 && !(f->people[i].name = va_strdup(names[i])))
            result = -1;
    }
    va_h5_free_strings(names, count);
    return f->people ? result : -1;
}

/* Room for as many faces as each person's rows say, which is what /tracks/count has to say. */
static int count_rows(struct va_faces *f, const struct rows *r)
{
    for (int64_t i = 0; i < r->N; i++) {
        if (r->track[i] > f->count)
            return va_error("%s: /track[%lld]: found %d, expected at most %lld, the number of "
                            "people",
                            f->path, (long long)i, r->track[i], (long long)f->count);
        if (r->track[i] > 0)
            f->people[r->track[i] - 1].count++;
    }
    for (int64_t k = 0; k < f->count; k++) {
        struct va_faces_person *p = &f->people[k];

        if (p->count != r->counts[k])
            return va_error("%s: /tracks/count[%lld]: found %d, expected %lld as in /track",
                            f->path, (long long)k, r->counts[k], (long long)p->count);
        if (!(p->seen = va_new(p->count, sizeof(*p->seen))))
            return -1;
        p->count = 0;
    }
    return 0;
}

static int share_rows(struct va_faces *f, const struct rows *r)
{
    for (int64_t i = 0; i < r->N; i++) {
        struct va_faces_person *p;
        struct va_seen *s;

        if (r->track[i] == 0) {
            f->strangers++;
            continue;
        }
        p = &f->people[r->track[i] - 1];
        s = &p->seen[p->count++];
        s->index = r->index[i];
        s->pts = r->pts[i];
        s->score = r->score[i];
        memcpy(s->box, r->box + i * 4, sizeof(s->box));
        memcpy(s->points, r->points + i * 2 * VA_FACE_POINTS, sizeof(s->points));
        if (p->count > 1 && s[-1].index == s->index)
            return va_error("%s: /index[%lld]: found two faces of %s in frame %d, expected one",
                            f->path, (long long)i, p->name, s->index);
    }
    return 0;
}

struct va_faces *va_faces_read(const char *path)
{
    struct va_faces *f = va_new(1, sizeof(*f));
    struct va_h5_in *in = NULL;
    struct rows r = { 0 };
    int result = -1;

    if (f && (f->path = va_strdup(path)) && (in = va_h5_open(path, "va.faces/1")) &&
        va_h5_check_values(in) == 0 && read_info(f, in) == 0 && read_people(f, in) == 0 &&
        read_rows(&r, in) == 0 && count_rows(f, &r) == 0)
        result = share_rows(f, &r);
    va_h5_close(in);
    va_free(r.index);
    va_free(r.track);
    va_free(r.counts);
    va_free(r.pts);
    va_free(r.box);
    va_free(r.points);
    va_free(r.score);
    if (result == 0)
        return f;
    va_faces_free(f);
    return NULL;
}

void va_faces_free(struct va_faces *f)
{
    if (!f)
        return;
    for (int64_t i = 0; i < f->count; i++) {
        va_free(f->people[i].name);
        va_free(f->people[i].seen);
    }
    va_free(f->people);
    va_free(f->path);
    va_free(f->id);
    va_free(f->video);
    va_free(f->template);
    va_free(f);
}

struct va_match va_faces_match(const struct va_faces *f, const char *path)
{
    return (struct va_match){
        .path = path,
        .made = f->path,
        .width = f->width,
        .height = f->height,
        .frame_count = f->frame_count,
        .fps = f->fps,
    };
}
