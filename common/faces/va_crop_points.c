#include "faces/va_crop_points.h"

#include <math.h>

/* Welford: sums of squares about the mean so far, without a loss of digits. */
static void add_face(struct va_crop_points *p, const struct va_face *face,
                     const struct va_frame *frame)
{
    const double size[2] = { (double)frame->width, (double)frame->height };

    p->faces++;
    for (int k = 0; k < VA_YUNET_POINTS; k++)
        for (int i = 0; i < 2; i++) {
            double x = face->points[k][i] / size[i], off = x - p->mean[k][i];

            p->mean[k][i] += off / (double)p->faces;
            p->deviation[k][i] += off * (x - p->mean[k][i]);
        }
}

int va_crop_points_find(struct va_source *source, struct va_detector *detector,
                        struct va_crop_points *out)
{
    const struct va_face *faces;
    struct va_frame frame;
    int got;

    *out = (struct va_crop_points){ 0 };
    while ((got = va_source_next(source, &frame)) > 0) {
        int64_t n = va_detect(detector, frame.pixels, frame.width, frame.height, &faces);

        if (n < 0)
            return -1;
        out->crops++;
        if (n > 0)
            add_face(out, &faces[0], &frame);
    }
    for (int k = 0; k < VA_YUNET_POINTS && out->faces; k++)
        for (int i = 0; i < 2; i++)
            out->deviation[k][i] = sqrt(out->deviation[k][i] / (double)out->faces);
    return got;
}
