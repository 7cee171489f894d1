#include "plot/va_scale.h"

#include <math.h>
#include <stdio.h>

double va_scale_at(const struct va_scale *s, double x)
{
    if (!(s->hi > s->lo))
        return (s->from + s->to) / 2;
    return s->from + (x - s->lo) / (s->hi - s->lo) * (s->to - s->from);
}

/* ---- marks ------------------------------------------------------------------------------ */

static struct va_ticks ticks_of_step(double lo, double hi, double step)
{
    struct va_ticks t = { .step = step };

    /* A whole number of steps, with room for the rounding of lo and hi themselves. */
    for (double k = ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step && t.count < VA_TICKS;
         k++)
        t.at[t.count++] = k * step + 0.0;
    return t;
}

static int within(int most)
{
    return most < 2 ? 2 : most > VA_TICKS ? VA_TICKS : most;
}

struct va_ticks va_ticks_linear(double lo, double hi, int most)
{
    static const double steps[] = { 1, 2, 5, 10 };
    double least = (hi - lo) / (within(most) - 1), power;

    if (!(hi > lo) || !isfinite(hi - lo))
        return (struct va_ticks){ .at = { lo }, .count = isfinite(lo), .step = 1 };
    power = pow(10, floor(log10(least)));
    for (size_t i = 0; i < VA_COUNT(steps); i++)
        if (steps[i] * power >= least * (1 - 1e-9))
            return ticks_of_step(lo, hi, steps[i] * power);
    return ticks_of_step(lo, hi, 20 * power);
}

struct va_ticks va_ticks_time(double lo, double hi, int most)
{
    static const double steps[] = { 1,   2,   5,   10,   15,   30,   60,    120,
                                    300, 600, 900, 1800, 3600, 7200, 21600, 43200 };
    double least = (hi - lo) / (within(most) - 1);

    if (least <= .5 || !(hi > lo))
        return va_ticks_linear(lo, hi, most);
    for (size_t i = 0; i < VA_COUNT(steps); i++)
        if (steps[i] >= least * (1 - 1e-9))
            return ticks_of_step(lo, hi, steps[i]);
    return ticks_of_step(lo, hi, 86400 * ceil(least / 86400));
}

void va_tick_text(char text[VA_TICK_TEXT], double value, double step)
{
    int digits = step > 0 && step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;

    if (fabs(value) >= 1e7 || digits > 6)
        snprintf(text, VA_TICK_TEXT, "%g", value);
    else
        snprintf(text, VA_TICK_TEXT, "%.*f", digits, value);
}

void va_tick_time(char text[VA_TICK_TEXT], double seconds, double step)
{
    double s = fabs(seconds);
    long long whole = s < 1e15 ? (long long)(s + 1e-6) : 0;
    const char *sign = seconds < 0 ? "-" : "";

    if (step < 1) {
        va_tick_text(text, seconds, step);
        return;
    }
    if (whole >= 3600)
        snprintf(text, VA_TICK_TEXT, "%s%lld:%02lld:%02lld", sign, whole / 3600,
                 whole / 60 % 60, whole % 60);
    else
        snprintf(text, VA_TICK_TEXT, "%s%lld:%02lld", sign, whole / 60, whole % 60);
}

const char *va_tick_unit(double hi, double step)
{
    return step < 1 ? "seconds" : hi < 3600 ? "minutes:seconds" : "hours:minutes:seconds";
}

/* ---- frames ----------------------------------------------------------------------------- */

int64_t va_thin(const double *y, int64_t stride, int64_t n, int64_t columns, int64_t *kept)
{
    int64_t count = 0;

    if (n <= 2 * columns) {
        for (int64_t i = 0; i < n; i++)
            kept[i] = i;
        return n;
    }
    for (int64_t c = 0; c < columns; c++) {
        int64_t first = n * c / columns, end = n * (c + 1) / columns, least = first,
                most = first;

        for (int64_t i = first; i < end; i++) {
            double value = y[i * stride];

            if (!(value >= y[least * stride]) && !isnan(value))
                least = i;
            if (!(value <= y[most * stride]) && !isnan(value))
                most = i;
        }
        kept[count++] = least < most ? least : most;
        if (least != most)
            kept[count++] = least < most ? most : least;
    }
    return count;
}

bool va_next_gap(const uint8_t *face, int64_t T, int64_t from, struct va_stretch *gap)
{
    while (face && from < T && face[from])
        from++;
    if (!face || from >= T)
        return false;
    gap->first = from;
    while (from < T && !face[from])
        from++;
    gap->end = from;
    return true;
}

bool va_times(const double *pts, int64_t T, double *time)
{
    int64_t first = -1, last = -1;
    double rate;

    for (int64_t t = 0; pts && t < T; t++) {
        if (!isfinite(pts[t]))
            continue;
        if (last >= 0 && pts[t] <= pts[last]) {
            first = last;
            break;
        }
        for (int64_t k = last + 1; last >= 0 && k < t; k++)
            time[k] = pts[last] +
                      (pts[t] - pts[last]) * (double)(k - last) / (double)(t - last);
        time[t] = pts[t];
        last = t;
        first = first < 0 ? t : first;
    }
    if (first == last) {
        for (int64_t t = 0; t < T; t++)
            time[t] = (double)(t + 1);
        return false;
    }
    rate = (time[last] - time[first]) / (double)(last - first);
    for (int64_t t = 0; t < first; t++)
        time[t] = time[first] - rate * (double)(first - t);
    for (int64_t t = last + 1; t < T; t++)
        time[t] = time[last] + rate * (double)(t - last);
    return true;
}
