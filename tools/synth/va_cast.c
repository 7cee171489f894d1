/*
 * The odd videos are one table. Their lengths are written as windows + strides + frames, since
 * what is odd about a length is how it meets the windows.
 */
#include "tools/synth/va_cast.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include <stdio.h>
#include <string.h>

const char *const va_set_names[] = { "train", "validation", "test", NULL };

/* Streams beside those of the acts, which begin at 0. */
enum { STREAM_LENGTH = 1 << 20, STREAM_AWAY = 1 << 21 };

struct trap {
    const char *base;
    enum va_set set;
    int windows, strides, frames; /* length = windows * W + strides * S + frames */
    double fps;
    const char *people[VA_TRACKS_MAX]; /* suffixes of the names, "" for none */
    const char *suffix;                /* of the label file, where it is not .txt */
    int extra_labels;                  /* more (or fewer) labels than frames */
    int first_crop, missing_end;       /* crops before and after which there is none */
    enum va_label_style style;
    bool gaps, junk, mute, border; /* mute: all -5; border: -5 over the end of a window */
};

/* base, set, length in windows, strides and frames, rate, then what is odd */
#define TRAP(base_, set_, w, s, rest, fps_, ...)                               \
    {                                                                          \
        .base = (base_), .set = VA_SET_##set_, .windows = (w), .strides = (s), \
        .frames = (rest), .fps = (fps_), __VA_ARGS__                           \
    }
static const struct trap traps[] = {
    TRAP("103", TRAIN, 0, 0, 1, 30, .people = { "" }),
    TRAP("video5", TRAIN, 0, 0, 73, 30, .people = { "" }),
    TRAP("7-60-1920x1080", VALIDATION, 1, 0, 0, 30, .people = { "" }),
    TRAP("46", TRAIN, 0, 2, 0, 25, .people = { "" }),
    TRAP("136", TRAIN, 1, 2, 0, 30, .people = { "" }),
    TRAP("24-30-1920x1080-2", TRAIN, 0, 1, 37, 30, .people = { "" }, .first_crop = 31),
    TRAP("video63", VALIDATION, 0, 1, 19, 24, .people = { "" }, .extra_labels = -9,
         .gaps = true),
    TRAP("video64", TRAIN, 0, 1, 11, 30, .people = { "" }, .extra_labels = 14,
         .missing_end = 30),
    TRAP("214", TRAIN, 0, 1, -50, 30, .people = { "" }, .mute = true),
    TRAP("video81", VALIDATION, 1, 1, 50, 30, .people = { "" }, .border = true),
    TRAP("10-60-1280x720", TRAIN, 0, 1, 3, 25, .people = { "", "_left" }),
    TRAP("video92", VALIDATION, 0, 1, -7, 30, .people = { "_left", "_right" }, .gaps = true),
    TRAP("46.v1.final", TRAIN, 0, 1, -31, 30, .people = { "" }, .suffix = ".mp4.txt"),
    TRAP("108-15-640x480", VALIDATION, 0, 1, 1, 15, .people = { "" }, .style = VA_LABELS_CRLF),
    TRAP("video99", TRAIN, 0, 1, -80, 6, .people = { "" }, .style = VA_LABELS_LOOSE),
    TRAP("119-30-848x480", TRAIN, 0, 1, 50, 30, .people = { "" }, .gaps = true, .junk = true),
    TRAP("131-30-1920x1080", TEST, 0, 1, 23, 30000 / 1001., .people = { "_left", "_right" },
         .gaps = true),
    TRAP("video30", TEST, 0, 1, -1, 10, .people = { "" }, .first_crop = 8, .missing_end = 12),
};

static int64_t at_least(int64_t x, int64_t least)
{
    return x < least ? least : x;
}

static void name_track(struct va_clip *c, int i, uint64_t *person, const char *suffix)
{
    struct va_track *k = &c->tracks[i];

    snprintf(k->name, sizeof(k->name), "%.40s%s", c->base, suffix);
    k->person = (*person)++;
    k->labels = k->last_crop = c->frames;
    k->first_crop = 1;
    k->suffix = ".txt";
}

/* Names as the real corpus has them; a fifth of the plain videos is for validation, and one in
 * six has a stretch that nobody rated. */
static void plain(struct va_clip *c, const struct va_corpus_options *o, int64_t i,
                  enum va_set set, uint64_t *person)
{
    double draw = va_rand_uniform(o->seed, VA_RAND_SYNTH, STREAM_LENGTH, *person);
    int64_t fps = o->fps.items[i % o->fps.count];

    c->set = set != VA_SET_TEST && i % 5 == 4 ? VA_SET_VALIDATION : set;
    c->fps = (double)fps;
    c->frames = at_least((int64_t)((0.7 + 0.6 * draw) * (double)o->frames), 1);
    c->people = 1;
    if (i % 3 == 0)
        snprintf(c->base, sizeof(c->base), "video%lld", 200LL + (long long)*person);
    else if (i % 3 == 1)
        snprintf(c->base, sizeof(c->base), "%lld", 300LL + (long long)*person);
    else
        snprintf(c->base, sizeof(c->base), "%lld-%lld-1280x720", 400LL + (long long)*person,
                 (long long)fps);
    name_track(c, 0, person, "");
    if (i % 6 == 3) {
        c->tracks[0].silent = 1 + c->frames / 3;
        c->tracks[0].silent_to = c->tracks[0].silent + at_least(c->frames / 16, 1);
    }
}

