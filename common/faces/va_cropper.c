#include "faces/va_cropper.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "faces/va_faces_read.h"
#include "faces/va_faces_write.h"
#include "io/va_pictured.h"
#include "media/va_match.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double STEP_MAX = .25; /* of neighbours' transforms, as a share of a crop's side */

struct person {
    const struct va_faces_person *of;
    struct va_similarity *from; /* [of->count] */
    int64_t next;               /* first face that is not before the last frame */
};

struct va_cropper {
    struct va_match match;
    struct va_faces *faces;
    struct person *people; /* [count] */
    int64_t count;
    int size;
    uint8_t *pixels; /* [size, size, 3] */
    char *input;     /* of io/va_pictured.h */
};

bool va_cropper_check(const struct va_cropper_options *o, int *status)
{
    const struct va_cropper_options d = VA_CROPPER_DEFAULTS;
    const char *lone = o->faces                                       ? NULL
                       : o->track                                     ? "--track"
                       : o->template                                  ? "--template"
                       : o->margin < d.margin || o->margin > d.margin ? "--margin"
                       : o->smooth != d.smooth                        ? "--smooth"
                                                                      : NULL;

    return lone ? va_usage_error(status, "%s needs --faces FACES.h5", lone) : true;
}

/* ---- transforms ------------------------------------------------------------------------- */

static bool neighbours(const struct person *p, const struct va_similarity *raw, int64_t i,
                       int64_t k)
{
    double side = hypot(raw[i].c, raw[i].s);

    return p->of->seen[k].index == p->of->seen[i].index + 1 &&
           hypot(raw[k].x0 - raw[i].x0, raw[k].y0 - raw[i].y0) < STEP_MAX * side &&
           hypot(raw[k].c - raw[i].c, raw[k].s - raw[i].s) < STEP_MAX * side;
}

/* The mean of up to `smooth` transforms, as many before as after i where there are. */
static struct va_similarity mean(const struct person *p, const struct va_similarity *raw,
                                 int64_t i, int64_t smooth)
{
    struct va_similarity sum = { 0 };
    int64_t first = i, end = i + 1;

    while (i - first < (smooth - 1) / 2 && first > 0 && neighbours(p, raw, first - 1, first))
        first--;
    while (end - i <= smooth / 2 && end < p->of->count && neighbours(p, raw, end - 1, end))
        end++;
    for (int64_t k = first; k < end; k++) {
        sum.c += raw[k].c;
        sum.s += raw[k].s;
        sum.x0 += raw[k].x0;
        sum.y0 += raw[k].y0;
    }
    return (struct va_similarity){ sum.c / (double)(end - first), sum.s / (double)(end - first),
                                   sum.x0 / (double)(end - first),
                                   sum.y0 / (double)(end - first) };
}

static int align(struct person *p, const struct va_face_template *t, double margin,
                 int64_t smooth)
{
    int64_t count = p->of->count;
    struct va_similarity *raw = va_new(count, sizeof(*raw));

    p->from = va_new(count, sizeof(*p->from));
    if (raw && p->from) {
        for (int64_t i = 0; i < count; i++)
            raw[i] = va_align(p->of->seen[i].points, t, margin);
        for (int64_t i = 0; i < count; i++)
            p->from[i] = mean(p, raw, i, smooth);
    }
    va_free(raw);
    return raw && p->from ? 0 : -1;
}

/* ---- which people ----------------------------------------------------------------------- */

/* "A, B, C", a new string; NULL after reporting. */
static char *list_names(const struct va_faces *f)
{
    char *list = va_strdup("");

    for (int64_t i = 0; i < f->count && list; i++) {
        char *longer = va_format("%s%s%s", list, i ? ", " : "", f->people[i].name);

        va_free(list);
        list = longer;
    }
    return list;
}

/* Index of the first person, and how many; -1 after reporting. */
static int64_t choose(const struct va_faces *f, const char *track, enum va_crop_people people,
                      int64_t *count)
{
    int64_t found = 0;
    char *names;

    *count = f->count;
    if (f->count == 0 && people == VA_CROP_SOME_OR_NONE && !track)
        return 0;
    if (f->count == 0)
        return va_error("%s: has no person: no face of the video was found for long enough",
                        f->path);
    while (track && found < f->count && strcmp(f->people[found].name, track))
        found++;
    if (track ? found < f->count : people != VA_CROP_ONE || f->count == 1) {
        *count = track ? 1 : f->count;
        return found;
    }
    names = list_names(f);
    if (names && track)
        va_error("%s: has no track %s, expected one of: %s", f->path, track, names);
    else if (names)
        va_error("%s: has %lld people: choose one with --track: %s", f->path,
                 (long long)f->count, names);
    va_free(names);
    return -1;
}

