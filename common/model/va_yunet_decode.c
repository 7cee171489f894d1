#include "model/va_yunet_priv.h"
#include <math.h>
#include <stdlib.h>

static const double OVERLAP = 0.3; /* intersection over union */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

int64_t va_yunet_decode(const float *cells, int64_t H, int64_t W, int64_t stride,
                        double min_score, struct va_face *faces)
{
    /* neither factor of a score is above 1: most cells are out without an exponential */
    double square = min_score * min_score;
    double least = square <= 0  ? -INFINITY
                   : square < 1 ? log(square / (1 - square)) - 1e-6
                                : INFINITY;
    float s = (float)stride;
    int64_t n = 0;

    for (int64_t i = 0; i < H * W; i++, cells += VA_YUNET_ANSWERS) {
        const float *box = cells + 2, *kps = cells + 6;
        float c = (float)(i % W), r = (float)(i / W);
        struct va_face *f = &faces[n];
        double score;

        if (!(cells[VA_YUNET_CLS] >= least && cells[VA_YUNET_OBJ] >= least))
            continue;
        score = sqrt(sigmoid(cells[VA_YUNET_CLS]) * sigmoid(cells[VA_YUNET_OBJ]));
        f->score = (float)score;
        f->box[2] = expf(box[2]) * s;
        f->box[3] = expf(box[3]) * s;
        f->box[0] = (c + box[0]) * s - f->box[2] / 2;
        f->box[1] = (r + box[1]) * s - f->box[3] / 2;
        for (int k = 0; k < VA_YUNET_POINTS; k++) {
            f->points[k][0] = (c + kps[2 * k]) * s;
            f->points[k][1] = (r + kps[2 * k + 1]) * s;
        }
        /* what is no number, or beyond any picture, is no face */
        n += score >= min_score && f->box[2] < 1e6F && f->box[3] < 1e6F &&
             fabsf(f->box[0]) < 1e6F && fabsf(f->box[1]) < 1e6F;
    }
    return n;
}

static int by_score(const void *a, const void *b)
{
    const struct va_face *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    for (int i = 0; i < 4; i++) /* any order, but the same everywhere */
        if (x->box[i] != y->box[i])
            return x->box[i] < y->box[i] ? -1 : 1;
    return 0;
}

static double overlap(const float a[4], const float b[4])
{
    double x = fmax(a[0], b[0]), y = fmax(a[1], b[1]);
    double w = fmin(a[0] + a[2], b[0] + b[2]) - x, h = fmin(a[1] + a[3], b[1] + b[3]) - y;
    double both = w > 0 && h > 0 ? w * h : 0;

    return both / ((double)a[2] * a[3] + (double)b[2] * b[3] - both);
}

int64_t va_yunet_suppress(struct va_face *faces, int64_t count)
{
    int64_t kept = 0;

    if (count > 1)
        qsort(faces, (size_t)count, sizeof(*faces), by_score);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = 0;

        while (k < kept && overlap(faces[i].box, faces[k].box) <= OVERLAP)
            k++;
        if (k == kept)
            faces[kept++] = faces[i];
    }
    return kept;
}
