/*
 * va_intake.h - what a model wants to be given of a picture: its side, and the numbers that it is
 * turned into.
 */
#ifndef VA_INTAKE_H
#define VA_INTAKE_H

#include <stdint.h>

struct va_intake {
    int64_t side;    /* pixels; pictures are square */
    int64_t numbers; /* that one becomes; or so many words of 4 bytes, as the model likes it */
    /* picture [side, side, 3] of RGB -> row [numbers]. May run in several threads at once. */
    void (*cut)(const void *model, const uint8_t *picture, float *row);
    const void *model;
};

#endif
