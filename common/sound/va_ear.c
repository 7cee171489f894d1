/*
 * Samples wait in a short buffer until the next moment has all that it looks at; moments wait until no later row needs them.
 * Before and after a run of sound without a pause there are zeros, for the pitch, which looks further than the rest.
 */
#include "sound/va_ear.h"

#include "base/va_mem.h"
#include "sound/va_hop.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const va_ear_kinds[] = { "logmel", "prosody", NULL };

enum statistic { MEAN, DEVIATION, SLOPE, STATISTICS };
static const char *const statistics[] = { "mean", "deviation", "slope" };
static const double windows[] = { 1, 4 };  /* seconds */
enum { WINDOWS = 2, WHOLE = VA_HOP_MFCC }; /* values with all statistics in all windows */

struct va_ear {
    enum va_ear_kind kind;
    struct va_hop *hop;
    int width;   /* numbers of a moment */
    int margin;  /* samples that a moment looks at beyond its own, on both sides */
    float *wave; /* [have], from `margin` before the next moment's first sample on */
    int64_t have, room;
    int64_t begin; /* number of the next moment's first sample */
    int64_t next;  /* number of the next sample that was not heard; INT64_MIN: none was */
    bool ended;
    double *times; /* [count], seconds: middles of moments */
    float *values; /* [count, width] */
    int64_t count, times_room, values_room;
};

struct va_ear *va_ear_new(enum va_ear_kind kind)
{
    struct va_ear *e = va_new(1, sizeof(*e));

    if (!e)
        return NULL;
    e->kind = kind;
    e->width = kind == VA_EAR_LOGMEL ? VA_HOP_BANDS : VA_HOP_VALUES;
    e->margin = kind == VA_EAR_LOGMEL ? 0 : VA_HOP_MARGIN;
    e->next = INT64_MIN;
    e->hop = va_hop_new();
    if (e->hop)
        return e;
    va_ear_free(e);
    return NULL;
}

void va_ear_free(struct va_ear *e)
{
    if (!e)
        return;
    va_hop_free(e->hop);
    va_free(e->wave);
    va_free(e->times);
    va_free(e->values);
    va_free(e);
}

/* ---- columns ------------------------------------------------------------------------------ */

int64_t va_ear_columns(const struct va_ear *e)
{
    return e->kind == VA_EAR_LOGMEL ? VA_HOP_BANDS
                                    : WHOLE * STATISTICS * WINDOWS + 2 * VA_HOP_MFCCS;
}

void va_ear_name(const struct va_ear *e, int64_t column, char name[VA_EAR_NAME])
{
    static const char *const names[] = { "f0",       "voicing", "loudness", "crossings",
                                         "centroid", "rolloff", "flux" };
    int c = (int)column, each = STATISTICS * WINDOWS;

    if (e->kind == VA_EAR_LOGMEL) {
        snprintf(name, VA_EAR_NAME, "mel%02d", c);
    } else if (c < WHOLE * each) {
        snprintf(name, VA_EAR_NAME, "%s.%s.%gs", names[c / each],
                 statistics[c % each % STATISTICS], windows[c % each / STATISTICS]);
    } else {
        c -= WHOLE * each;
        snprintf(name, VA_EAR_NAME, "mfcc%02d.%s.%gs", c / 2, statistics[c % 2], windows[0]);
    }
}

/* ---- moments ------------------------------------------------------------------------------ */

static int add_wave(struct va_ear *e, const float *samples, int64_t count)
{
    if (count == 0) /* there may be no buffer yet */
        return 0;
    if (va_grow(&e->wave, &e->room, e->have + count, sizeof(*e->wave)) < 0)
        return -1;
    if (samples)
        memcpy(e->wave + e->have, samples, (size_t)count * sizeof(*e->wave));
    else
        memset(e->wave + e->have, 0, (size_t)count * sizeof(*e->wave));
    e->have += count;
    return 0;
}

/* All moments whose samples are there. */
static int look(struct va_ear *e)
{
    const int64_t span = VA_HOP_SPAN + 2 * e->margin;
    int64_t at = 0;

    for (; at + span <= e->have; at += VA_HOP_STEP) {
        const float *x = e->wave + at + e->margin;

        if (va_grow(&e->times, &e->times_room, e->count + 1, sizeof(*e->times)) < 0 ||
            va_grow(&e->values, &e->values_room, (e->count + 1) * e->width,
                    sizeof(*e->values)) < 0)
            return -1;
        if (e->kind == VA_EAR_LOGMEL)
            va_hop_logmel(e->hop, x, e->values + e->count * e->width);
        else
            va_hop_prosody(e->hop, x, e->values + e->count * e->width);
        e->times[e->count++] = (double)(e->begin + at + VA_HOP_SPAN / 2) / (double)VA_HOP_RATE;
    }
    e->have -= at;
    e->begin += at;
    memmove(e->wave, e->wave + at, (size_t)e->have * sizeof(*e->wave));
    return 0;
}

