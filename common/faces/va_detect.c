#include "faces/va_detect.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_program.h"
#include "media/va_area.h"
#include "ops/va_device.h"
#include <math.h>
#include <stdlib.h>

struct va_detector {
    struct va_detect_options options;
    struct va_backend *be;
    struct va_yunet *net;
    struct va_area *area; /* of the last size; NULL: as it is */
    uint8_t *small;       /* [h, w, 3] */
    int64_t width, height, w, h;
    struct va_face *faces; /* [room] */
    int64_t room;
};

char *va_detector_file(const char *given, const char *option)
{
    const char *from = given ? given : getenv("VA_FACES");
    char *path = from && *from ? va_strdup(from) : va_program_share("yunet.h5");

    if (!path)
        va_error("no detector of faces: run \"make deps WITH=faces\" and \"make\", or give %s",
                 option);
    return path;
}

struct va_detector *va_detector_new(const struct va_tensors *set, const char *path,
                                    const struct va_detect_options *options)
{
    struct va_detector *d = va_new(1, sizeof(*d));

    if (!d)
        return NULL;
    d->options = *options;
    d->be = va_device_open("cpu"); /* a GPU would wait for pictures */
    d->net = d->be ? va_yunet_new(d->be, set, path) : NULL;
    if (!d->net) {
        va_detector_free(d);
        return NULL;
    }
    return d;
}

void va_detector_free(struct va_detector *d)
{
    if (!d)
        return;
    va_yunet_free(d->net);
    va_backend_free(d->be);
    va_area_free(d->area);
    va_free(d->small);
    va_free(d->faces);
    va_free(d);
}

/* Make ready for pictures of this size. */
static int resize_to(struct va_detector *d, int64_t width, int64_t height)
{
    int64_t longest = width > height ? width : height;
    double scale = (double)d->options.max_side / (double)longest;

    if (d->width == width && d->height == height)
        return 0;
    va_area_free(d->area);
    va_free(d->small);
    d->area = NULL;
    d->small = NULL;
    d->width = d->w = width;
    d->height = d->h = height;
    if (scale >= 1)
        return 0;
    d->w = (int64_t)fmax(1, round((double)width * scale));
    d->h = (int64_t)fmax(1, round((double)height * scale));
    d->area = va_area_new(width, height, d->w, d->h);
    d->small = va_new(d->w * d->h * 3, 1);
    if (d->area && d->small)
        return 0;
    d->width = 0;
    return -1;
}

/* A face in pixels of the picture. */
static struct va_face enlarged(const struct va_face *face, float x, float y)
{
    struct va_face f = *face;

    f.box[0] *= x, f.box[1] *= y, f.box[2] *= x, f.box[3] *= y;
    for (int k = 0; k < VA_YUNET_POINTS; k++)
        f.points[k][0] *= x, f.points[k][1] *= y;
    return f;
}

int64_t va_detect(struct va_detector *d, const uint8_t *rgb, int64_t width, int64_t height,
                  const struct va_face **faces)
{
    const struct va_face *found;
    int64_t n, kept = 0;

    if (resize_to(d, width, height) < 0)
        return -1;
    if (d->area)
        va_area_run(d->area, rgb, d->small);
    n = va_yunet_find(d->net, d->area ? d->small : rgb, d->w, d->h, d->options.min_score,
                      &found);
    if (n < 0 || va_grow(&d->faces, &d->room, n, sizeof(*d->faces)) < 0)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        struct va_face f = enlarged(&found[i], (float)width / (float)d->w,
                                    (float)height / (float)d->h);

        if (fmin(f.box[2], f.box[3]) >= d->options.min_size)
            d->faces[kept++] = f;
    }
    *faces = d->faces;
    return kept;
}
