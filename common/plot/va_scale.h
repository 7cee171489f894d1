/*
 * va_scale.h - from values to places: linear scales, the marks on an axis, how many frames a line can show.
 */
#ifndef VA_SCALE_H
#define VA_SCALE_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values lo..hi lie at from..to. */
struct va_scale {
    double lo, hi, from, to;
};

/* Where x lies. A scale of no extent puts everything at its middle. */
double va_scale_at(const struct va_scale *s, double x);

enum { VA_TICKS = 12, VA_TICK_TEXT = 32 };
struct va_ticks {
    double at[VA_TICKS];
    int count;
    double step;
};

/* Round values within lo..hi, 2 to `most` of them (at most VA_TICKS): steps of 1, 2 and 5 times a power of
 * ten; for time in seconds, steps of clocks. One value where lo equals hi. */
struct va_ticks va_ticks_linear(double lo, double hi, int most);
struct va_ticks va_ticks_time(double lo, double hi, int most);

/* What a mark says: as many digits as its step needs; 1:05 and 1:02:05 for a time, 0.5 s below a second. */
void va_tick_text(char text[VA_TICK_TEXT], double value, double step);
void va_tick_time(char text[VA_TICK_TEXT], double seconds, double step);

/* What the marks of va_tick_time up to `hi` seconds count: "seconds", "minutes:seconds" ... */
const char *va_tick_unit(double hi, double step);

/*
 * Which of the n values y[0], y[stride], ... a line of `columns` columns shows: of each column the least
 * and the greatest, in their order; all where n is at most 2 * columns. A column that has only NaN is shown
 * by one of them, so that the line breaks there. Writes their indices, ascending, to kept [2 * columns] and
 * returns how many there are.
 */
int64_t va_thin(const double *y, int64_t stride, int64_t n, int64_t columns, int64_t *kept);

/* Frames [first, end) of one stretch. */
struct va_stretch {
    int64_t first, end;
};

/* The next stretch of frames without a face behind frame `from`; false: there is none. face may be NULL:
 * all have one. */
bool va_next_gap(const uint8_t *face, int64_t T, int64_t from, struct va_stretch *gap);

/*
 * Times of T frames without holes: time [T] becomes pts, between known ones linear, outside them at the
 * average rate. False where fewer than two are known (pts may be NULL) or they do not ascend: then time
 * counts frames, from 1.
 */
bool va_times(const double *pts, int64_t T, double *time);

#endif
