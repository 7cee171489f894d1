#include "plot/va_overlay.h"

#include "base/va_mem.h"
#include "plot/va_canvas.h"
#include "plot/va_chart.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* In units of drawing. */
enum { UNITS_HIGH = 400, UNITS_WIDE = 480, LEAST_WIDE = 300, LEAST_HIGH = 180 };
enum { EDGE = 8, PANEL = 124, CAPTION = 18, PLANE = 96, TITLE = 14, LINE = 16 };
static const double SCALE_LEAST = .5, TAIL = 2; /* seconds of the way in the circumplex */

/* Where the panel and its parts lie. */
struct layout {
    struct va_box panel, traces[2], plane;
};

static struct layout lay_out(const struct va_overlay *o)
{
    double width = (double)o->width / o->scale, height = (double)o->height / o->scale;
    struct layout l = { .panel = { EDGE, height - PANEL - EDGE, width - 2 * EDGE, PANEL } };
    double plot = (PANEL - CAPTION - EDGE) / 2.;

    l.plane = (struct va_box){ l.panel.x + l.panel.width - PLANE - EDGE,
                               l.panel.y + PANEL - PLANE - EDGE, PLANE, PLANE };
    for (int d = 0; d < 2; d++)
        l.traces[d] = (struct va_box){ l.panel.x + EDGE, l.panel.y + CAPTION + d * plot,
                                       l.plane.x - l.panel.x - 3 * EDGE, plot };
    return l;
}

/* Leave last parts out until the rest fits. */
static void shorten(char *caption, double room)
{
    static const char *const ends[] = { "; ", ": " };

    for (size_t i = 0; i < VA_COUNT(ends); i++)
        for (size_t n = strlen(caption); n > 0 && va_canvas_width(caption) > room; n--)
            if (!strncmp(caption + n - 1, ends[i], 2))
                caption[n - 1] = '\0';
}

int va_overlay_init(struct va_overlay *o, int64_t width, int64_t height, const char *caption)
{
    double w = (double)width, h = (double)height;

    *o = (struct va_overlay){ .width = width, .height = height };
    o->scale = fmax(SCALE_LEAST, fmin(h / UNITS_HIGH, w / UNITS_WIDE));
    o->curves = w / o->scale >= LEAST_WIDE && h / o->scale >= LEAST_HIGH;
    o->pixels = va_new(width * height, sizeof(*o->pixels));
    if (!o->pixels || (caption && !(o->caption = va_strdup(caption))))
        return -1;
    if (caption)
        shorten(o->caption, lay_out(o).panel.width - 2 * EDGE);
    return 0;
}

void va_overlay_release(struct va_overlay *o)
{
    va_free(o->pixels);
    va_free(o->caption);
    *o = (struct va_overlay){ 0 };
}

/* ---- pixels ------------------------------------------------------------------------------- */

