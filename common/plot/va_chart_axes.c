#include "base/va_mem.h"
#include "plot/va_chart.h"
#include <math.h>
#include <string.h>

void va_axes_place(struct va_axes *a, const struct va_box *box)
{
    a->x.from = box->x + VA_AXES_LEFT;
    a->x.to = box->x + box->width - VA_AXES_RIGHT;
    a->y.from = box->y + box->height - VA_AXES_BOTTOM;
    a->y.to = box->y + VA_AXES_TOP;
}

static void draw_x_marks(struct va_canvas *c, const struct va_axes *a)
{
    int most = (int)((a->x.to - a->x.from) / 80) + 1;
    struct va_ticks t = a->time ? va_ticks_time(a->x.lo, a->x.hi, most)
                                : va_ticks_linear(a->x.lo, a->x.hi, most);
    const char *name = a->time ? va_tick_unit(a->x.hi, t.step) : a->x_name;

    for (int i = 0; i < t.count; i++) {
        double x = va_scale_at(&a->x, t.at[i]);
        char text[VA_TICK_TEXT];

        if (a->time)
            va_tick_time(text, t.at[i], t.step);
        else
            va_tick_text(text, t.at[i], t.step);
        va_canvas_line(c, VA_INK_AXIS, x, a->y.from, x, a->y.from + 4);
        va_canvas_text(c, VA_INK_FAINT, VA_MIDDLE, x, a->y.from + 17, 0, text);
    }
    if (name)
        va_canvas_text(c, VA_INK_FAINT, VA_END, a->x.to, a->y.from + 31, 0, name);
}

void va_axes_draw(struct va_canvas *c, const struct va_axes *a, bool x_marks)
{
    int most = (int)((a->y.from - a->y.to) / 28) + 1;
    struct va_ticks t = va_ticks_linear(a->y.lo, a->y.hi, most);

    for (int i = 0; i < t.count; i++) {
        double y = va_scale_at(&a->y, t.at[i]);
        char text[VA_TICK_TEXT];

        va_tick_text(text, t.at[i], t.step);
        va_canvas_line(c, t.at[i] == 0 ? VA_INK_AXIS : VA_INK_GRID, a->x.from, y, a->x.to, y);
        va_canvas_text(c, VA_INK_FAINT, VA_END, a->x.from - 6, y + 4, 0, text);
    }
    if (x_marks)
        draw_x_marks(c, a);
    if (a->title)
        va_canvas_text(c, VA_INK_TEXT, VA_START, a->x.from, a->y.to - 9, 0, a->title);
}

static double width_of(const char *text, double most)
{
    return fmin(va_canvas_width(text), most);
}

void va_legend_draw(struct va_canvas *c, double x, double y, double room,
                    const struct va_legend *items, int64_t count, bool line)
{
    const double stroke = line ? 14 : 10, gap = 10;
    double each = room / (double)(count ? count : 1) - stroke - 5 - gap, total = 0, at;
    int64_t shown = count;

    while (shown > 1 && each < 40) /* the last place says that there are more */
        each = room / (double)--shown - stroke - 5 - gap;
    for (int64_t i = 0; i < shown; i++)
        total += stroke + 5 + width_of(items[i].name, each) + (i ? gap : 0);
    at = x - total - 6; /* letters may be wider */
    for (int64_t i = 0; i < shown; i++) {
        bool more = shown < count && i == shown - 1;

        if (line && !more)
            va_canvas_line(c, items[i].ink, at, y - 4, at + stroke, y - 4);
        else if (!more)
            va_canvas_rect(c, items[i].ink, at, y - 10, stroke, 10);
        va_canvas_text(c, VA_INK_FAINT, VA_START, at + stroke + 5, y, each,
                       more ? "..." : items[i].name);
        at += stroke + 5 + width_of(items[i].name, each) + gap;
    }
}