static int read_template(struct va_face_template *t, const struct va_faces *f, const char *name)
{
    if (!name && strcmp(f->template, "arcface") != 0)
        return va_error("%s: @template: found %s, expected arcface: give --template", f->path,
                        f->template);
    return va_face_template_read(t, name ? name : f->template);
}

/* ---- life ------------------------------------------------------------------------------- */

/* "face crop, arcface +0.1, 112x112", a new string. NULL after reporting. */
static char *describe(const struct va_cropper_options *o, const struct va_faces *f)
{
    const char *name = o->template ? o->template : f->template;
    char margin[32] = "";

    if (o->margin < 0 || o->margin > 0)
        snprintf(margin, sizeof(margin), " %+g", o->margin);
    return va_format(VA_PICTURED_CROP ", %s%s, %lldx%lld",
                     strcmp(name, VA_FACES_TEMPLATE) ? "own template" : name, margin,
                     (long long)o->size, (long long)o->size);
}

static int open_people(struct va_cropper *c, const struct va_cropper_options *o,
                       enum va_crop_people people)
{
    int64_t count, first = choose(c->faces, o->track, people, &count);
    struct va_face_template t;

    if (first < 0 || read_template(&t, c->faces, o->template) < 0 ||
        !(c->people = va_new(count, sizeof(*c->people))))
        return -1;
    for (; c->count < count; c->count++) {
        c->people[c->count].of = &c->faces->people[first + c->count];
        if (align(&c->people[c->count], &t, o->margin, o->smooth) < 0)
            return c->count++, -1;
    }
    c->size = (int)o->size;
    c->pixels = va_new(o->size * o->size, 3);
    c->input = describe(o, c->faces);
    return c->pixels && c->input ? 0 : -1;
}

struct va_cropper *va_cropper_open(const struct va_cropper_options *o, const char *path,
                                   const char *video, enum va_crop_people people)
{
    struct va_cropper *c = va_new(1, sizeof(*c));
    int result = -1;

    if (!c)
        return NULL;
    c->faces = va_faces_read(o->faces);
    if (c->faces)
        c->match = va_faces_match(c->faces, path);
    if (c->faces && va_match_name(&c->match, video, c->faces->video) == 0)
        result = open_people(c, o, people);
    if (result == 0)
        return c;
    va_cropper_close(c);
    return NULL;
}

void va_cropper_close(struct va_cropper *c)
{
    if (!c)
        return;
    for (int64_t i = 0; i < c->count; i++)
        va_free(c->people[i].from);
    va_free(c->people);
    va_faces_free(c->faces);
    va_free(c->pixels);
    va_free(c->input);
    va_free(c);
}

int64_t va_cropper_count(const struct va_cropper *c)
{
    return c->count;
}

const char *va_cropper_name(const struct va_cropper *c, int64_t i)
{
    return c->people[i].of->name;
}

int64_t va_cropper_frames(const struct va_cropper *c, int64_t i)
{
    return c->people[i].of->count;
}

int64_t va_cropper_strangers(const struct va_cropper *c)
{
    return c->faces->strangers;
}

const char *va_cropper_path(const struct va_cropper *c)
{
    return c->faces->path;
}

const char *va_cropper_id(const struct va_cropper *c)
{
    return c->faces->id;
}

const char *va_cropper_input(const struct va_cropper *c)
{
    return c->input;
}

double va_cropper_fps(const struct va_cropper *c)
{
    return c->faces->fps;
}

int64_t va_cropper_frame_count(const struct va_cropper *c)
{
    return c->faces->frame_count;
}

/* ---- cutting ---------------------------------------------------------------------------- */

int va_cropper_cut(struct va_cropper *c, int64_t i, const struct va_frame *frame,
                   struct va_frame *crop, float *score)
{
    struct person *p = c->people + i;

    if (va_match_size(&c->match, frame) < 0)
        return -1;
    if (i >= c->count)
        return 0; /* nobody is in the file */
    while (p->next < p->of->count && p->of->seen[p->next].index < frame->index)
        p->next++;
    if (p->next == p->of->count || p->of->seen[p->next].index != frame->index)
        return 0;
    if (va_match_time(&c->match, frame, p->of->seen[p->next].pts) < 0)
        return -1;
    va_align_crop(frame->pixels, frame->width, frame->height, &p->from[p->next], c->size,
                  c->pixels);
    *crop = *frame;
    crop->pixels = c->pixels;
    crop->pts = va_match_timed(frame) ? frame->pts : p->of->seen[p->next].pts;
    crop->width = crop->height = c->size;
    *score = p->of->seen[p->next].score;
    return 1;
}

int va_cropper_end(const struct va_cropper *c, int64_t frame_count)
{
    return va_match_count(&c->match, frame_count);
}
