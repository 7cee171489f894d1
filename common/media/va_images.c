/* Images decoded in this process, or in a confined one. */
#include "base/va_mem.h"
#include "media/va_image_priv.h"
#include "media/va_worker_priv.h"
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct va_images {
    struct va_image_decoder *here;
    uint8_t *bytes; /* of a file that is decoded here */
    int64_t room;
    struct va_remote_images *remote; /* or elsewhere: then nothing above is used */
};

struct va_images *va_images_new(int64_t width, int64_t height, bool alike)
{
    struct va_images *im = va_new(1, sizeof(*im));

    if (!im)
        return NULL;
    if (va_worker_confined())
        im->remote = va_remote_images_new(width, height, alike);
    else
        im->here = va_image_decoder_new(width, height, alike);
    if (im->remote || im->here)
        return im;
    va_images_free(im);
    return NULL;
}

int va_images_read(struct va_images *im, const char *path, struct va_frame *out,
                   const char **why)
{
    int64_t size = 0;
    int fd;

    if (im->remote)
        return va_remote_images_read(im->remote, path, out, why);
    fd = va_image_open(path, &size, why);
    if (fd < 0)
        return -1;
    if (!*why)
        size = va_grow(&im->bytes, &im->room, size, 1) < 0
                   ? -1
                   : va_image_load(fd, path, im->bytes, size);
    close(fd);
    if (*why || size < 0)
        return *why ? 0 : -1;
    return va_image_decode(im->here, path, im->bytes, size, out, why);
}

void va_images_ahead(struct va_images *im, char *(*path)(void *arg, int64_t k), void *arg)
{
    if (im->remote)
        va_remote_images_ahead(im->remote, path, arg);
}

void va_images_free(struct va_images *im)
{
    if (!im)
        return;
    va_image_decoder_free(im->here);
    va_remote_images_free(im->remote);
    va_free(im->bytes);
    va_free(im);
}
