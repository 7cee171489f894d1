/*
 * va_figure.h - a picture as a file: SVG, or PNG where its name ends in .png.
 *
 *     begin ... charts on figure.canvas ... commit or abort
 *
 * Ownership: the caller's struct; commit and abort release it
 */
#ifndef VA_FIGURE_H
#define VA_FIGURE_H

#include "base/va_attr.h"
#include "base/va_tempfile.h"
#include "plot/va_canvas.h"

struct va_figure {
    struct va_canvas canvas;
    struct va_textfile file;
};

/* Begin `path` ("-": standard output, SVG) with a title and a description in words. -1 after reporting,
 * also that this build has no PNG. */
VA_MUST_USE int va_figure_begin(struct va_figure *f, const char *path, double width,
                                double height, const char *title, const char *description);
VA_MUST_USE int va_figure_commit(struct va_figure *f); /* -1 after reporting */
void va_figure_abort(struct va_figure *f);

#endif
