#include "faces/va_tracks.h"

#include "base/va_mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double OVERLAP = 0.1; /* least intersection over union with the expected box */
static const double INERTIA = 0.8; /* share of the old velocity in the new one */
static const double UNLIKE = 2;    /* overlap that a distance of 1 between looks is worth */
static const float LEARN = 0.05f;  /* share of a face in the look of its tracklet */

struct active {
    int32_t tracklet;
    float box[4];
    double time, vx, vy; /* pixels a second */
    float look[VA_LOOK];
    bool taken;
};

struct va_tracks {
    double gap;
    bool brief;              /* `all` stays empty */
    struct va_tracklet *all; /* [count] */
    int64_t count, room;
    struct active *active; /* [active_count] */
    int64_t active_count, active_room;
    struct pair *pairs;
    int64_t pair_room;
};

/* A face that may belong to a tracklet. */
struct pair {
    double fit;
    int64_t active, face;
};

struct va_tracks *va_tracks_new(double gap, bool brief)
{
    struct va_tracks *t = va_new(1, sizeof(*t));

    if (t) {
        t->gap = gap;
        t->brief = brief;
    }
    return t;
}

void va_tracks_free(struct va_tracks *t)
{
    if (!t)
        return;
    va_free(t->all);
    va_free(t->active);
    va_free(t->pairs);
    va_free(t);
}

static double overlap(const struct active *a, double time, const float b[4])
{
    double x = a->box[0] + a->vx * (time - a->time), y = a->box[1] + a->vy * (time - a->time);
    double w = fmin(x + a->box[2], b[0] + b[2]) - fmax(x, b[0]);
    double h = fmin(y + a->box[3], b[1] + b[3]) - fmax(y, b[1]);
    double both = w > 0 && h > 0 ? w * h : 0;

    return both / ((double)a->box[2] * a->box[3] + (double)b[2] * b[3] - both);
}

static int by_fit(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->fit != y->fit)
        return x->fit < y->fit ? 1 : -1;
    if (x->active != y->active)
        return x->active < y->active ? -1 : 1;
    return (x->face > y->face) - (x->face < y->face);
}

/* Forget those that were not seen for too long, or all. */
static void end_tracklets(struct va_tracks *t, double time, bool cut)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < t->active_count; i++)
        if (!cut && time - t->active[i].time <= t->gap)
            t->active[kept++] = t->active[i];
    t->active_count = kept;
}

void va_tracks_count(struct va_tracks *t, int32_t tracklet, const struct va_face *face)
{
    struct va_tracklet *k = &t->all[tracklet];

    k->count++;
    k->x += face->box[0] + face->box[2] / 2;
    k->area += (double)face->box[2] * face->box[3];
}

static void add_face(struct va_tracks *t, int32_t tracklet, int32_t index,
                     const struct va_face *face, const float *look)
{
    struct va_tracklet *k = &t->all[tracklet];

    va_tracks_count(t, tracklet, face);
    k->last = index;
    k->looks++;
    for (int i = 0; i < VA_LOOK; i++)
        k->look[i] += look[i];
}

static void move(struct active *a, double time, const float box[4], const float *look)
{
    double dt = time - a->time;

    if (dt > 0) {
        a->vx = INERTIA * a->vx + (1 - INERTIA) * (box[0] - a->box[0]) / dt;
        a->vy = INERTIA * a->vy + (1 - INERTIA) * (box[1] - a->box[1]) / dt;
    }
    memcpy(a->box, box, sizeof(a->box));
    for (int i = 0; i < VA_LOOK; i++)
        a->look[i] += LEARN * (look[i] - a->look[i]);
    a->time = time;
    a->taken = true;
}

