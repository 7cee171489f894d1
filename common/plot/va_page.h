/*
 * va_page.h - pages of HTML: one file that needs no network and no library.
 *
 * A page can be read without its script: pictures are SVG in the page, numbers are tables. The script
 * (page.js) adds tabs, a line that follows the pointer, seeking in the video. It is well-formed XML as
 * well.
 *
 *     begin ... sections ... commit or abort
 *
 *   va_page.c           what pages share
 *   va_page_video.c     predictions of a video, a tab for each person
 *   va_page_results.c   a cross-validation, or a training
 *   va_page_two.c   what differs between two of them
 *
 * Errors:    all report; writing is checked at the commit
 * Ownership: the caller's struct; commit and abort release it
 */
#ifndef VA_PAGE_H
#define VA_PAGE_H

#include "base/va_attr.h"
#include "base/va_tempfile.h"
#include "plot/va_agreement.h"
#include "plot/va_canvas.h"
#include "plot/va_made.h"
#include "plot/va_results.h"
#include "plot/va_view.h"
#include <stdio.h>

/* ---- whole pages ------------------------------------------------------------------------ */

/* Predictions `input`: traces, circumplex and numbers of each person. `video` is a file to show beside
 * them, named in the page relative to the page's folder; NULL: none. -1 after reporting. */
VA_MUST_USE int va_page_of_video(const char *output, const char *input, const struct va_view *v,
                                 const char *video);

/* The results in one folder; with the labels of `options`, also their agreement. -1 after reporting. */
VA_MUST_USE int va_page_of_results(const char *output, const struct va_results *r,
                                   const struct va_view_options *options);

/* Two folders of results side by side. -1 after reporting. */
VA_MUST_USE int va_page_of_two(const char *output, const struct va_results *a,
                               const struct va_results *b,
                               const struct va_view_options *options);

/* ---- parts ------------------------------------------------------------------------------- */

struct va_page {
    struct va_textfile file;
    FILE *to;
};

/* Begin `path` ("-": standard output) with a title, which is the heading too. -1 after reporting. */
VA_MUST_USE int va_page_begin(struct va_page *p, const char *path, const char *title);
VA_MUST_USE int va_page_commit(struct va_page *p); /* -1 after reporting */
void va_page_abort(struct va_page *p);             /* fine when it was not begun */

/* A heading over what follows; `id` is for links, NULL: none. */
void va_page_section(struct va_page *p, const char *id, const char *heading);
void va_page_section_end(struct va_page *p);
/* A paragraph of plain text, as printf's arguments make it. */
void va_page_say(struct va_page *p, const char *format, ...) VA_PRINTF(2, 3);

/* A picture of this size begins, then charts on *c. `attributes` as va_canvas_svg. */
void va_page_figure(struct va_page *p, struct va_canvas *c, double width, double height,
                    const char *title, const char *description, const char *attributes);
void va_page_figure_end(struct va_page *p, struct va_canvas *c);

/* A table: a heading for each of `count` columns, then rows of cells. A caption that hides the table until
 * it is opened; NULL: the table is open. */
void va_page_table(struct va_page *p, const char *fold, const char *const *headings, int count);
void va_page_row(struct va_page *p);
void va_page_cell(struct va_page *p, const char *text);
/* Three digits, "-" for NaN; `sign` for differences. */
void va_page_number(struct va_page *p, double x, bool sign);
void va_page_table_end(struct va_page *p, bool folded);

/* How one file was made, as a table. */
void va_page_made(struct va_page *p, const char *fold, const struct va_made *m);

/* The charts of curves that runs have. -1 after reporting. */
VA_MUST_USE int va_page_curves(struct va_page *p, const struct va_curves *runs, int64_t count);

#endif