int va_axes_trace(struct va_canvas *c, const struct va_axes *a, enum va_ink ink,
                  const double *x, const double *y, int64_t stride, int64_t n)
{
    int64_t columns = (int64_t)(a->x.to - a->x.from), count;
    int64_t *kept = va_new(2 * columns, sizeof(*kept));
    bool on = false;

    if (!kept)
        return -1;
    count = va_thin(y, stride, n, columns, kept);
    va_canvas_path(c, ink);
    for (int64_t k = 0; k < count; k++) {
        double value = y[kept[k] * stride], at = va_scale_at(&a->x, x[kept[k]]);

        if (!isfinite(value)) {
            on = false;
            continue;
        }
        /* A value between two gaps is a line of one point, which would not be seen. */
        if (!on)
            va_canvas_move(c, at, va_scale_at(&a->y, value));
        if (on || k + 1 == count || !isfinite(y[kept[k + 1] * stride]))
            va_canvas_on(c, at + (on ? 0 : .5), va_scale_at(&a->y, value));
        on = true;
    }
    va_canvas_path_end(c);
    va_free(kept);
    return 0;
}

/* Frames [first, end) of one column or frame, to the right on the lower edge and back on the upper one. */
static void put_edge(struct va_canvas *c, const struct va_axes *a, const double *x,
                     const float *y, int64_t stride, const struct va_stretch *s, int side,
                     bool on)
{
    double end = (double)y[s->first * stride];

    for (int64_t t = s->first; t < s->end; t++)
        end = side < 0 ? fmin(end, (double)y[t * stride]) : fmax(end, (double)y[t * stride]);
    if (on)
        va_canvas_on(c, va_scale_at(&a->x, x[s->first]), va_scale_at(&a->y, end));
    else
        va_canvas_move(c, va_scale_at(&a->x, x[s->first]), va_scale_at(&a->y, end));
}

/* Frames [from, to), all with a face, in pieces of `each`. */
static void put_band(struct va_canvas *c, const struct va_axes *a, const double *x,
                     const float *lower, const float *upper, int64_t stride, int64_t from,
                     int64_t to, int64_t each)
{
    int64_t pieces = (to - from + each - 1) / each;

    for (int64_t i = 0; i < 2 * pieces; i++) {
        bool back = i >= pieces;
        int64_t k = back ? 2 * pieces - 1 - i : i;
        struct va_stretch s = { from + k * each, from + (k + 1) * each };

        s.end = s.end < to ? s.end : to;
        put_edge(c, a, x, back ? upper : lower, stride, &s, back ? 1 : -1, i > 0);
    }
}

void va_axes_band(struct va_canvas *c, const struct va_axes *a, enum va_ink ink,
                  const double *x, const float *lower, const float *upper, int64_t stride,
                  const uint8_t *face, int64_t n)
{
    int64_t columns = (int64_t)(a->x.to - a->x.from), each = n / columns + 1, from = 0;
    struct va_stretch gap = { 0, 0 };

    va_canvas_area(c, ink);
    while (from < n) {
        bool more = va_next_gap(face, n, from, &gap);
        int64_t to = more ? gap.first : n;

        put_band(c, a, x, lower, upper, stride, from, to, each);
        from = more ? gap.end : n;
    }
    va_canvas_path_end(c);
}

/* Until when frame t is shown: the next frame; the last one as long as the one before it. */
static double end_of(const double *time, int64_t T, int64_t t)
{
    if (t + 1 < T)
        return time[t + 1];
    return t > 0 ? 2 * time[t] - time[t - 1] : time[t] + 1;
}

/* Stretches that lie less than a pixel apart are one. */
void va_axes_gaps(struct va_canvas *c, const struct va_axes *a, const uint8_t *face,
                  const double *time, int64_t T)
{
    struct va_stretch gap = { 0, 0 };
    double from = NAN, to = NAN; /* of what is still to be drawn */

    while (va_next_gap(face, T, gap.end, &gap)) {
        double begin = va_scale_at(&a->x, time[gap.first]),
               end = fmin(va_scale_at(&a->x, end_of(time, T, gap.end - 1)), a->x.to);

        if (!isnan(from) && begin - to >= 1) {
            va_canvas_rect(c, VA_INK_GAP, from, a->y.to, fmax(to - from, 1),
                           a->y.from - a->y.to);
            from = NAN;
        }
        from = isnan(from) ? begin : from;
        to = end;
    }
    if (!isnan(from))
        va_canvas_rect(c, VA_INK_GAP, from, a->y.to, fmax(to - from, 1), a->y.from - a->y.to);
}