static void take(const struct va_overlay *o, const uint8_t *rgb)
{
    for (int64_t i = 0; i < o->width * o->height; i++, rgb += 3)
        o->pixels[i] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

static void give(const struct va_overlay *o, uint8_t *rgb)
{
    for (int64_t i = 0; i < o->width * o->height; i++, rgb += 3) {
        rgb[0] = (uint8_t)(o->pixels[i] >> 16);
        rgb[1] = (uint8_t)(o->pixels[i] >> 8);
        rgb[2] = (uint8_t)o->pixels[i];
    }
}

/* Darken a part of the picture to a quarter, so that curves can be read on it and the video seen through. */
static void shade(const struct va_overlay *o, const struct va_box *box)
{
    int64_t left = (int64_t)(box->x * o->scale),
            right = (int64_t)((box->x + box->width) * o->scale);
    int64_t top = (int64_t)(box->y * o->scale),
            bottom = (int64_t)((box->y + box->height) * o->scale);

    for (int64_t y = top; y < bottom && y < o->height; y++)
        for (int64_t x = left; x < right && x < o->width; x++)
            o->pixels[y * o->width + x] = o->pixels[y * o->width + x] >> 2 & 0x3f3f3f;
}

/* ---- faces -------------------------------------------------------------------------------- */

static void draw_frame(struct va_canvas *c, enum va_ink ink, double left, double top,
                       double right, double bottom)
{
    va_canvas_path(c, ink);
    va_canvas_move(c, left, top);
    va_canvas_on(c, right, top);
    va_canvas_on(c, right, bottom);
    va_canvas_on(c, left, bottom);
    va_canvas_on(c, left, top);
    va_canvas_path_end(c);
}

/* On any picture: a dark line around a light one, a name on a dark ground. */
static void draw_box(const struct va_overlay *o, struct va_canvas *c, enum va_ink ink,
                     const struct va_overlay_person *p)
{
    double x = (double)p->box[0] / o->scale, y = (double)p->box[1] / o->scale;
    double right = x + (double)p->box[2] / o->scale, bottom = y + (double)p->box[3] / o->scale;
    double top = fmax(0, y - LINE); /* of the name: within a face at the upper edge */

    draw_frame(c, VA_INK_PAPER, x - 1, y - 1, right + 1, bottom + 1);
    draw_frame(c, ink, x, y, right, bottom);
    if (!va_cairo)
        return;
    va_canvas_rect(c, VA_INK_PAPER, x - 1, top, va_canvas_width(p->name) + 4, LINE);
    va_canvas_text(c, ink, VA_START, x + 2, top + LINE - 4, 0, p->name);
}

/* ---- curves ------------------------------------------------------------------------------- */

static bool has_row(const struct va_overlay_person *p, int64_t t)
{
    return p->shown && t < p->shown->T;
}

/* The first frame that is not longer ago than so many seconds before frame t. */
static int64_t first_within(const struct va_shown *s, int64_t t, double seconds)
{
    int64_t first = t;

    while (first > 0 && s->time[t] - s->time[first - 1] <= seconds)
        first--;
    return first;
}

static enum va_ink ink_of(int64_t i, int64_t count, enum va_dimension d)
{
    return count > 1 ? va_ink_of_series(i) : d == VA_VALENCE ? VA_INK_VALENCE : VA_INK_AROUSAL;
}

static int draw_trace(struct va_canvas *c, const struct va_box *box, enum va_ink ink,
                      enum va_dimension d, const struct va_shown *s, int64_t t, bool alone)
{
    double span = s->timed ? VA_OVERLAY_SECONDS : 25 * VA_OVERLAY_SECONDS; /* frames */
    int64_t first = first_within(s, t, span), n = t + 1 - first;
    const struct va_axes a = {
        .x = { s->time[t] - span, s->time[t], box->x, box->x + box->width },
        .y = { -1, 1, box->y + box->height - 3, box->y + TITLE },
    };

    if (alone)
        va_axes_gaps(c, &a, s->face ? s->face + first : NULL, s->time + first, n);
    return va_axes_trace(c, &a, ink, s->time + first, s->seen + 2 * first + d, 2, n);
}

/* Of one person with the value of this frame. */
static void put_title(struct va_canvas *c, const struct va_box *box, enum va_dimension d,
                      const struct va_overlay_person *alone, int64_t t)
{
    char title[40];
    double now = alone && has_row(alone, t) ? alone->shown->seen[2 * t + d] : (double)NAN;

    if (isnan(now))
        snprintf(title, sizeof(title), "%s", va_dimension_names[d]);
    else
        snprintf(title, sizeof(title), "%s %+.2f", va_dimension_names[d], now);
    va_canvas_text(c, VA_INK_TEXT, VA_START, box->x, box->y + TITLE - 4, 0, title);
}

static int draw_traces(struct va_canvas *c, const struct va_box *box, enum va_dimension d,
                       const struct va_overlay_person *people, int64_t count, int64_t t)
{
    double top = box->y + TITLE, bottom = box->y + box->height - 3, middle = (top + bottom) / 2;

    va_canvas_line(c, VA_INK_GRID, box->x, top, box->x + box->width, top);
    va_canvas_line(c, VA_INK_AXIS, box->x, middle, box->x + box->width, middle);
    va_canvas_line(c, VA_INK_GRID, box->x, bottom, box->x + box->width, bottom);
    put_title(c, box, d, count == 1 ? people : NULL, t);
    for (int64_t i = 0; i < count; i++)
        if (has_row(&people[i], t) &&
            draw_trace(c, box, ink_of(i, count, d), d, people[i].shown, t, count == 1) < 0)
            return -1;
    return 0;
}

/* ---- the circumplex ----------------------------------------------------------------------- */

static double clip(double value)
{
    return fmax(-1, fmin(1, value));
}

/* The way of the last seconds, and a dot where it ends, if the face is seen. */
static void draw_dot(struct va_canvas *c, const struct va_box *box, enum va_ink ink,
                     const struct va_shown *s, int64_t t)
{
    const struct va_scale right = { -1, 1, box->x, box->x + box->width };
    const struct va_scale up = { -1, 1, box->y + box->height, box->y };
    bool on = false;

    va_canvas_path(c, ink);
    for (int64_t i = first_within(s, t, s->timed ? TAIL : 25 * TAIL); i <= t; i++) {
        double x = va_scale_at(&right, clip(s->seen[2 * i])),
               y = va_scale_at(&up, clip(s->seen[2 * i + 1]));

        if (!isfinite(s->seen[2 * i])) {
            on = false;
            continue;
        }
        if (on)
            va_canvas_on(c, x, y);
        else
            va_canvas_move(c, x, y);
        on = true;
    }
    va_canvas_path_end(c);
    if (on)
        va_canvas_circle(c, ink, va_scale_at(&right, clip(s->seen[2 * t])),
                         va_scale_at(&up, clip(s->seen[2 * t + 1])), 4);
}

static void draw_plane(struct va_canvas *c, const struct va_box *box,
                       const struct va_overlay_person *people, int64_t count, int64_t t)
{
    double x = box->x + box->width / 2, y = box->y + box->height / 2;

    va_canvas_ring(c, VA_INK_GRID, x, y, box->width / 2);
    va_canvas_line(c, VA_INK_AXIS, box->x, y, box->x + box->width, y);
    va_canvas_line(c, VA_INK_AXIS, x, box->y, x, box->y + box->height);
    /* below its axis, where fewer faces are: calm and pleasant at once */
    va_canvas_text(c, VA_INK_FAINT, VA_END, box->x + box->width, y + 11, 0, "valence");
    va_canvas_text(c, VA_INK_FAINT, VA_START, x + 3, box->y + 9, 0, "arousal");
    for (int64_t i = 0; i < count; i++)
        if (has_row(&people[i], t))
            draw_dot(c, box, va_ink_of_series(i), people[i].shown, t);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int draw_panel(const struct va_overlay *o, struct va_canvas *c, int64_t t,
                      const struct va_overlay_person *people, int64_t count)
{
    struct layout l = lay_out(o);

    if (o->caption)
        va_canvas_text(c, VA_INK_FAINT, VA_START, l.panel.x + EDGE, l.panel.y + CAPTION - 5,
                       l.panel.width - 2 * EDGE, o->caption);
    for (int d = VA_VALENCE; d <= VA_AROUSAL; d++)
        if (draw_traces(c, &l.traces[d], (enum va_dimension)d, people, count, t) < 0)
            return -1;
    draw_plane(c, &l.plane, people, count, t);
    return 0;
}

int va_overlay_draw(const struct va_overlay *o, int64_t t,
                    const struct va_overlay_person *people, int64_t count, uint8_t *rgb)
{
    struct va_canvas c = { .width = (double)o->width / o->scale,
                           .height = (double)o->height / o->scale,
                           .drawer = va_cairo ? va_cairo : va_plain };
    bool panel = false;
    int status = 0;

    for (int64_t i = 0; i < count; i++)
        panel |= o->curves && has_row(&people[i], t);
    take(o, rgb);
    if (panel) {
        struct layout l = lay_out(o);

        shade(o, &l.panel);
    }
    c.picture = c.drawer->over(o->pixels, o->width, o->height, o->scale);
    if (!c.picture)
        return -1;
    for (int64_t i = 0; i < count; i++)
        if (people[i].box)
            draw_box(o, &c, va_ink_of_series(i), &people[i]);
    if (panel)
        status = draw_panel(o, &c, t, people, count);
    c.drawer->end(c.picture);
    give(o, rgb);
    return status;
}
