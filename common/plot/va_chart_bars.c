#include "plot/va_chart.h"

#include "base/va_mem.h"
#include <math.h>
#include <stdio.h>

enum { BAR = 60 }; /* pixels that a bar is wide at most */

/* The scale of CCC: from 0, or the least value below, to the greatest. */
static void fit(struct va_axes *a, const struct va_bars *b)
{
    for (int64_t i = 0; i < b->groups * b->series; i++) {
        if (b->value[i] < a->y.lo)
            a->y.lo = b->value[i];
        if (b->value[i] > a->y.hi)
            a->y.hi = b->value[i];
    }
    a->y.hi = a->y.hi > 0 ? ceil(10 * a->y.hi) / 10 : .1;
    a->y.lo = floor(10 * a->y.lo) / 10;
}

static void draw_bar(struct va_canvas *c, const struct va_axes *a, enum va_ink ink, double x,
                     double width, double value, bool told)
{
    double y = va_scale_at(&a->y, value), zero = va_scale_at(&a->y, 0);
    char text[VA_TICK_TEXT];

    va_canvas_rect(c, ink, x, fmin(y, zero), width, fabs(y - zero));
    if (!told)
        return;
    va_tick_text(text, value, .01);
    va_canvas_text(c, VA_INK_FAINT, VA_MIDDLE, x + width / 2, fmin(y, zero) - 4, 0, text);
}

void va_chart_bars(struct va_canvas *c, const struct va_box *box, const struct va_bars *b)
{
    struct va_axes a = { .title = b->title };
    struct va_legend legend[VA_SERIES];
    double group, bar;
    int64_t named = b->series < VA_SERIES ? b->series : VA_SERIES, skip;

    va_axes_place(&a, box);
    fit(&a, b);
    va_axes_draw(c, &a, false);
    group = (a.x.to - a.x.from) / (double)b->groups;
    bar = fmin(fmax(group * .8 / (double)b->series, .3), BAR);
    skip = (int64_t)ceil(24 / group); /* names of groups that have room */
    for (int64_t g = 0; g < b->groups; g++) {
        double x = a.x.from + ((double)g + .5) * group - (double)b->series * bar / 2;

        for (int64_t s = 0; s < b->series; s++)
            if (!isnan(b->value[g * b->series + s]))
                draw_bar(c, &a, b->inks[s], x + (double)s * bar, fmax(bar - (bar > 4), .3),
                         b->value[g * b->series + s], bar >= 26);
        if (b->group_names && g % skip == 0)
            va_canvas_text(c, VA_INK_FAINT, VA_MIDDLE, a.x.from + ((double)g + .5) * group,
                           a.y.from + 17, fmax(group * (double)skip, 24), b->group_names[g]);
    }
    for (int64_t s = 0; s < named; s++)
        legend[s] = (struct va_legend){ b->inks[s], b->series_names[s] };
    if (b->series > 1)
        va_legend_draw(c, a.x.to, a.y.to - 9, a.x.to - a.x.from - 160, legend, named, false);
}
