/*
 * va_chart.h - the charts.
 *
 * Each fills a box of the canvas: axes, marks and legend lie within. What a long video or run cannot show
 * is thinned to the width of the box, so a picture has a bounded size.
 *
 *   va_chart_traces.c      valence and arousal over time
 *   va_chart_plane.c       the circumplex; predicted against annotated
 *   va_chart_curves.c      training
 *   va_chart_bars.c        scores of folds and videos
 *   va_chart_axes.c        what they share
 *
 * Errors:    those that return int need memory: -1 after reporting
 */
#ifndef VA_CHART_H
#define VA_CHART_H

#include "base/va_attr.h"
#include "data/va_report.h"
#include "plot/va_canvas.h"
#include "plot/va_curves.h"
#include "plot/va_scale.h"
#include "plot/va_shown.h"

struct va_box {
    double x, y, width, height;
};

/* ---- sizes that suit ------------------------------------------------------------------- */

enum {
    VA_CHART_WIDTH = 720,
    VA_PAGE_WIDTH =
        560, /* of charts in pages, which phones show at half of the size of a desk */
    VA_TRACES_HEIGHT = 340,
    VA_PLANE_SIZE = 320, /* width of a plane; it is VA_PLANE_HEIGHT high */
    VA_PLANE_HEIGHT = 344,
    VA_CURVES_HEIGHT = 230,
    VA_BARS_HEIGHT = 240,
};

/* ---- of a video ------------------------------------------------------------------------- */

/* Where the traces lie in their box, for those who point into it: x of the first and last frame. */
void va_traces_span(const struct va_box *box, double *left, double *right);

/* Valence above arousal: predicted, annotated (dashed), hatched where there is no face, a band where the
 * annotation is to lie. */
VA_MUST_USE int va_chart_traces(struct va_canvas *c, const struct va_box *box,
                                const struct va_shown *s);

/* Where valence x and arousal y lie in a plane. */
void va_plane_at(const struct va_box *box, double valence, double arousal, double *x,
                 double *y);

/* How often which emotion was seen, and the way through them: circumplex of Russell. */
VA_MUST_USE int va_chart_circumplex(struct va_canvas *c, const struct va_box *box,
                                    const struct va_shown *s);

/* Annotated (right) against predicted (up) of n pairs [n, 2], dimension valence or arousal. */
VA_MUST_USE int va_chart_scatter(struct va_canvas *c, const struct va_box *box, int64_t n,
                                 const double *prediction, const double *label,
                                 enum va_dimension d);

/* ---- of training ------------------------------------------------------------------------ */

/* A chart has the curves of all runs that have its columns; VA_CURVES are all charts. */
enum va_curves_chart { VA_CURVES_LOSS, VA_CURVES_CCC, VA_CURVES };
bool va_chart_has_curves(enum va_curves_chart chart, const struct va_curves *runs,
                         int64_t count);
VA_MUST_USE int va_chart_curves(struct va_canvas *c, const struct va_box *box,
                                enum va_curves_chart chart, const struct va_curves *runs,
                                int64_t count);

/* ---- of scores -------------------------------------------------------------------------- */

/* Bars in groups: value [groups, series], NaN where there is none; names of both. */
struct va_bars {
    const char *title;
    int64_t groups, series;
    const double *value;
    char *const *group_names, *const *series_names;
    const enum va_ink *inks; /* [series] */
};
void va_chart_bars(struct va_canvas *c, const struct va_box *box, const struct va_bars *b);

/* ---- what charts share (va_chart_axes.c) ---------------------------------------------------- */

/* A plot within margins, and its axes: grid lines at the marks of y, marks of x below. */
struct va_axes {
    struct va_scale x, y; /* y.from is the lower end */
    bool time;            /* marks of x are clock times */
    const char *title, *x_name;
};
enum { VA_AXES_LEFT = 46, VA_AXES_RIGHT = 12, VA_AXES_TOP = 24, VA_AXES_BOTTOM = 34 };
void va_axes_place(struct va_axes *a, const struct va_box *box);
void va_axes_draw(struct va_canvas *c, const struct va_axes *a, bool x_marks);

/* Names and inks in one line that ends at x; line: a stroke stands before each, else a square. */
struct va_legend {
    enum va_ink ink;
    const char *name;
};
void va_legend_draw(struct va_canvas *c, double x, double y, double room,
                    const struct va_legend *items, int64_t count, bool line);

/* A line through y[0], y[stride], ... at x[0], x[1], ...; it breaks where y is NaN and is thinned to the
 * width. */
VA_MUST_USE int va_axes_trace(struct va_canvas *c, const struct va_axes *a, enum va_ink ink,
                              const double *x, const double *y, int64_t stride, int64_t n);

/* The band from lower[0], lower[stride], ... to upper[0], upper[stride], ... at x[0], x[1], ..., thinned as a
 * trace is; none where there is no face (face as for va_axes_gaps). */
void va_axes_band(struct va_canvas *c, const struct va_axes *a, enum va_ink ink,
                  const double *x, const float *lower, const float *upper, int64_t stride,
                  const uint8_t *face, int64_t n);

/* Hatch the frames without a face: face [T] 1 or 0, NULL: all have one; time [T] ascends. */
void va_axes_gaps(struct va_canvas *c, const struct va_axes *a, const uint8_t *face,
                  const double *time, int64_t T);

#endif