/* A tracklet that begins with this face; its number, or -1 after reporting. */
static int32_t begin(struct va_tracks *t, int32_t index, double time, const float box[4],
                     const float *look)
{
    struct active *a;

    if ((!t->brief && va_grow(&t->all, &t->room, t->count + 1, sizeof(*t->all)) < 0) ||
        va_grow(&t->active, &t->active_room, t->active_count + 1, sizeof(*t->active)) < 0)
        return -1;
    if (!t->brief) {
        memset(&t->all[t->count], 0, sizeof(*t->all));
        t->all[t->count].first = index;
    }
    a = &t->active[t->active_count++];
    *a = (struct active){ .tracklet = (int32_t)t->count, .time = time, .taken = true };
    memcpy(a->box, box, sizeof(a->box));
    memcpy(a->look, look, sizeof(a->look));
    return (int32_t)t->count++;
}

/* The pairs that may be, best first. Returns how many, or -1 after reporting. */
static int64_t find_pairs(struct va_tracks *t, double time, int64_t n,
                          const struct va_face *faces, const float *looks)
{
    int64_t count = 0;

    if (va_grow(&t->pairs, &t->pair_room, t->active_count * n, sizeof(*t->pairs)) < 0)
        return -1;
    for (int64_t i = 0; i < t->active_count; i++)
        for (int64_t k = 0; k < n; k++) {
            double o = overlap(&t->active[i], time, faces[k].box);

            if (o >= OVERLAP)
                t->pairs[count++] = (struct pair){
                    o - UNLIKE * va_look_distance(t->active[i].look, looks + k * VA_LOOK), i, k
                };
        }
    if (count > 1)
        qsort(t->pairs, (size_t)count, sizeof(*t->pairs), by_fit);
    return count;
}

int va_tracks_add(struct va_tracks *t, int32_t index, double time, bool cut, int64_t n,
                  const struct va_face *faces, const float *looks, int32_t *tracklets)
{
    int64_t pairs;

    end_tracklets(t, time, cut);
    pairs = find_pairs(t, time, n, faces, looks);
    if (pairs < 0)
        return -1;
    for (int64_t i = 0; i < t->active_count; i++)
        t->active[i].taken = false;
    for (int64_t k = 0; k < n; k++)
        tracklets[k] = -1;
    for (int64_t p = 0; p < pairs; p++) {
        struct active *a = &t->active[t->pairs[p].active];
        int64_t k = t->pairs[p].face;

        if (a->taken || tracklets[k] >= 0)
            continue;
        move(a, time, faces[k].box, looks + k * VA_LOOK);
        tracklets[k] = a->tracklet;
    }
    for (int64_t k = 0; k < n; k++) {
        if (tracklets[k] < 0)
            tracklets[k] = begin(t, index, time, faces[k].box, looks + k * VA_LOOK);
        if (tracklets[k] < 0)
            return -1;
        if (!t->brief)
            add_face(t, tracklets[k], index, &faces[k], looks + k * VA_LOOK);
    }
    return 0;
}

const struct va_tracklet *va_tracks_all(const struct va_tracks *t, int64_t *count)
{
    *count = t->brief ? 0 : t->count;
    return t->all;
}

/* ---- cuts -------------------------------------------------------------------------------------- */

void va_thumbnail(const uint8_t *rgb, int64_t width, int64_t height, float thumb[VA_THUMB])
{
    enum { SAMPLES = 8 }; /* in a row and column of a cell */
    const int64_t across = VA_THUMB_SIDE * SAMPLES;

    memset(thumb, 0, VA_THUMB * sizeof(*thumb));
    for (int64_t i = 0; i < across * across; i++) {
        int64_t u = i % across, v = i / across;
        const uint8_t *p = rgb + ((2 * v + 1) * height / (2 * across) * width +
                                  (2 * u + 1) * width / (2 * across)) *
                                     3;
        float *to = thumb + (v / SAMPLES * VA_THUMB_SIDE + u / SAMPLES) * 3;

        for (int c = 0; c < 3; c++)
            to[c] += (float)p[c] / (SAMPLES * SAMPLES);
    }
}

double va_thumbnail_jump(const float a[VA_THUMB], const float b[VA_THUMB])
{
    double sum = 0;

    for (int i = 0; i < VA_THUMB; i++)
        sum += fabs((double)a[i] - b[i]);
    return sum / VA_THUMB;
}
