/*
 * Images decoded in this process, or in confined ones.
 *
 * A reader that knows what comes next has as many confined decoders as threads. They take turns:
 * image i goes to decoder i mod n, so that answers come in the order of the questions.
 */
#include "base/va_mem.h"
#include "media/va_image_priv.h"
#include "media/va_worker_priv.h"
#include <string.h>
#include <strings.h>

enum { DECODERS_MAX = 16 };

struct va_images {
    struct va_image_decoder *here;
    uint8_t *bytes; /* of a file that is decoded here */
    int64_t room;
    struct va_remote_images
        *remote[DECODERS_MAX]; /* or elsewhere: then nothing above is used */
    int decoders, turn;        /* how many; whose the next image is */
    int64_t width, height;     /* 0: as they come */
    bool alike;
    const struct va_zip *zip; /* where the images are; NULL: files */
    char *(*path)(void *arg, int64_t k);
    void *arg;
};

struct va_images *va_images_new(int64_t width, int64_t height, bool alike)
{
    struct va_images *im = va_new(1, sizeof(*im));

    if (!im)
        return NULL;
    if (va_worker_confined())
        im->remote[0] = va_remote_images_new(width, height, alike);
    else
        im->here = va_image_decoder_new(width, height, alike);
    im->decoders = 1;
    im->width = width;
    im->height = height;
    im->alike = alike;
    if (im->remote[0] || im->here)
        return im;
    va_images_free(im);
    return NULL;
}

/* The k-th image of a decoder after the one that it was asked for: others have those between. */
static char *next_of_decoder(void *images, int64_t k)
{
    const struct va_images *im = images;

    return im->path(im->arg, (k + 1) * im->decoders - 1);
}

static int read_remote(struct va_images *im, const char *path, struct va_frame *out,
                       const char **why)
{
    struct va_remote_images **m = &im->remote[im->turn];

    im->turn = (im->turn + 1) % im->decoders;
    if (!*m) {
        *m = va_remote_images_new(im->width, im->height, im->alike);
        if (*m)
            va_remote_images_ahead(*m, next_of_decoder, im);
    }
    if (!*m)
        return -1;
    va_remote_images_from(*m, im->zip);
    return va_remote_images_read(*m, path, out, why);
}

void va_images_from(struct va_images *im, const struct va_zip *zip)
{
    im->zip = zip;
}

int va_images_read(struct va_images *im, const char *path, struct va_frame *out,
                   const char **why)
{
    struct va_image_bytes bytes;
    int64_t size = 0;

    if (im->remote[0])
        return read_remote(im, path, out, why);
    if (va_image_open(&bytes, im->zip, path, why) < 0)
        return -1;
    if (!*why)
        size = va_grow(&im->bytes, &im->room, bytes.size, 1) < 0
                   ? -1
                   : va_image_load(&bytes, path, im->bytes, why);
    va_image_close(&bytes);
    if (*why || size < 0)
        return *why ? 0 : -1;
    return va_image_decode(im->here, path, im->bytes, size, out, why);
}

void va_images_ahead(struct va_images *im, char *(*path)(void *arg, int64_t k), void *arg,
                     int threads)
{
    im->path = path;
    im->arg = arg;
    if (!im->alike || im->width) /* else the first one says how large the others are */
        im->decoders = threads < 1 ? 1 : threads < DECODERS_MAX ? threads : DECODERS_MAX;
    if (im->remote[0])
        va_remote_images_ahead(im->remote[0], next_of_decoder, im);
}

void va_images_free(struct va_images *im)
{
    if (!im)
        return;
    va_image_decoder_free(im->here);
    for (int i = 0; i < im->decoders; i++)
        va_remote_images_free(im->remote[i]);
    va_free(im->bytes);
    va_free(im);
}
