/*
 * A drawer without a library: what it draws has smooth edges, as a pixel is covered by the share that its
 * centre lies within the shape. There is no text: that would need a font.
 */
#include "base/va_mem.h"
#include "plot/va_cairo.h"
#include <math.h>

enum { HATCH = 6 };

struct point {
    double x, y;
    bool on; /* a line leads to it from the point before */
};

struct picture {
    uint32_t *pixels;
    int64_t width, height;
    double scale;
    struct point *path; /* [count] */
    int64_t count, room;
};

/* ---- pixels ------------------------------------------------------------------------------- */

/* Mix a share of the ink into a pixel. */
static void mix(uint32_t *pixel, uint32_t rgb, double share)
{
    uint32_t mixed = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        double old = *pixel >> shift & 255, new = rgb >> shift & 255;

        mixed |= (uint32_t)(old + share * (new - old) + .5) << shift;
    }
    *pixel = mixed;
}

/* How much of what lies `inside` a pixel's centre by this distance the pixel shows. */
static double share_of(double inside)
{
    return inside <= -.5 ? 0 : inside >= .5 ? 1 : inside + .5;
}

/* The pixels of from..to, which may lie outside, as first..end. */
static void span(double from, double to, int64_t size, int64_t *first, int64_t *end)
{
    *first = from > 0 ? from < (double)size ? (int64_t)from : size : 0;
    *end = to < (double)size ? to > 0 ? (int64_t)ceil(to) : 0 : size;
}

static double distance(const struct point *a, const struct point *b, double x, double y)
{
    double dx = b->x - a->x, dy = b->y - a->y, norm = dx * dx + dy * dy;
    double u = norm > 0 ? ((x - a->x) * dx + (y - a->y) * dy) / norm : 0;

    u = fmin(1, fmax(0, u));
    return hypot(x - a->x - u * dx, y - a->y - u * dy);
}

/* ---- shapes ------------------------------------------------------------------------------- */

static void draw_segment(struct picture *p, uint32_t rgb, double half, const struct point *a,
                         const struct point *b)
{
    int64_t left, right, top, bottom;

    span(fmin(a->x, b->x) - half - 1, fmax(a->x, b->x) + half + 1, p->width, &left, &right);
    span(fmin(a->y, b->y) - half - 1, fmax(a->y, b->y) + half + 1, p->height, &top, &bottom);
    for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < right; x++)
            mix(&p->pixels[y * p->width + x], rgb,
                share_of(half - distance(a, b, (double)x + .5, (double)y + .5)));
}

static void draw_rect(void *picture, enum va_ink ink, double x, double y, double width,
                      double height)
{
    struct picture *p = picture;
    double s = p->scale, l = s * x, t = s * y, r = s * (x + width), b = s * (y + height);
    uint32_t rgb = va_ink_looks[ink].dark;
    int64_t left, right, top, bottom;

    span(l, r, p->width, &left, &right);
    span(t, b, p->height, &top, &bottom);
    for (int64_t row = top; row < bottom; row++)
        for (int64_t col = left; col < right; col++) {
            double u = (double)col + .5, v = (double)row + .5;

            if (ink == VA_INK_GAP && fmod(u + v, s * HATCH) > s * HATCH / 4)
                continue;
            mix(&p->pixels[row * p->width + col], rgb,
                share_of(fmin(u - l, r - u)) * share_of(fmin(v - t, b - v)));
        }
}

static void draw_circle(void *picture, enum va_ink ink, bool filled, double x, double y,
                        double r)
{
    struct picture *p = picture;
    double s = p->scale, half = va_ink_looks[ink].width * s / 2;
    int64_t left, right, top, bottom;

    span(s * (x - r) - half - 1, s * (x + r) + half + 1, p->width, &left, &right);
    span(s * (y - r) - half - 1, s * (y + r) + half + 1, p->height, &top, &bottom);
    for (int64_t row = top; row < bottom; row++)
        for (int64_t col = left; col < right; col++) {
            double off = hypot((double)col + .5 - s * x, (double)row + .5 - s * y) - s * r;

            mix(&p->pixels[row * p->width + col], va_ink_looks[ink].dark,
                share_of(filled ? -off : half - fabs(off)));
        }
}

/* A point for which there is no memory is left out: the line is shorter. */
static void draw_point(void *picture, bool on, double x, double y)
{
    struct picture *p = picture;

    if (va_grow(&p->path, &p->room, p->count + 1, sizeof(*p->path)) == 0)
        p->path[p->count++] = (struct point){ p->scale * x, p->scale * y, on };
}

static void draw_stroke(void *picture, enum va_ink ink)
{
    struct picture *p = picture;

    for (int64_t i = 1; i < p->count; i++)
        if (p->path[i].on)
            draw_segment(p, va_ink_looks[ink].dark, va_ink_looks[ink].width * p->scale / 2,
                         &p->path[i - 1], &p->path[i]);
    p->count = 0;
}

static void draw_fill(void *picture, enum va_ink ink)
{
    struct picture *p = picture;

    (void)ink;
    p->count = 0;
}

static void draw_text(void *picture, enum va_ink ink, enum va_anchor anchor, double x, double y,
                      const char *text)
{
    (void)picture, (void)ink, (void)anchor, (void)x, (void)y, (void)text;
}

/* ---- begin and end ------------------------------------------------------------------------ */

static void *draw_over(uint32_t *pixels, int64_t width, int64_t height, double scale)
{
    struct picture *p = va_new(1, sizeof(*p));

    if (p)
        *p = (struct picture){ pixels, width, height, scale, NULL, 0, 0 };
    return p;
}

static void draw_end(void *picture)
{
    struct picture *p = picture;

    if (p)
        va_free(p->path);
    va_free(p);
}

static const struct va_drawer plain = {
    .over = draw_over,
    .end = draw_end,
    .rect = draw_rect,
    .circle = draw_circle,
    .point = draw_point,
    .stroke = draw_stroke,
    .fill = draw_fill,
    .text = draw_text,
};
const struct va_drawer *const va_plain = &plain;
