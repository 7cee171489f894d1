#include "jobs/va_live_people.h"

#include "base/va_clock.h"
#include "base/va_mem.h"
#include "weights/va_model_file.h"
#include <string.h>

/* A frame of a person whose prediction has not come yet. */
struct pending {
    int64_t frame;
    double pts;
    bool seen;
    float score, box[4];
};

/* Who is in a slot. */
struct seat {
    int64_t number;          /* of the person; 0: nobody */
    int64_t frames;          /* given to the model */
    double pts;              /* of the last one */
    struct pending *pending; /* [ahead + 1], of frame t at t % (ahead + 1) */
};

struct va_live_people {
    struct va_follow *follow; /* NULL: no pictures */
    struct va_live_model *model;
    int64_t count, ahead;
    struct seat *seats;    /* [count] */
    int64_t *slots;        /* [count] that are seen */
    const uint8_t **crops; /* as `slots` */
    int64_t size;          /* of crops from pictures */
    va_live_put *put;
    void *arg;
    struct va_live_times times;
};

/* ---- life ------------------------------------------------------------------------------- */

static int open_follow(struct va_live_people *p, const struct va_live_people_options *o)
{
    struct va_follow_options follow = o->follow;
    struct va_tensors *set = va_model_open(o->detector, NULL);

    follow.most = p->count;
    p->size = follow.size;
    p->follow = set ? va_follow_new(set, o->detector, &follow) : NULL;
    va_tensors_free(set);
    return p->follow ? 0 : -1;
}

static int open_seats(struct va_live_people *p)
{
    p->ahead = va_live_model_ahead(p->model);
    p->seats = va_new(p->count, sizeof(*p->seats));
    p->slots = va_new(p->count, sizeof(*p->slots));
    p->crops = va_new(p->count, sizeof(*p->crops));
    for (int64_t i = 0; p->seats && i < p->count; i++)
        if (!(p->seats[i].pending = va_new(p->ahead + 1, sizeof(struct pending))))
            return -1;
    return p->seats && p->slots && p->crops ? 0 : -1;
}

struct va_live_people *va_live_people_new(const struct va_live_people_options *o,
                                          va_live_put *put, void *arg)
{
    struct va_live_people *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->put = put;
    p->arg = arg;
    p->count = o->model.slots;
    if ((!o->detector || open_follow(p, o) == 0) && (p->model = va_live_model_new(&o->model)) &&
        open_seats(p) == 0)
        return p;
    va_live_people_free(p);
    return NULL;
}

void va_live_people_free(struct va_live_people *p)
{
    if (!p)
        return;
    for (int64_t i = 0; p->seats && i < p->count; i++)
        va_free(p->seats[i].pending);
    va_live_model_free(p->model);
    va_follow_free(p->follow);
    va_free(p->seats);
    va_free(p->slots);
    va_free(p->crops);
    va_free(p);
}

struct va_live_model *va_live_people_model(const struct va_live_people *p)
{
    return p->model;
}

const struct va_follow *va_live_people_follow(const struct va_live_people *p)
{
    return p->follow;
}

struct va_live_times va_live_people_times(const struct va_live_people *p)
{
    return p->times;
}

/* ---- a person ---------------------------------------------------------------------------- */

/* The next frame of a slot goes through the model, and what is known by that is put. */
static int advance(struct va_live_people *p, int64_t slot)
{
    struct seat *s = &p->seats[slot];
    int64_t known = s->frames++ - p->ahead;
    const struct pending *of;
    struct va_live_row row;

    if (va_live_model_step(p->model, slot, row.va) < 0) {
        s->number = 0;
        return -1;
    }
    if (known < 0)
        return 1;
    of = &s->pending[known % (p->ahead + 1)];
    row.frame = of->frame;
    row.pts = of->pts;
    row.number = s->number;
    row.seen = of->seen;
    row.score = of->score;
    memcpy(row.box, of->box, sizeof(row.box));
    return p->put(p->arg, &row);
}

static int step(struct va_live_people *p, int64_t slot, struct pending frame)
{
    struct seat *s = &p->seats[slot];

    s->pts = frame.pts;
    s->pending[s->frames % (p->ahead + 1)] = frame;
    return advance(p, slot);
}

