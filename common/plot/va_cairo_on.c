/* Where cairo was found when this was built. Nothing is measured in text: sizes are those of SVG. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "plot/va_cairo.h"
#include <cairo.h>
#include <math.h>
#include <string.h>

enum { PIXELS = 2, FONT = 12, HATCH = 6 };

struct picture {
    cairo_t *cr;
    bool dark;
};

static cairo_t *in_ink(void *picture, enum va_ink ink)
{
    const struct picture *p = picture;
    cairo_t *cr = p->cr;
    uint32_t rgb = p->dark ? va_ink_looks[ink].dark : va_ink_looks[ink].light;

    cairo_set_source_rgb(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                         (rgb & 255) / 255.0);
    return cr;
}

/* ---- what is drawn ------------------------------------------------------------------------ */

/* Lines at 45 degrees, as the pattern of SVG. */
static void hatch(void *picture, double x, double y, double width, double height)
{
    cairo_t *cr = in_ink(picture, VA_INK_GAP);
    double step = HATCH * sqrt(2), first = floor((x - y - height) / step) * step;

    cairo_save(cr);
    cairo_rectangle(cr, x, y, width, height);
    cairo_clip(cr);
    for (double at = first; at < x + width - y; at += step) { /* where a line meets y = 0 */
        cairo_move_to(cr, at + y, y);
        cairo_line_to(cr, at + y + height, y + height);
    }
    cairo_set_line_width(cr, 1.5);
    cairo_stroke(cr);
    cairo_restore(cr);
}

static void draw_rect(void *picture, enum va_ink ink, double x, double y, double width,
                      double height)
{
    cairo_t *cr = in_ink(picture, ink);

    if (ink == VA_INK_GAP) {
        hatch(picture, x, y, width, height);
        return;
    }
    cairo_rectangle(cr, x, y, width, height);
    cairo_fill(cr);
}

static void draw_point(void *picture, bool on, double x, double y)
{
    const struct picture *p = picture;

    if (on)
        cairo_line_to(p->cr, x, y);
    else
        cairo_move_to(p->cr, x, y);
}

static void draw_stroke(void *picture, enum va_ink ink)
{
    cairo_t *cr = in_ink(picture, ink);
    const struct va_ink_look *k = &va_ink_looks[ink];

    cairo_set_line_width(cr, k->width);
    cairo_set_dash(cr, &k->dash, k->dash > 0, 0);
    cairo_stroke(cr);
}

static void draw_fill(void *picture, enum va_ink ink)
{
    cairo_fill(in_ink(picture, ink));
}

static void draw_circle(void *picture, enum va_ink ink, bool filled, double x, double y,
                        double r)
{
    cairo_t *cr = in_ink(picture, ink);

    cairo_new_sub_path(cr);
    cairo_arc(cr, x, y, r, 0, 2 * M_PI);
    if (filled)
        cairo_fill(cr);
    else
        draw_stroke(picture, ink);
}

static void draw_text(void *picture, enum va_ink ink, enum va_anchor anchor, double x, double y,
                      const char *text)
{
    cairo_t *cr = in_ink(picture, ink);
    cairo_text_extents_t size;

    cairo_text_extents(cr, text, &size);
    cairo_move_to(cr,
                  x - (anchor == VA_END      ? size.x_advance
                       : anchor == VA_MIDDLE ? size.x_advance / 2
                                             : 0),
                  y);
    cairo_show_text(cr, text);
    cairo_new_path(cr);
}

/* ---- begin and end ---------------------------------------------------------------------- */

static void draw_end(void *picture)
{
    struct picture *p = picture;

    if (p && p->cr)
        cairo_destroy(p->cr);
    va_free(p);
}

/* A picture on a surface, which it takes; NULL after reporting. */
static void *new_picture(cairo_surface_t *surface, double scale, bool dark)
{
    struct picture *p = va_new(1, sizeof(*p));
    cairo_status_t status;

    if (!p) {
        cairo_surface_destroy(surface);
        return NULL;
    }
    p->dark = dark;
    p->cr = cairo_create(surface);
    cairo_surface_destroy(surface); /* cr keeps it */
    status = cairo_status(p->cr);
    if (status != CAIRO_STATUS_SUCCESS) {
        va_error_machine("cannot begin a picture: %s", cairo_status_to_string(status));
        draw_end(p);
        return NULL;
    }
    cairo_scale(p->cr, scale, scale);
    cairo_select_font_face(p->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(p->cr, FONT);
    cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
    return p;
}

static void *draw_begin(double width, double height)
{
    void *p = new_picture(cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                                     (int)ceil(PIXELS * width),
                                                     (int)ceil(PIXELS * height)),
                          PIXELS, false);

    if (p)
        draw_rect(p, VA_INK_PAPER, 0, 0, width, height);
    return p;
}

static void *draw_over(uint32_t *pixels, int64_t width, int64_t height, double scale)
{
    return new_picture(cairo_image_surface_create_for_data((unsigned char *)pixels,
                                                           CAIRO_FORMAT_RGB24, (int)width,
                                                           (int)height, (int)width * 4),
                       scale, true);
}

/* ---- the file: cairo's, with a note behind its header by which we know it again ------------- */

enum { HEADER = 33 }; /* signature and IHDR */
static const unsigned char note[] = "\0\0\0\x11tEXtSoftware\0mamba-va\xe9\xd0\xdc\xae";
enum { NOTE = sizeof(note) - 1 };

struct bytes {
    FILE *to;
    size_t written;
};

static cairo_status_t put(void *closure, const unsigned char *data, unsigned int length)
{
    struct bytes *b = closure;
    size_t head = b->written < HEADER ? HEADER - b->written : 0;

    if (head > length)
        head = length;
    fwrite(data, 1, head, b->to);
    if (b->written < HEADER && b->written + head == HEADER)
        fwrite(note, 1, NOTE, b->to);
    fwrite(data + head, 1, length - head, b->to);
    b->written += length;
    return ferror(b->to) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static int write_png(void *picture, FILE *to)
{
    const struct picture *p = picture;
    struct bytes b = { .to = to };
    cairo_status_t s = cairo_surface_write_to_png_stream(cairo_get_target(p->cr), put, &b);

    if (s == CAIRO_STATUS_SUCCESS || s == CAIRO_STATUS_WRITE_ERROR)
        return 0;
    return va_error_machine("cannot write a picture: %s", cairo_status_to_string(s));
}

static bool ours_png(const char *head, size_t size)
{
    return size >= HEADER + NOTE && !memcmp(head, "\x89PNG\r\n\x1a\n", 8) &&
           !memcmp(head + HEADER, note, NOTE);
}

static const struct va_drawer cairo = {
    .begin = draw_begin,
    .over = draw_over,
    .end = draw_end,
    .write = write_png,
    .ours = ours_png,
    .rect = draw_rect,
    .circle = draw_circle,
    .point = draw_point,
    .stroke = draw_stroke,
    .fill = draw_fill,
    .text = draw_text,
};
const struct va_drawer *const va_cairo = &cairo;
