/*
 * Joining keeps, for each group, the nearest later group that may join it, so that a step looks at
 * each group once; after a join only those are asked again that pointed at one of the two.
 */
#include "faces/va_people.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Tracklets that are one person; `next` chains them. */
struct group {
    int64_t head, tail; /* tracklets; head -1: joined to another group */
    int64_t looks;
    float look[VA_LOOK]; /* sum */
    int64_t near;        /* the nearest later group, -1: none nearer than the limit */
    double distance;
    struct va_person person;
    double x, area; /* sums */
};

struct joining {
    const struct va_tracklet *tracklets;
    struct group *groups; /* [count] */
    int64_t *next;        /* [count]: the next tracklet of the group, or -1 */
    int64_t count;
    double join;
};

static double distance(const struct group *a, const struct group *b)
{
    double sum = 0, p = 1 / (double)a->looks, q = 1 / (double)b->looks;

    for (int i = 0; i < VA_LOOK; i++) {
        double d = a->look[i] * p - b->look[i] * q;

        sum += d * d;
    }
    return sqrt(sum);
}

/* Whether some tracklet of one has a frame in common with some of the other. */
static bool together(const struct joining *j, const struct group *a, const struct group *b)
{
    for (int64_t i = a->head; i >= 0; i = j->next[i])
        for (int64_t k = b->head; k >= 0; k = j->next[k])
            if (j->tracklets[i].first <= j->tracklets[k].last &&
                j->tracklets[k].first <= j->tracklets[i].last)
                return true;
    return false;
}

static void find_nearest(struct joining *j, int64_t i)
{
    struct group *g = &j->groups[i];

    g->near = -1;
    g->distance = j->join;
    for (int64_t k = i + 1; k < j->count; k++) {
        const struct group *other = &j->groups[k];
        double d;

        if (other->head < 0)
            continue;
        d = distance(g, other);
        if (d < g->distance && !together(j, g, other)) {
            g->near = k;
            g->distance = d;
        }
    }
}

static void join(struct joining *j, int64_t to, int64_t from)
{
    struct group *a = &j->groups[to], *b = &j->groups[from];

    j->next[a->tail] = b->head;
    a->tail = b->tail;
    b->head = -1;
    a->looks += b->looks;
    for (int i = 0; i < VA_LOOK; i++)
        a->look[i] += b->look[i];
    for (int64_t i = 0; i < j->count; i++)
        if (j->groups[i].head >= 0 &&
            (i == to || j->groups[i].near == to || j->groups[i].near == from))
            find_nearest(j, i);
    for (int64_t i = 0; i < to; i++) { /* those before it may find it nearer than before */
        struct group *g = &j->groups[i];
        double d = g->head >= 0 ? distance(g, a) : INFINITY;

        if (d < g->distance && !together(j, g, a)) {
            g->near = to;
            g->distance = d;
        }
    }
}

static void join_all(struct joining *j)
{
    for (int64_t i = 0; i < j->count; i++)
        find_nearest(j, i);
    for (;;) {
        int64_t best = -1;

        for (int64_t i = 0; i < j->count; i++)
            if (j->groups[i].head >= 0 && j->groups[i].near >= 0 &&
                (best < 0 || j->groups[i].distance < j->groups[best].distance))
                best = i;
        if (best < 0)
            return;
        join(j, best, j->groups[best].near);
    }
}

/* What is known of a person from the tracklets of its group. */
static void add_up(const struct joining *j, struct group *g)
{
    g->person.first = INT32_MAX;
    for (int64_t i = g->head; i >= 0; i = j->next[i]) {
        const struct va_tracklet *t = &j->tracklets[i];

        g->person.first = t->first < g->person.first ? t->first : g->person.first;
        g->person.last = t->last > g->person.last ? t->last : g->person.last;
        g->person.count += t->count;
        g->x += t->x;
        g->area += t->area;
    }
}

static int by_area(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

    if (x->area != y->area)
        return x->area < y->area ? 1 : -1;
    return (x->head > y->head) - (x->head < y->head);
}

