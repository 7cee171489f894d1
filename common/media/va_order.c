#include "media/va_order_priv.h"

#include <math.h>
#include <string.h>

/* ---- clocks ----------------------------------------------------------------------------- */

enum { REORDER_MAX = 17, JUMP_SECONDS = 10 }; /* frames; a longer step forward is a new clock */

/* What the stamps of a new piece lack to follow the old one. */
static int64_t shift_of(const struct va_clock *c, int64_t pts, int64_t dts)
{
    int64_t step = c->step >= 1 ? llround(c->step) : 1;
    int64_t shift = c->newest + step - pts;

    if (c->jumps && dts != INT64_MIN && c->decoded != INT64_MIN &&
        shift < c->decoded + step - dts)
        shift = c->decoded + step - dts; /* leaves time for pictures shown before the key */
    return shift;
}

/* Whether a shown time, shifted, belongs to another piece than the one before it. */
static bool is_new_piece(const struct va_clock *c, int64_t pts, bool key)
{
    double reorder = c->step > 0 ? REORDER_MAX * c->step : 2 * (double)c->second;
    double slack = key ? c->step / 2 : reorder;
    double ahead = (double)pts - (double)c->newest;

    return ahead < -slack || (c->jumps && ahead > (double)(JUMP_SECONDS * c->second));
}

bool va_clock_packet(struct va_clock *c, int64_t *pts, int64_t *dts, bool key)
{
    const int64_t limit = INT64_MAX / 4;
    bool joint = false;

    if (*pts != INT64_MIN && (*pts > limit || *pts < -limit))
        *pts = INT64_MIN; /* no sum with it is safe */
    if (*dts != INT64_MIN && (*dts > limit || *dts < -limit))
        *dts = INT64_MIN;
    if (!c->started)
        c->decoded = INT64_MIN;
    if (*pts != INT64_MIN && c->started && is_new_piece(c, *pts + c->shift, key)) {
        joint = true;
        c->from = c->newest - c->shift;
        c->to = *pts;
        c->shift = shift_of(c, *pts, *dts);
    }
    if (*dts != INT64_MIN)
        c->decoded = *dts += c->shift;
    if (*pts != INT64_MIN) {
        *pts += c->shift;
        if (!c->started || *pts > c->newest)
            c->newest = *pts;
        c->started = true;
    }
    return joint;
}

/* ---- numbers ---------------------------------------------------------------------------- */

void va_order_init(struct va_order *o, double step, bool strict)
{
    *o = (struct va_order){
        .step = step, .strict = strict, .last = INT64_MIN, .joint = INT64_MIN
    };
}

void va_order_packet(struct va_order *o, int64_t pts)
{
    int i;

    o->stamped = true;
    if (o->count == VA_ORDER_MAX) { /* never shown, or time stamps that mean nothing */
        memmove(o->waiting, o->waiting + 1, (VA_ORDER_MAX - 1) * sizeof(*o->waiting));
        o->count--;
    }
    for (i = o->count; i > 0 && o->waiting[i - 1] > pts; i--)
        o->waiting[i] = o->waiting[i - 1];
    o->waiting[i] = pts;
    o->count++;
}

void va_order_refused(struct va_order *o)
{
    o->refused++;
    o->suspect = true;
}

bool va_order_steady(const struct va_order *o)
{
    return o->step > 0 && o->even >= 50 * (o->odd - (o->gap > 0));
}

/* Steps from the last frame to pts; 0 where the distance is no whole number of them. */
static int64_t steps_to(const struct va_order *o, int64_t pts)
{
    double d = (double)pts - (double)o->last, k;

    if (o->step <= 0 || o->last == INT64_MIN || d <= 0)
        return 0;
    k = round(d / o->step);
    return fabs(d - k * o->step) <= .1 * o->step + 1 && k < INT32_MAX ? (int64_t)k : 0;
}

/* Learn from the distance to a frame before which none was lost. */
static void learn(struct va_order *o, int64_t pts)
{
    if (o->last == INT64_MIN || pts <= o->last)
        return;
    if (o->step <= 0)
        o->step = (double)(pts - o->last);
    if (steps_to(o, pts) == 1)
        o->even++;
    else
        o->odd++;
}

/* Of the first n stamps, those that lie at least three quarters of a step away from their
 * neighbours: second fields and pictures that are only referred to lie nearer. */
static int64_t holes(const struct va_order *o, int n, int64_t end)
{
    double near = .75 * o->step, before = (double)o->last;
    int64_t found = 0;

    if (!o->strict || o->last == INT64_MIN || o->step <= 0)
        return 0;
    for (int i = 0; i < n; i++) {
        double at = (double)o->waiting[i];

        if (at - before >= near && (end == INT64_MAX || (double)end - at >= near)) {
            found++;
            before = at;
        }
    }
    return found;
}

/* Take out the first n stamps, frames that did not come before `end`, and number those that are
 * lost; `gap` of them at least. */
static void drop(struct va_order *o, int n, int64_t end, int64_t gap)
{
    int64_t missing = o->stamped ? n : o->refused;
    int64_t told = missing < o->refused ? missing : o->refused;
    int64_t lost = holes(o, n, end);

    if (o->last < o->joint && o->joint <= end)
        lost = gap = 0; /* pictures before the first key of a piece lean on what it lacks */
    if (lost < told)
        lost = told;
    if (lost < gap)
        lost = gap;
    o->number += lost;
    o->refused -= told;
    o->lost = lost - told;
    o->count -= n;
    memmove(o->waiting, o->waiting + n, (size_t)o->count * sizeof(*o->waiting));
}

enum { REGRET = 32 }; /* frames after a gap in which damage makes it a loss */

/* Frames that are lost before the one at `pts`, by the clock alone. */
static int64_t gap_before(struct va_order *o, int64_t pts)
{
    int64_t gap = 0, earlier = !o->exact && o->number - o->gap_at < REGRET ? o->gap : 0;

    if (!va_order_steady(o))
        return 0;
    if (pts != INT64_MIN)
        gap = steps_to(o, pts) - 1 - o->untimed;
    if (gap < 0)
        gap = 0;
    if (!o->suspect) {
        if (gap > 0) {
            o->gap = gap;
            o->gap_at = o->number + 1;
        }
        return 0;
    }
    o->odd -= o->gap > 0;
    o->gap = 0;
    return gap + earlier;
}

int64_t va_order_frame(struct va_order *o, int64_t pts)
{
    int64_t before = o->number;
    int older = 0;
    bool known;

    if (o->suspect && va_order_steady(o) && pts != INT64_MIN && pts <= o->last)
        return 0;
    while (older < o->count && o->waiting[older] < pts)
        older++;
    known = older < o->count && o->waiting[older] == pts;
    drop(o, known ? older : 0, pts, gap_before(o, pts));
    if (known) {
        o->count--;
        memmove(o->waiting, o->waiting + 1, (size_t)o->count * sizeof(*o->waiting));
    }
    o->untimed++;
    if (pts != INT64_MIN) {
        if (o->number == before)
            learn(o, pts);
        o->last = pts;
        o->untimed = 0;
    }
    return ++o->number;
}

void va_order_end(struct va_order *o)
{
    drop(o, o->count, INT64_MAX, 0);
}
