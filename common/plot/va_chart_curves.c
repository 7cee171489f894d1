#include "plot/va_chart.h"

#include "base/va_mem.h"
#include <math.h>
#include <string.h>

enum { LINES = 3 };

/* What a chart shows of a run: columns of one of its logs. A single run has all of them, each in its own
 * ink; of several only the first, in the ink of the run. */
static const struct chart {
    const char *title;
    bool val;
    const char *columns[LINES];
    enum va_ink inks[LINES];
} charts[VA_CURVES] = {
    [VA_CURVES_LOSS] = { "training: loss", false, { "loss" }, { VA_INK_SERIES } },
    [VA_CURVES_CCC] = { "validation: CCC",
                        true,
                        { "mean", "valence", "arousal" },
                        { VA_INK_MEAN, VA_INK_VALENCE, VA_INK_AROUSAL } },
};

static const double *column(const struct chart *k, const struct va_curves *run, int line,
                            const struct va_curve_table **log)
{
    *log = k->val ? &run->val : &run->train;
    return k->columns[line] ? va_curve_column(*log, k->columns[line]) : NULL;
}

bool va_chart_has_curves(enum va_curves_chart chart, const struct va_curves *runs,
                         int64_t count)
{
    const struct va_curve_table *log;

    for (int64_t i = 0; i < count; i++)
        if (column(&charts[chart], &runs[i], 0, &log))
            return true;
    return false;
}

static void extend(double *lo, double *hi, double x)
{
    if (!isfinite(x))
        return;
    *lo = isnan(*lo) || x < *lo ? x : *lo;
    *hi = isnan(*hi) || x > *hi ? x : *hi;
}

/* Fit both axes to what will be drawn. */
static void fit(struct va_axes *a, const struct chart *k, const struct va_curves *runs,
                int64_t count, int lines)
{
    double lo = NAN, hi = NAN, last = 1, none = NAN;

    for (int64_t i = 0; i < count; i++)
        for (int d = 0; d < lines; d++) {
            const struct va_curve_table *log;
            const double *y = column(k, &runs[i], d, &log);

            for (int64_t r = 0; y && r < log->rows; r++)
                extend(&lo, &hi, y[r]);
            if (y)
                extend(&none, &last, va_curve_column(log, "step")[log->rows - 1]);
        }
    if (k->val)
        extend(&lo, &hi, 0);
    if (isnan(lo))
        lo = 0, hi = 1;
    if (!(hi > lo))
        lo -= .5, hi += .5;
    a->x.lo = 0;
    a->x.hi = last;
    a->y.lo = lo - .04 * (hi - lo);
    a->y.hi = hi + .04 * (hi - lo);
}

int va_chart_curves(struct va_canvas *c, const struct va_box *box, enum va_curves_chart chart,
                    const struct va_curves *runs, int64_t count)
{
    const struct chart *k = &charts[chart];
    struct va_axes a = { .title = k->title, .x_name = "step" };
    struct va_legend *legend = va_new(count + LINES, sizeof(*legend));
    int lines = count == 1 ? LINES : 1, status = legend ? 0 : -1;
    int64_t n = 0;

    va_axes_place(&a, box);
    fit(&a, k, runs, count, lines);
    if (status == 0)
        va_axes_draw(c, &a, true);
    for (int64_t i = 0; i < count; i++)
        for (int d = 0; d < lines && status == 0; d++) {
            const struct va_curve_table *log;
            const double *y = column(k, &runs[i], d, &log);
            enum va_ink ink = count == 1 ? k->inks[d] : va_ink_of_series(runs[i].series);

            if (!y)
                continue;
            if (d > 0 || i == 0 || runs[i].series != runs[i - 1].series || n == 0)
                legend[n++] = (struct va_legend){ ink,
                                                  count == 1 ? k->columns[d] : runs[i].name };
            status = va_axes_trace(c, &a, ink, va_curve_column(log, "step"), y, 1, log->rows);
        }
    if (n > 1)
        va_legend_draw(c, a.x.to - 44, a.y.from + 31, a.x.to - a.x.from - 44, legend, n,
                       true); /* beside "step" */
    va_free(legend);
    return status;
}
