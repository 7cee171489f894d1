/*
 * va_align.h - a face brought to where a template has its eyes, nose and mouth.
 *
 * The similarity transform x' = a x - b y + tx, y' = b x + a y + ty that brings five points nearest to
 * others, by least squares (Umeyama 1991; in the plane a closed formula).
 */
#ifndef VA_ALIGN_H
#define VA_ALIGN_H

#include "model/va_yunet.h"

struct va_similarity {
    double a, b, tx, ty;
};

/* The template of ArcFace: points in a square of VA_TEMPLATE_SIDE pixels. */
enum { VA_TEMPLATE_SIDE = 112 };
extern const char va_template_name[]; /* "arcface" */
extern const float va_template[VA_YUNET_POINTS][2];

/* From points to those of a template. Points that are all one give the transform that brings their
 * mean to the template's, without scale. */
struct va_similarity va_align(const float from[VA_YUNET_POINTS][2],
                              const float to[VA_YUNET_POINTS][2]);

/* The transform back. */
struct va_similarity va_align_inverse(const struct va_similarity *s);

#endif
