/*
 * va_canvas.h - what charts draw on: SVG for files and pages, PNG where cairo was found.
 *
 * Units are CSS pixels, y grows downwards. Lines, areas and texts have an ink (va_ink.h), whose colour
 * the canvas knows. Interaction is for SVG only: va_canvas_open puts attributes on what follows.
 *
 * Errors:    writing to a stream is checked when the file is committed; pictures of cairo report themselves
 * Ownership: the caller's; begins with va_canvas_svg, or with a picture
 */
#ifndef VA_CANVAS_H
#define VA_CANVAS_H

#include "base/va_attr.h"
#include "plot/va_cairo.h"
#include "plot/va_ink.h"
#include <stdbool.h>
#include <stdio.h>

/* Width of a character of text, on average and rather too much: nothing is measured. */
#define VA_CANVAS_CHARACTER 7.4

/* What VA_INK_GAP is filled with, once in each file. */
#define VA_HATCH                                                                               \
    "<defs><pattern id=\"va-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" " \
    "patternTransform=\"rotate(45)\"><rect class=\"va-gap\" width=\"1.5\" height=\"6\"/>"      \
    "</pattern></defs>"

struct va_canvas {
    double width, height;
    FILE *svg; /* NULL: a drawer draws */
    const struct va_drawer *drawer;
    void *picture;    /* of the drawer */
    bool begun;       /* the path has a point */
    bool area;        /* the path is filled, not drawn */
    enum va_ink path; /* of the path */
};

/*
 * Begin an SVG image with a title and a description for those who cannot see it. `standing`: a file of
 * its own, with its colours and its paper; else a part of a page, with `attributes` on its root element
 * (NULL: none), which are written as they are.
 */
void va_canvas_svg(struct va_canvas *c, FILE *to, double width, double height,
                   const char *title, const char *description, bool standing,
                   const char *attributes);
void va_canvas_svg_end(struct va_canvas *c);

void va_canvas_open(struct va_canvas *c, const char *attributes); /* <g ATTRIBUTES> */
void va_canvas_close(struct va_canvas *c);

void va_canvas_rect(struct va_canvas *c, enum va_ink ink, double x, double y, double width,
                    double height);
void va_canvas_circle(struct va_canvas *c, enum va_ink ink, double x, double y, double r);
void va_canvas_ring(struct va_canvas *c, enum va_ink ink, double x, double y, double r);
void va_canvas_line(struct va_canvas *c, enum va_ink ink, double x1, double y1, double x2,
                    double y2);

/* A line through many points: begin, then move to each piece's first point and on to the others. */
void va_canvas_path(struct va_canvas *c, enum va_ink ink);
void va_canvas_area(struct va_canvas *c, enum va_ink ink); /* the same, filled within */
void va_canvas_move(struct va_canvas *c, double x, double y);
void va_canvas_on(struct va_canvas *c, double x, double y);
void va_canvas_path_end(struct va_canvas *c);

/* What a line of text takes at most, about: its characters times VA_CANVAS_CHARACTER. */
double va_canvas_width(const char *text);

/* A line of text that ends, begins or has its middle at x; cut to `room` pixels (0: as long as it is). */
void va_canvas_text(struct va_canvas *c, enum va_ink ink, enum va_anchor anchor, double x,
                    double y, double room, const char *text);

/* Whether head[0..size) begins an SVG image of ours (va_output.h). */
bool va_canvas_ours_svg(const char *head, size_t size);

#endif