/* With small windows a negative rest may leave too little to be odd in. */
static int64_t odd_length(const struct trap *t, const struct va_corpus_options *o)
{
    if (!t->windows && !t->strides)
        return t->frames < o->window ? t->frames : at_least(o->window - 1, 1);
    return at_least(t->windows * o->window + t->strides * o->stride + t->frames, 10);
}

static void odd(struct va_clip *c, const struct va_corpus_options *o, const struct trap *t,
                uint64_t *person)
{
    int64_t W = o->window;

    snprintf(c->base, sizeof(c->base), "%s", t->base);
    c->set = t->set;
    c->fps = t->fps;
    c->frames = odd_length(t, o);
    c->people = t->people[1] ? 2 : 1;
    c->from_crops = c->people > 1 || t->gaps || t->first_crop || t->missing_end;
    for (int i = 0; i < c->people; i++) {
        struct va_track *k = &c->tracks[i];

        name_track(c, i, person, t->people[i]);
        k->labels = at_least(c->frames + t->extra_labels, 1);
        k->gaps = t->gaps;
        k->junk = t->junk;
        k->style = t->style;
        if (t->suffix)
            k->suffix = t->suffix;
        if (t->first_crop && t->first_crop <= c->frames)
            k->first_crop = t->first_crop;
        k->last_crop = at_least(c->frames - t->missing_end, k->first_crop);
        if (t->mute)
            k->silent = 1, k->silent_to = c->frames + 1;
        if (t->border) {
            k->silent = at_least(W - W / 15, 1);
            k->silent_to = W + W / 10 + 1;
        }
    }
}

/* As va-faces names two who are together most of the time: the first is mostly on the right. */
static void crossing(struct va_clip *c, const struct va_corpus_options *o, int64_t i,
                     uint64_t *person)
{
    snprintf(c->base, sizeof(c->base), "crossing%lld", (long long)i + 1);
    c->set = i % 5 == 4 ? VA_SET_VALIDATION : VA_SET_TRAIN;
    c->fps = (double)o->fps.items[i % o->fps.count];
    c->frames = o->frames;
    c->people = 2;
    c->crossing = true;
    name_track(c, 0, person, "_right");
    name_track(c, 1, person, "_left");
}

int va_cast_init(struct va_cast *cast, const struct va_corpus_options *o)
{
    int64_t odd_count = o->traps ? (int64_t)VA_COUNT(traps) : 0;
    uint64_t person = 0;
    struct va_clip *c;

    *cast = (struct va_cast){ .count = o->videos + o->test + odd_count + o->crossing };
    c = cast->clips = va_new(cast->count, sizeof(*c));
    if (!c)
        return -1;
    for (int64_t i = 0; i < o->videos; i++)
        plain(c++, o, i, VA_SET_TRAIN, &person);
    for (int64_t i = 0; i < o->test; i++)
        plain(c++, o, i, VA_SET_TEST, &person);
    for (int64_t i = 0; i < odd_count; i++)
        odd(c++, o, &traps[i], &person);
    for (int64_t i = 0; i < o->crossing; i++)
        crossing(c++, o, i, &person);
    return 0;
}

void va_cast_release(struct va_cast *cast)
{
    va_free(cast->clips);
    *cast = (struct va_cast){ 0 };
}

/* Every third stretch of 40 frames begins with a gap of 3 to 27, the second is the first to. */
bool va_track_away(const struct va_track *k, uint64_t seed, int64_t t)
{
    enum { STRETCH = 40 };
    uint64_t stretch = (uint64_t)(t / STRETCH), stream = STREAM_AWAY + k->person;

    return k->gaps && stretch % 3 == 1 &&
           t % STRETCH < 3 + (int64_t)va_rand_below(seed, VA_RAND_SYNTH, stream, stretch, 25);
}

double va_crossing_place(const struct va_clip *c, int i, int64_t t)
{
    enum { TURNS = 7 };
    static const struct {
        double when, where; /* share of the video; widths of a person */
    } ways[VA_TRACKS_MAX][TURNS] = {
        { { 0, .9 },
          { .25, .9 },
          { .5, 3.1 },
          { .6, 4.8 },
          { .7, 4.8 },
          { .8, 3.1 },
          { 1, 3 } },
        { { 0, 3.1 },
          { .25, 3.1 },
          { .5, .9 },
          { .7, .9 },
          { .8, -.8 },
          { .9, -.8 },
          { 1, .9 } },
    };
    double u = c->frames > 1 ? (double)(t - 1) / (double)(c->frames - 1) : 0;
    int k = 1;

    while (k < TURNS - 1 && u > ways[i][k].when)
        k++;
    u = (u - ways[i][k - 1].when) / (ways[i][k].when - ways[i][k - 1].when);
    return ways[i][k - 1].where + u * (ways[i][k].where - ways[i][k - 1].where);
}
