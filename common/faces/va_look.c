#include "faces/va_look.h"

#include <math.h>

_Static_assert((int)VA_FACE_POINTS == (int)VA_YUNET_POINTS, "points of a template");

static double linear(double x) /* of sRGB from 0 to 1 */
{
    return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
}

static double root(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

/* sRGB from 0 to 255, under daylight D65 */
static void to_lab(const uint8_t rgb[3], float lab[3])
{
    double r = linear(rgb[0] / 255.0), g = linear(rgb[1] / 255.0), b = linear(rgb[2] / 255.0);
    double x = root((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.950456);
    double y = root(0.212671 * r + 0.715160 * g + 0.072169 * b);
    double z = root((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754);

    lab[0] = (float)((116 * y - 16) * 2.55);
    lab[1] = (float)(500 * (x - y) + 128);
    lab[2] = (float)(200 * (y - z) + 128);
}

void va_look(const uint8_t *rgb, int64_t width, int64_t height, const struct va_face *face,
             const struct va_face_template *t, float look[VA_LOOK])
{
    struct va_similarity from = va_align(face->points, t, 0);
    double mean = 0, square = 0;
    uint8_t crop[VA_LOOK];

    va_align_crop(rgb, width, height, &from, VA_LOOK_SIDE, crop);
    for (int i = 0; i < VA_LOOK; i += 3) {
        to_lab(crop + i, look + i);
        mean += look[i] / (VA_LOOK_SIDE * VA_LOOK_SIDE);
    }
    for (int i = 0; i < VA_LOOK; i++) {
        look[i] -= i % 3 == 0 ? (float)(mean / 2) : 0;
        square += (double)look[i] * look[i];
    }
    for (int i = 0; i < VA_LOOK; i++)
        look[i] = (float)(look[i] / sqrt(square));
}

double va_look_distance(const float a[VA_LOOK], const float b[VA_LOOK])
{
    double sum = 0;

    for (int i = 0; i < VA_LOOK; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}
