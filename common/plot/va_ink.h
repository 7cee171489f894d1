/*
 * va_ink.h - the colours of pictures, on light and on dark paper.
 *
 * Lines and areas keep apart for every kind of colour blindness (the palette of Okabe and Ito); what
 * differs by colour also differs by place, dash or label. Areas of density go from faint to strong.
 */
#ifndef VA_INK_H
#define VA_INK_H

#include <stdint.h>
#include <stdio.h>

enum { VA_DENSITIES = 5, VA_SERIES = 8 };
enum va_ink {
    VA_INK_PAPER,
    VA_INK_TEXT,
    VA_INK_FAINT, /* text of the second rank */
    VA_INK_GRID,
    VA_INK_AXIS,
    VA_INK_GAP, /* hatched: frames without a face */
    VA_INK_VALENCE,
    VA_INK_AROUSAL,
    VA_INK_MEAN,
    VA_INK_LABEL, /* annotations: dashed */
    VA_INK_PATH,
    VA_INK_DENSITY,
    VA_INK_SERIES = VA_INK_DENSITY +
                    VA_DENSITIES, /* of runs and methods; after the last again the first */
    VA_INKS = VA_INK_SERIES + VA_SERIES,
};

struct va_ink_look {
    const char *name;     /* of its classes: va-NAME fills, va-NAME-line draws */
    uint32_t light, dark; /* 0xRRGGBB */
    double width;         /* of lines */
    double dash;          /* length of dashes and of the spaces between; 0: solid */
};
extern const struct va_ink_look va_ink_looks[VA_INKS];

/* The ink of series i, from 0. */
static inline enum va_ink va_ink_of_series(int64_t i)
{
    return (enum va_ink)(VA_INK_SERIES + i % VA_SERIES);
}

/* Write the rules of all inks as CSS, light, and dark where the reader prefers that. */
void va_ink_css(FILE *to);

#endif
