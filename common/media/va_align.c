/*
 * Samples are taken in fixed point, weights in 1/256, so that sums are exact and equal everywhere.
 */
#include "media/va_align.h"

#include "base/va_error.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- templates -------------------------------------------------------------------------- */

/* Source: the reference points of ArcFace (Deng et al. 2019) for crops of 112 x 112. */
static const double arcface[VA_FACE_POINTS][2] = { { 38.2946, 51.6963 },
                                                   { 73.5318, 51.5014 },
                                                   { 56.0252, 71.7366 },
                                                   { 41.5493, 92.3655 },
                                                   { 70.7299, 92.2041 } };

static int read_point(FILE *f, const char *path, int line, double point[2])
{
    char text[256], rest;

    if (!fgets(text, sizeof(text), f))
        return va_error("%s: line %d: found the end, expected five lines \"x y\"", path, line);
    if (sscanf(text, "%lf %lf %c", &point[0], &point[1], &rest) != 2 || !isfinite(point[0]) ||
        !isfinite(point[1]) || fabs(point[0]) > 10 || fabs(point[1]) > 10)
        return va_error("%s: line %d: expected \"x y\", in units of the crop (0 to 1)", path,
                        line);
    return 0;
}

int va_face_template_read(struct va_face_template *t, const char *name)
{
    int status = 0;
    FILE *f;

    if (!strcmp(name, "arcface")) {
        for (int i = 0; i < VA_FACE_POINTS; i++)
            for (int d = 0; d < 2; d++)
                t->points[i][d] = arcface[i][d] / 112;
        return 0;
    }
    f = fopen(name, "r");
    if (!f)
        return va_error_read(name, "open");
    for (int i = 0; i < VA_FACE_POINTS && status == 0; i++)
        status = read_point(f, name, i + 1, t->points[i]);
    fclose(f);
    return status;
}

/* ---- the transform ---------------------------------------------------------------------- */

/* With points as complex numbers p and a template q, both counted from their means, the factor
 * that minimises sum |p - w q|^2 is w = sum p conj(q) / sum |q|^2. */
struct va_similarity va_align(const float points[VA_FACE_POINTS][2],
                              const struct va_face_template *t, double margin)
{
    double mean[2] = { 0 }, at[2] = { 0 }, re = 0, im = 0, norm = 0;
    struct va_similarity a;

    for (int i = 0; i < VA_FACE_POINTS; i++)
        for (int d = 0; d < 2; d++) {
            mean[d] += (double)points[i][d] / VA_FACE_POINTS;
            at[d] += t->points[i][d] / VA_FACE_POINTS;
        }
    for (int i = 0; i < VA_FACE_POINTS; i++) {
        double x = (double)points[i][0] - mean[0], y = (double)points[i][1] - mean[1];
        double u = t->points[i][0] - at[0], v = t->points[i][1] - at[1];

        re += x * u + y * v;
        im += y * u - x * v;
        norm += u * u + v * v;
    }
    a.c = norm > 0 ? re / norm : 0;
    a.s = norm > 0 ? im / norm : 0;
    a.x0 = mean[0] + a.c * (.5 - at[0]) - a.s * (.5 - at[1]);
    a.y0 = mean[1] + a.s * (.5 - at[0]) + a.c * (.5 - at[1]);
    a.c *= 1 + 2 * margin;
    a.s *= 1 + 2 * margin;
    return a;
}

/* ---- sampling --------------------------------------------------------------------------- */

enum { BITS = 32 };            /* behind the point of a position */
enum { SAMPLES_MAX = 64 };     /* of a pixel, in each direction */
static const double FAR = 1e5; /* pixels; positions beyond are all the same black */
static const double STRIDE =
    1e3; /* pixels from sample to sample; more are not worth a picture */
static const int64_t LEVEL = 1 << 16; /* the sum of a sample's weights */

struct picture {
    const uint8_t *pixels;
    int64_t width, height;
};
struct place {
    int64_t x, y; /* in pixels / 2^BITS, from the middle of the first pixel */
};

static int64_t fixed(double x, double most)
{
    return llround(fmin(most, fmax(-most, x)) * (double)(1ll << BITS));
}

static struct place fixed_place(double x, double y, double most)
{
    return (struct place){ fixed(x, most), fixed(y, most) };
}

/* A pixel of the picture, beyond its border too. */
static void add_pixel(const struct picture *p, int64_t col, int64_t row, uint32_t weight,
                      uint64_t sum[3])
{
    const uint8_t *pixel = p->pixels + 3 * (row * p->width + col);

    if (col < 0 || row < 0 || col >= p->width || row >= p->height)
        return;
    for (int i = 0; i < 3; i++)
        sum[i] += (uint64_t)weight * pixel[i];
}

/* Add the bilinear sample at a place to sum[3], in levels times LEVEL. */
static void add_sample(const struct picture *p, struct place at, uint64_t sum[3])
{
    int64_t col = at.x >> BITS, row = at.y >> BITS;
    uint32_t fx = (uint32_t)(at.x >> (BITS - 8)) & 255,
             fy = (uint32_t)(at.y >> (BITS - 8)) & 255;
    const uint32_t weight[4] = { (256 - fx) * (256 - fy), fx * (256 - fy), (256 - fx) * fy,
                                 fx * fy };

    if (col >= 0 && row >= 0 && col + 1 < p->width && row + 1 < p->height) {
        const uint8_t *upper = p->pixels + 3 * (row * p->width + col);
        const uint8_t *lower = upper + 3 * p->width;

        for (int i = 0; i < 3; i++)
            sum[i] += weight[0] * upper[i] + weight[1] * upper[3 + i] + weight[2] * lower[i] +
                      weight[3] * lower[3 + i];
        return;
    }
    for (int k = 0; k < 4; k++)
        if (weight[k])
            add_pixel(p, col + (k & 1), row + (k >> 1), weight[k], sum);
}

/*
 * Samples in each direction for a pixel that covers so many of the picture. Points are float32, so that
 * a scale that was meant to be 1 may be a little more: two samples would blur by an eighth then. A scale is as
 * exact as a weight.
 */
static int samples_of(double covers)
{
    double n = ceil(covers - 1. / 256);

    return n < 1 ? 1 : n < SAMPLES_MAX ? (int)n : SAMPLES_MAX;
}

void va_align_crop(const uint8_t *pixels, int64_t width, int64_t height,
                   const struct va_similarity *from, int size, uint8_t *crop)
{
    const struct picture p = { pixels, width, height };
    double covers = hypot(from->c, from->s) / size;
    int n = samples_of(covers);
    double step = 1. / size / n;
    const struct place right = fixed_place(from->c * step, from->s * step, STRIDE);
    uint64_t count = (uint64_t)n * (uint64_t)n * (uint64_t)LEVEL;
    struct place at[SAMPLES_MAX]; /* [n] the next sample of each row of samples */

    for (int row = 0; row < size; row++) {
        for (int j = 0; j < n; j++) {
            double u = .5 * step - .5, v = (row * n + j + .5) * step - .5;

            at[j] = fixed_place(from->c * u - from->s * v + from->x0 - .5,
                                from->s * u + from->c * v + from->y0 - .5, FAR);
        }
        for (int col = 0; col < size; col++, crop += 3) {
            uint64_t sum[3] = { 0 };

            for (int j = 0; j < n; j++)
                for (int i = 0; i < n; i++, at[j].x += right.x, at[j].y += right.y)
                    add_sample(&p, at[j], sum);
            for (int i = 0; i < 3; i++)
                crop[i] = (uint8_t)((sum[i] + count / 2) / count);
        }
    }
}