static int by_appearance(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

    if (x->person.first != y->person.first)
        return x->person.first < y->person.first ? -1 : 1;
    return (x->head > y->head) - (x->head < y->head);
}

/* Frames that tracklets of both have in common. */
static int64_t common_frames(const struct joining *j, const struct group *a,
                             const struct group *b)
{
    int64_t frames = 0;

    for (int64_t i = a->head; i >= 0; i = j->next[i])
        for (int64_t k = b->head; k >= 0; k = j->next[k]) {
            const struct va_tracklet *x = &j->tracklets[i], *y = &j->tracklets[k];
            int64_t first = x->first > y->first ? x->first : y->first;
            int64_t last = x->last < y->last ? x->last : y->last;

            frames += last >= first ? last - first + 1 : 0;
        }
    return frames;
}

/* Those that stay, in order; two of them perhaps as left and right. `enough`: faces that a person has.
 * Returns how many. */
static int64_t choose(struct joining *j, struct group **people, double enough,
                      const struct va_people_options *o, bool *sides)
{
    int64_t n = 0;

    for (int64_t i = 0; i < j->count; i++) {
        struct group *g = &j->groups[i];

        if (g->head < 0)
            continue;
        add_up(j, g);
        if ((double)g->person.count >= enough)
            people[n++] = g;
    }
    qsort(people, (size_t)n, sizeof(*people), by_area);
    if (o->most && n > o->most)
        n = o->most;
    qsort(people, (size_t)n, sizeof(*people), by_appearance);
    *sides = false;
    if (n == 2) {
        struct group *a = people[0], *b = people[1];
        int64_t least = a->person.count < b->person.count ? a->person.count : b->person.count;

        *sides = 2 * common_frames(j, a, b) > least;
        if (*sides && a->x / (double)a->person.count > b->x / (double)b->person.count) {
            people[0] = b;
            people[1] = a;
        }
    }
    return n;
}

static int name_people(struct va_people *p, const struct joining *j, struct group **people,
                       int64_t n, const char *video, bool sides)
{
    p->items = va_new(n, sizeof(*p->items));
    if (!p->items)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        struct va_person *to = &p->items[i];

        *to = people[i]->person;
        to->name = n == 1  ? va_strdup(video)
                   : sides ? va_format("%s_%s", video, i ? "right" : "left")
                           : va_format("%s_%lld", video, (long long)i + 1);
        if (!to->name)
            return -1;
        p->count++;
        for (int64_t k = people[i]->head; k >= 0; k = j->next[k])
            p->of[k] = (int32_t)i + 1;
    }
    return 0;
}

int va_people_find(struct va_people *p, const struct va_tracklet *tracklets, int64_t count,
                   const char *video, double fps, int64_t frames,
                   const struct va_people_options *options)
{
    struct joining j = { .tracklets = tracklets, .count = count, .join = options->join };
    struct group **people = va_new(count, sizeof(struct group *));
    int result = -1;
    bool sides;

    *p = (struct va_people){ 0 };
    j.groups = va_new(count, sizeof(*j.groups));
    j.next = va_new(count, sizeof(*j.next));
    p->of = va_new(count, sizeof(*p->of));
    if (people && j.groups && j.next && p->of) {
        for (int64_t i = 0; i < count; i++) {
            j.groups[i].head = j.groups[i].tail = i;
            j.groups[i].looks = tracklets[i].looks;
            memcpy(j.groups[i].look, tracklets[i].look, sizeof(tracklets[i].look));
            j.next[i] = -1;
        }
        join_all(&j);
        count = choose(&j, people, fmin(options->min_track * fps, (double)frames), options,
                       &sides);
        result = name_people(p, &j, people, count, video, sides);
    }
    va_free(people);
    va_free(j.groups);
    va_free(j.next);
    return result;
}

void va_people_release(struct va_people *p)
{
    for (int64_t i = 0; i < p->count; i++)
        va_free(p->items[i].name);
    va_free(p->items);
    va_free(p->of);
    *p = (struct va_people){ 0 };
}
