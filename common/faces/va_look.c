#include "faces/va_look.h"

#include "faces/va_align.h"
#include <math.h>

enum { SAMPLES = 4 }; /* in a row and column of a cell */

/* Bilinear, black outside; added to rgb [3]. */
static void sample(const uint8_t *p, int64_t W, int64_t H, double x, double y, double rgb[3])
{
    double fx = floor(x), fy = floor(y), dx = x - fx, dy = y - fy;

    if (!(x > -1 && y > -1 && x < (double)W && y < (double)H))
        return;
    for (int k = 0; k < 4; k++) {
        int64_t i = (int64_t)fx + k % 2, j = (int64_t)fy + k / 2;
        double share = (k % 2 ? dx : 1 - dx) * (k / 2 ? dy : 1 - dy);

        if (i < 0 || j < 0 || i >= W || j >= H)
            continue;
        for (int c = 0; c < 3; c++)
            rgb[c] += share * p[(j * W + i) * 3 + c];
    }
}

static double linear(double x) /* of sRGB from 0 to 1 */
{
    return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
}

static double root(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

/* sRGB from 0 to 255, under daylight D65 */
static void to_lab(const double rgb[3], float lab[3])
{
    double r = linear(rgb[0] / 255), g = linear(rgb[1] / 255), b = linear(rgb[2] / 255);
    double x = root((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.950456);
    double y = root(0.212671 * r + 0.715160 * g + 0.072169 * b);
    double z = root((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754);

    lab[0] = (float)((116 * y - 16) * 2.55);
    lab[1] = (float)(500 * (x - y) + 128);
    lab[2] = (float)(200 * (y - z) + 128);
}

void va_look(const uint8_t *rgb, int64_t width, int64_t height, const struct va_face *face,
             float look[VA_LOOK])
{
    const double cell = (double)VA_TEMPLATE_SIDE / VA_LOOK_SIDE, step = cell / SAMPLES;
    struct va_similarity to = va_align(face->points, va_template);
    struct va_similarity s = va_align_inverse(&to);
    double mean = 0, square = 0;

    for (int i = 0; i < VA_LOOK_SIDE * VA_LOOK_SIDE; i++) {
        double sum[3] = { 0 };

        for (int k = 0; k < SAMPLES * SAMPLES; k++) {
            double u = i % VA_LOOK_SIDE * cell + (k % SAMPLES + 0.5) * step - 0.5;
            double v = i / VA_LOOK_SIDE * cell + (k / SAMPLES + 0.5) * step - 0.5;

            sample(rgb, width, height, s.a * u - s.b * v + s.tx, s.b * u + s.a * v + s.ty, sum);
        }
        for (int c = 0; c < 3; c++)
            sum[c] /= SAMPLES * SAMPLES;
        to_lab(sum, look + 3 * i);
        mean += look[3 * i] / (VA_LOOK_SIDE * VA_LOOK_SIDE);
    }
    for (int i = 0; i < VA_LOOK; i++) {
        look[i] -= i % 3 == 0 ? (float)(mean / 2) : 0;
        square += (double)look[i] * look[i];
    }
    for (int i = 0; i < VA_LOOK; i++)
        look[i] = (float)(look[i] / sqrt(square));
}