/* The person of a slot is not coming back: put the frames that still wait. */
static int finish(struct va_live_people *p, int64_t slot)
{
    int got = 1;

    for (int64_t i = 0; p->seats[slot].number && i < p->ahead && got > 0; i++)
        got = advance(p, slot);
    p->seats[slot].number = 0;
    return got;
}

/* Somebody else is in a slot, or nobody. */
static int change(struct va_live_people *p, int64_t slot, int64_t number)
{
    int got = finish(p, slot);

    if (got <= 0 || number == 0)
        return got;
    p->seats[slot].number = number;
    p->seats[slot].frames = 0;
    return va_live_model_begin(p->model, slot) < 0 ? -1 : 1;
}

int va_live_people_end(struct va_live_people *p, int64_t number)
{
    int got = 1;

    for (int64_t i = 0; i < p->count && got > 0; i++)
        if (!number || p->seats[i].number == number)
            got = finish(p, i);
    return got;
}

int va_live_people_begin(struct va_live_people *p)
{
    return p->follow ? va_follow_reset(p->follow) : 0;
}

/* ---- pictures ---------------------------------------------------------------------------- */

/* Features of those who are seen. */
static int embed(struct va_live_people *p, const struct va_followed *people)
{
    int64_t count = 0;

    for (int64_t i = 0; i < p->count; i++)
        if (people[i].seen) {
            p->slots[count] = i;
            p->crops[count++] = people[i].crop;
        }
    return va_live_model_see(p->model, count, p->slots, p->crops, p->size, p->size);
}

int va_live_people_picture(struct va_live_people *p, const struct va_frame *frame)
{
    const struct va_followed *people;
    int got = 1;

    if (va_follow_frame(p->follow, frame) < 0)
        return -1;
    p->times.found = va_clock();
    people = va_follow_slots(p->follow);
    for (int64_t i = 0; i < p->count && got > 0; i++)
        if (people[i].number != p->seats[i].number)
            got = change(p, i, people[i].number);
    if (got <= 0 || (got = embed(p, people)) < 0)
        return got;
    p->times.embedded = va_clock();
    got = 1;
    for (int64_t i = 0; i < p->count && got > 0; i++) {
        struct pending of = { .frame = frame->index, .pts = frame->pts };

        if ((of.seen = people[i].seen)) {
            of.score = people[i].score;
            memcpy(of.box, people[i].box, sizeof(of.box));
        }
        if (p->seats[i].number)
            got = step(p, i, of);
    }
    return got;
}

/* ---- people whom the caller knows --------------------------------------------------------- */

static int64_t seat_of(const struct va_live_people *p, int64_t number)
{
    for (int64_t i = 0; i < p->count; i++)
        if (p->seats[i].number == number)
            return i;
    return -1;
}

bool va_live_people_room(const struct va_live_people *p, int64_t number)
{
    return seat_of(p, number) >= 0 || seat_of(p, 0) >= 0;
}

struct va_live_last va_live_people_last(const struct va_live_people *p, int64_t number)
{
    int64_t slot = seat_of(p, number);

    if (slot < 0)
        return (struct va_live_last){ 0 };
    return (struct va_live_last){ p->seats[slot].frames, p->seats[slot].pts };
}

/* The slot of a person, who may be new; -1 after reporting. */
static int64_t seat_for(struct va_live_people *p, int64_t number)
{
    int64_t slot = seat_of(p, number);

    if (slot >= 0)
        return slot;
    slot = seat_of(p, 0);
    return change(p, slot, number) < 0 ? -1 : slot;
}

int va_live_people_crop(struct va_live_people *p, int64_t number, const struct va_frame *frame)
{
    int64_t slot = seat_for(p, number);

    if (slot < 0 ||
        va_live_model_see(p->model, 1, &slot, &frame->pixels, frame->width, frame->height) < 0)
        return -1;
    return step(p, slot, (struct pending){ frame->index, frame->pts, true, 1, { 0 } });
}

int va_live_people_features(struct va_live_people *p, int64_t number, int64_t frame, double pts,
                            const float *features)
{
    int64_t slot = seat_for(p, number);

    if (slot < 0)
        return -1;
    va_live_model_take(p->model, slot, features);
    return step(p, slot, (struct pending){ frame, pts, true, 1, { 0 } });
}

int va_live_people_absent(struct va_live_people *p, int64_t number, int64_t frame, double pts)
{
    return step(p, seat_of(p, number), (struct pending){ frame, pts, false, 0, { 0 } });
}
