#include "plot/va_chart.h"
#include <math.h>
#include <stdio.h>

void va_traces_span(const struct va_box *box, double *left, double *right)
{
    struct va_axes a = { 0 };

    va_axes_place(&a, box);
    *left = a.x.from;
    *right = a.x.to;
}

static int draw_dimension(struct va_canvas *c, const struct va_box *box,
                          const struct va_shown *s, enum va_dimension d)
{
    static const enum va_ink inks[] = { VA_INK_VALENCE, VA_INK_AROUSAL };
    const struct va_legend legend[] = { { inks[d], "predicted" },
                                        { VA_INK_LABEL, "annotated" } };
    struct va_axes a = {
        .x = { .lo = s->T ? s->time[0] : 0, .hi = s->T ? s->time[s->T - 1] : 1 },
        .y = { .lo = -1, .hi = 1 },
        .time = s->timed,
        .x_name = s->timed ? NULL : "frame",
        .title = va_dimension_names[d],
    };
    bool last = d == VA_AROUSAL;
    char ccc[24], level[40] = "", title[100];

    if (s->label)
        va_shown_ccc(ccc, s->score.value[d][VA_CCC]);
    if (s->lower)
        snprintf(level, sizeof(level), ", band: %g %% of frames", s->level);
    snprintf(title, sizeof(title), "%s%s%s%s", a.title, s->label ? ", " : "",
             s->label ? ccc : "", level);
    a.title = title;
    va_axes_place(&a, box);
    va_canvas_open(c, d == VA_VALENCE ? "class=\"va-trace\" data-of=\"valence\""
                                      : "class=\"va-trace\" data-of=\"arousal\"");
    if (s->lower)
        va_axes_band(c, &a, VA_INK_DENSITY, s->time, s->lower + d, s->upper + d, 2, s->face,
                     s->T);
    va_axes_gaps(c, &a, s->face, s->time, s->T);
    va_axes_draw(c, &a, last);
    if (s->label) {
        va_legend_draw(c, a.x.to, a.y.to - 9, 300, legend, 2, true);
    }
    if ((s->label && va_axes_trace(c, &a, VA_INK_LABEL, s->time, s->label + d, 2, s->T) < 0) ||
        va_axes_trace(c, &a, inks[d], s->time, s->seen + d, 2, s->T) < 0)
        return -1;
    va_canvas_close(c);
    return 0;
}

int va_chart_traces(struct va_canvas *c, const struct va_box *box, const struct va_shown *s)
{
    /* Without marks of x below it, the upper one ends where the lower one begins. */
    double plot = (box->height - 2 * VA_AXES_TOP - VA_AXES_BOTTOM - 6) / 2;
    struct va_box upper = *box, lower = *box;

    upper.height = plot + VA_AXES_TOP + VA_AXES_BOTTOM;
    lower.y += plot + VA_AXES_TOP + 6;
    lower.height = upper.height;
    if (draw_dimension(c, &upper, s, VA_VALENCE) < 0)
        return -1;
    return draw_dimension(c, &lower, s, VA_AROUSAL);
}
