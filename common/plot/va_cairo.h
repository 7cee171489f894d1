/*
 * va_cairo.h - the same pictures as pixels: PNG files, drawn by cairo, on light paper; or over a picture
 * that is there, in the colours of dark paper.
 *
 * One of two files is compiled: va_cairo_on.c, or va_cairo_off.c where cairo was not found. Equal
 * pictures give equal bytes with one build of cairo and one set of fonts. va_plain needs no library; it
 * draws no text, no dashes and no areas, and only over pictures.
 */
#ifndef VA_CAIRO_H
#define VA_CAIRO_H

#include "base/va_attr.h"
#include "plot/va_ink.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum va_anchor { VA_START, VA_MIDDLE, VA_END };

/* Draws a picture; what the calls mean is in va_canvas.h. */
struct va_drawer {
    void *(*begin)(double width, double height); /* NULL after reporting */
    /* Over `pixels` [height, width] of 0x00RRGGBB, which live as long and may be changed between two
     * calls; `scale` of them are a CSS pixel. NULL after reporting. */
    void *(*over)(uint32_t *pixels, int64_t width, int64_t height, double scale);
    void (*end)(void *picture); /* NULL is fine */
    /* -1 after reporting; a stream that cannot be written is reported when it is committed. */
    int (*write)(void *picture, FILE *to);
    /* Whether head[0..size) begins a PNG picture of ours (va_output.h). */
    bool (*ours)(const char *head, size_t size);
    void (*rect)(void *picture, enum va_ink ink, double x, double y, double width,
                 double height);
    void (*circle)(void *picture, enum va_ink ink, bool filled, double x, double y, double r);
    void (*point)(void *picture, bool on, double x, double y);
    void (*stroke)(void *picture, enum va_ink ink);
    void (*fill)(void *picture, enum va_ink ink);
    void (*text)(void *picture, enum va_ink ink, enum va_anchor anchor, double x, double y,
                 const char *text);
};
extern const struct va_drawer *const va_cairo; /* NULL: this build has none */
extern const struct va_drawer *const va_plain;

#endif
