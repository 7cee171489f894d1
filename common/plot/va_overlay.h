/*
 * va_overlay.h - what is drawn over the frames of a video: a box and a name at each face; at the bottom
 * the last seconds of valence and arousal, and where they are now in the circumplex.
 *
 * Drawn by cairo; without it by va_plain, and then without text. One person has the inks of valence and
 * arousal, several have the inks of series (va_ink.h), in their order, and so have their boxes.
 * Sizes follow from that of the picture. A picture too small for curves has boxes and names alone.
 *
 * Pixels:    [height, width, 3] RGB, 8 bits
 */
#ifndef VA_OVERLAY_H
#define VA_OVERLAY_H

#include "base/va_attr.h"
#include "plot/va_shown.h"
#include <stdbool.h>
#include <stdint.h>

enum { VA_OVERLAY_SECONDS = 10 }; /* of curves */

struct va_overlay_person {
    const char *name;
    const float *box; /* [4] left, top, width, height in pixels; NULL: not in this frame */
    const struct va_shown *shown; /* predictions; NULL: none */
};

/* Where it is drawn; for pictures of one size. */
struct va_overlay {
    int64_t width, height;
    double scale;     /* pixels in a unit of drawing */
    bool curves;      /* the picture is large enough for them */
    char *caption;    /* above the curves: which model; NULL: nothing */
    uint32_t *pixels; /* [height, width] 0x00RRGGBB */
};

/* `caption` has parts with "; " between them: the first ones are shown, as many as fit; NULL: nothing. 0, or
 * -1 after reporting. Release in any case; it begins as { 0 }. */
VA_MUST_USE int va_overlay_init(struct va_overlay *o, int64_t width, int64_t height,
                                const char *caption);
void va_overlay_release(struct va_overlay *o);

/* Draw over frame t, from 0. Predictions have a row for it, or nothing is drawn of them. -1 after
 * reporting. */
VA_MUST_USE int va_overlay_draw(const struct va_overlay *o, int64_t t,
                                const struct va_overlay_person *people, int64_t count,
                                uint8_t *rgb);

#endif
