#include "plot/va_canvas.h"

#include "base/va_output.h"
#include "plot/va_cairo.h"
#include "plot/va_xml.h"
#include <math.h>
#include <string.h>

#define BEGINNING "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"va-plot"

bool va_canvas_ours_svg(const char *head, size_t size)
{
    return va_output_begins(head, size, BEGINNING);
}

/* A coordinate: a tenth of a pixel is enough, and no zeros that say nothing. */
static void put_number(FILE *to, double x)
{
    double tenths = round(10 * x);

    if (fmod(tenths, 10) == 0)
        fprintf(to, "%.0f", tenths / 10 + 0.0);
    else
        fprintf(to, "%.1f", tenths / 10);
}

static void put_attribute(FILE *to, const char *name, double x)
{
    fprintf(to, " %s=\"", name);
    put_number(to, x);
    putc('"', to);
}

void va_canvas_svg(struct va_canvas *c, FILE *to, double width, double height,
                   const char *title, const char *description, bool standing,
                   const char *attributes)
{
    *c = (struct va_canvas){ .width = width, .height = height, .svg = to };
    fprintf(to, BEGINNING "\" viewBox=\"0 0 %g %g\" role=\"img\"", width, height);
    if (standing)
        fprintf(to, " width=\"%g\" height=\"%g\"", width, height);
    if (attributes)
        fprintf(to, " %s", attributes);
    fputs(">\n<title>", to);
    va_xml_put(to, title, VA_XML_MOST);
    fputs("</title>\n<desc>", to);
    va_xml_put(to, description, VA_XML_MOST);
    fputs("</desc>\n", to);
    if (!standing)
        return;
    fputs("<style>\ntext{font:12px system-ui,sans-serif}\n", to);
    va_ink_css(to);
    fputs("</style>\n" VA_HATCH "\n", to);
    va_canvas_rect(c, VA_INK_PAPER, 0, 0, width, height);
}

void va_canvas_svg_end(struct va_canvas *c)
{
    fputs("</svg>\n", c->svg);
}

void va_canvas_open(struct va_canvas *c, const char *attributes)
{
    if (c->svg)
        fprintf(c->svg, "<g %s>\n", attributes);
}

void va_canvas_close(struct va_canvas *c)
{
    if (c->svg)
        fputs("</g>\n", c->svg);
}

static void put_class(FILE *to, enum va_ink ink, const char *line)
{
    fprintf(to, " class=\"va-%s%s\"", va_ink_looks[ink].name, line);
}

void va_canvas_rect(struct va_canvas *c, enum va_ink ink, double x, double y, double width,
                    double height)
{
    if (!c->svg) {
        c->drawer->rect(c->picture, ink, x, y, width, height);
        return;
    }
    fputs("<rect", c->svg);
    if (ink == VA_INK_GAP)
        fputs(" fill=\"url(#va-hatch)\"", c->svg);
    else
        put_class(c->svg, ink, "");
    put_attribute(c->svg, "x", x);
    put_attribute(c->svg, "y", y);
    put_attribute(c->svg, "width", width);
    put_attribute(c->svg, "height", height);
    fputs("/>\n", c->svg);
}

static void circle(struct va_canvas *c, enum va_ink ink, bool filled, double x, double y,
                   double r)
{
    if (!c->svg) {
        c->drawer->circle(c->picture, ink, filled, x, y, r);
        return;
    }
    fputs("<circle", c->svg);
    put_class(c->svg, ink, filled ? "" : "-line");
    put_attribute(c->svg, "cx", x);
    put_attribute(c->svg, "cy", y);
    put_attribute(c->svg, "r", r);
    fputs("/>\n", c->svg);
}

void va_canvas_circle(struct va_canvas *c, enum va_ink ink, double x, double y, double r)
{
    circle(c, ink, true, x, y, r);
}

void va_canvas_ring(struct va_canvas *c, enum va_ink ink, double x, double y, double r)
{
    circle(c, ink, false, x, y, r);
}

void va_canvas_line(struct va_canvas *c, enum va_ink ink, double x1, double y1, double x2,
                    double y2)
{
    va_canvas_path(c, ink);
    va_canvas_move(c, x1, y1);
    va_canvas_on(c, x2, y2);
    va_canvas_path_end(c);
}

void va_canvas_path(struct va_canvas *c, enum va_ink ink)
{
    c->path = ink;
    c->begun = c->area = false;
}

void va_canvas_area(struct va_canvas *c, enum va_ink ink)
{
    va_canvas_path(c, ink);
    c->area = true;
}

static void point(struct va_canvas *c, bool on, double x, double y)
{
    if (!c->svg) {
        c->drawer->point(c->picture, on, x, y);
        return;
    }
    if (!c->begun) {
        fputs("<path", c->svg);
        put_class(c->svg, c->path, c->area ? "" : "-line");
        fputs(" d=\"", c->svg);
    }
    putc(on ? 'L' : 'M', c->svg);
    put_number(c->svg, x);
    putc(' ', c->svg);
    put_number(c->svg, y);
    c->begun = true;
}

void va_canvas_move(struct va_canvas *c, double x, double y)
{
    point(c, false, x, y);
}

void va_canvas_on(struct va_canvas *c, double x, double y)
{
    point(c, true, x, y);
}

void va_canvas_path_end(struct va_canvas *c)
{
    if (!c->svg)
        (c->area ? c->drawer->fill : c->drawer->stroke)(c->picture, c->path);
    else if (c->begun)
        fputs("\"/>\n", c->svg);
}

double va_canvas_width(const char *text)
{
    double n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80; /* bytes that begin a character */
    return n * VA_CANVAS_CHARACTER;
}

void va_canvas_text(struct va_canvas *c, enum va_ink ink, enum va_anchor anchor, double x,
                    double y, double room, const char *text)
{
    static const char *const anchors[] = { "start", "middle", "end" };
    int most = room > 0 ? (int)(room / VA_CANVAS_CHARACTER) : VA_XML_MOST;

    if (!c->svg) {
        char shown[VA_XML_ROOM];

        va_xml_cut(shown, text, most);
        c->drawer->text(c->picture, ink, anchor, x, y, shown);
        return;
    }
    fputs("<text", c->svg);
    put_class(c->svg, ink, "");
    put_attribute(c->svg, "x", x);
    put_attribute(c->svg, "y", y);
    if (anchor != VA_START)
        fprintf(c->svg, " text-anchor=\"%s\"", anchors[anchor]);
    putc('>', c->svg);
    va_xml_put(c->svg, text, most);
    fputs("</text>\n", c->svg);
}