/* The sound pauses or ends. */
static int end_run(struct va_ear *e)
{
    if (e->next == INT64_MIN)
        return 0;
    if (add_wave(e, NULL, e->margin) < 0 || look(e) < 0)
        return -1;
    e->have = 0;
    return 0;
}

int va_ear_hear(struct va_ear *e, int64_t first, const float *samples, int64_t count)
{
    enum { PART = 16384 }; /* so that the buffer stays short */

    if (first != e->next) {
        if (end_run(e) < 0 || add_wave(e, NULL, e->margin) < 0)
            return -1;
        va_hop_restart(e->hop);
        e->begin = first;
    }
    e->next = first + count;
    for (int64_t at = 0; at < count; at += PART)
        if (add_wave(e, samples + at, count - at < PART ? count - at : PART) < 0 || look(e) < 0)
            return -1;
    return 0;
}

int va_ear_end(struct va_ear *e)
{
    e->ended = true;
    return end_run(e);
}

/* ---- rows --------------------------------------------------------------------------------- */

/* Seconds from the time of a row to the end of its longest window. */
static double reach_of(const struct va_ear *e, double length)
{
    const double most = e->kind == VA_EAR_LOGMEL ? 0 : windows[WINDOWS - 1];

    return fmax(most, length) / 2;
}

bool va_ear_waits(const struct va_ear *e, double seconds, double length)
{
    if (e->ended)
        return false;
    return e->next == INT64_MIN || (double)(e->begin + VA_HOP_SPAN / 2) / (double)VA_HOP_RATE <
                                       seconds + reach_of(e, length);
}

static void forget(struct va_ear *e, double before)
{
    int64_t n = 0;

    while (n < e->count && e->times[n] < before)
        n++;
    if (n == 0)
        return;
    e->count -= n;
    memmove(e->times, e->times + n, (size_t)e->count * sizeof(*e->times));
    memmove(e->values, e->values + n * e->width,
            (size_t)(e->count * e->width) * sizeof(*e->values));
}

/* Moments [*from, *to) whose middles lie in a window of `length` around `seconds`: its begin belongs to it. */
static void find_window(const struct va_ear *e, double seconds, double length, int64_t *from,
                        int64_t *to)
{
    int64_t i = 0;

    while (i < e->count && e->times[i] < seconds - length / 2)
        i++;
    *from = i;
    while (i < e->count && e->times[i] < seconds + length / 2)
        i++;
    *to = i;
}

/* Statistics of value v in these moments, without those that are NaN; 0 where none is left. */
static void summarise(const struct va_ear *e, int v, int64_t from, int64_t to,
                      float out[STATISTICS])
{
    double n = 0, mean = 0, middle = 0, xx = 0, tt = 0, tx = 0;

    for (int64_t i = from; i < to; i++) {
        double x = (double)e->values[i * e->width + v];

        if (isnan(x))
            continue;
        n++;
        mean += x;
        middle += e->times[i] - e->times[from];
    }
    mean = n > 0 ? mean / n : 0;
    middle = n > 0 ? middle / n : 0;
    for (int64_t i = from; i < to; i++) {
        double x = (double)e->values[i * e->width + v] - mean;
        double t = e->times[i] - e->times[from] - middle;

        if (isnan(x))
            continue;
        xx += x * x;
        tt += t * t;
        tx += t * x;
    }
    out[MEAN] = (float)mean;
    out[DEVIATION] = n > 0 ? (float)sqrt(xx / n) : 0;
    out[SLOPE] = tt > 0 ? (float)(tx / tt) : 0;
}

static void write_logmel(const struct va_ear *e, int64_t from, int64_t to, float *row)
{
    for (int b = 0; b < e->width; b++) {
        double sum = 0;

        for (int64_t i = from; i < to; i++)
            sum += (double)e->values[i * e->width + b];
        row[b] = (float)(sum / (double)(to - from));
    }
}

static void write_prosody(const struct va_ear *e, double seconds, float *row)
{
    int64_t from[WINDOWS], to[WINDOWS];
    float all[STATISTICS];

    for (int w = 0; w < WINDOWS; w++)
        find_window(e, seconds, windows[w], &from[w], &to[w]);
    for (int v = 0; v < WHOLE; v++)
        for (int w = 0; w < WINDOWS; w++, row += STATISTICS)
            summarise(e, v, from[w], to[w], row);
    for (int v = WHOLE; v < VA_HOP_VALUES; v++, row += 2) {
        summarise(e, v, from[0], to[0], all);
        memcpy(row, all, 2 * sizeof(*row));
    }
}

bool va_ear_row(struct va_ear *e, double seconds, double length, float *row)
{
    int64_t from, to;

    forget(e, seconds - reach_of(e, length) - 1); /* a later row may have a longer window */
    find_window(e, seconds, length, &from, &to);
    if (from == to)
        return false;
    if (e->kind == VA_EAR_LOGMEL)
        write_logmel(e, from, to, row);
    else
        write_prosody(e, seconds, row);
    return true;
}
