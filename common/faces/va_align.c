#include "faces/va_align.h"

const char va_template_name[] = "arcface";
const float va_template[VA_YUNET_POINTS][2] = { { 38.2946f, 51.6963f },
                                                { 73.5318f, 51.5014f },
                                                { 56.0252f, 71.7366f },
                                                { 41.5493f, 92.3655f },
                                                { 70.7299f, 92.2041f } };

struct va_similarity va_align(const float from[VA_YUNET_POINTS][2],
                              const float to[VA_YUNET_POINTS][2])
{
    double mean[4] = { 0 }, along = 0, across = 0, square = 0;
    struct va_similarity s = { 1, 0, 0, 0 };

    for (int k = 0; k < VA_YUNET_POINTS; k++)
        for (int i = 0; i < 2; i++) {
            mean[i] += (double)from[k][i] / VA_YUNET_POINTS;
            mean[2 + i] += (double)to[k][i] / VA_YUNET_POINTS;
        }
    for (int k = 0; k < VA_YUNET_POINTS; k++) {
        double x = from[k][0] - mean[0], y = from[k][1] - mean[1];
        double u = to[k][0] - mean[2], v = to[k][1] - mean[3];

        along += x * u + y * v;
        across += x * v - y * u;
        square += x * x + y * y;
    }
    if (square > 0 && (along != 0 || across != 0)) {
        s.a = along / square;
        s.b = across / square;
    }
    s.tx = mean[2] - (s.a * mean[0] - s.b * mean[1]);
    s.ty = mean[3] - (s.b * mean[0] + s.a * mean[1]);
    return s;
}

struct va_similarity va_align_inverse(const struct va_similarity *s)
{
    double d = s->a * s->a + s->b * s->b;
    struct va_similarity back = { s->a / d, -s->b / d, 0, 0 };

    back.tx = -(back.a * s->tx - back.b * s->ty);
    back.ty = -(back.b * s->tx + back.a * s->ty);
    return back;
}
