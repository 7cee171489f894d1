#include "media/va_image_priv.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 28 }; /* bytes of one image */

struct va_images {
    AVCodecContext *jpeg, *png;
    struct va_libav_log log;
    AVPacket *packet;
    AVFrame *frame;
    struct va_rgb *rgb;
    uint8_t *bytes; /* of a file that is decoded here */
    int64_t room;
    struct va_remote_images *remote; /* or elsewhere: then nothing above is used */
    char why[512];
};

bool va_image_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot &&
           (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
}

static AVCodecContext *open_decoder(struct va_images *im, enum AVCodecID id)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;

    if (!c)
        return NULL;
    c->opaque = &im->log;
    c->thread_count = 1;
    c->max_pixels = VA_PIXELS_MAX;
    c->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (avcodec_open2(c, codec, NULL) < 0)
        avcodec_free_context(&c);
    return c;
}

/* -1 with errno. */
static int open_and_look(const char *path, int64_t *size, const char **what)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting for a pipe */
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    va_input_note(path);
    *what = !S_ISREG(st.st_mode)    ? "not a file"
            : st.st_size == 0       ? "the file is empty"
            : st.st_size > FILE_MAX ? "the file is too large"
                                    : NULL;
    *size = (int64_t)st.st_size;
    return fd;
}

int va_image_open(const char *path, int64_t *size, const char **what)
{
    int fd = open_and_look(path, size, what);

    return fd < 0 ? va_error_read(path, "open") : fd;
}

int va_image_try(const char *path, int64_t *size)
{
    const char *what = NULL;
    int fd = open_and_look(path, size, &what);

    if (fd >= 0 && what) {
        close(fd);
        return -1;
    }
    return fd;
}

int64_t va_image_load(int fd, const char *path, uint8_t *data, int64_t size)
{
    int64_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, data + done, (size_t)(size - done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return va_error_read(path, "read");
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

/* A JPEG ends with FF D9; decoders do not all mind when it is missing. */
static bool jpeg_is_whole(const AVPacket *p)
{
    int end = p->size;

    while (end > 2 && p->data[end - 1] == 0) /* padding that some writers leave */
        end--;
    return end > 2 && p->data[end - 2] == 0xff && p->data[end - 1] == 0xd9;
}

/* Decode the packet. Returns 0 and fills im->frame, or an error number. */
static int decode_image(struct va_images *im)
{
    const AVPacket *p = im->packet;
    bool jpeg = p->size > 3 && p->data[0] == 0xff && p->data[1] == 0xd8;
    AVCodecContext *c = jpeg ? im->jpeg : im->png;
    int error;

    if (!jpeg && (p->size < 8 || memcmp(p->data, "\x89PNG\r\n\x1a\n", 8) != 0))
        return AVERROR_INVALIDDATA;
    avcodec_flush_buffers(c);
    error = avcodec_send_packet(c, p);
    if (error >= 0)
        error = avcodec_receive_frame(c, im->frame);
    if (error == AVERROR(EAGAIN)) {
        error = avcodec_send_packet(c, NULL);
        if (error >= 0)
            error = avcodec_receive_frame(c, im->frame);
    }
    if (error < 0)
        return error == AVERROR_EOF || error == AVERROR(EAGAIN) ? AVERROR_INVALIDDATA : error;
    if (jpeg && !jpeg_is_whole(p))
        return AVERROR_INVALIDDATA;
    if (im->frame->decode_error_flags || (im->frame->flags & AV_FRAME_FLAG_CORRUPT))
        return AVERROR_INVALIDDATA;
    return 0;
}

int va_images_decode(struct va_images *im, const char *path, uint8_t *data, int64_t size,
                     struct va_frame *out, const char **why)
{
    int result = -1, error;

    im->packet->data = data; /* the decoders copy it */
    im->packet->size = (int)size;
    im->packet->flags |= AV_PKT_FLAG_KEY; /* else a PNG is added to the one before it */
    error = decode_image(im);
    if (va_libav_out_of_memory(error)) {
        va_error_machine("%s: out of memory", path);
    } else if (error < 0) {
        *why = va_libav_why(&im->log, error, im->why, sizeof(im->why));
        result = 0;
    } else {
        result = va_rgb_convert(im->rgb, path, im->frame, NULL, out) < 0 ? -1 : 1;
    }
    av_packet_unref(im->packet);
    av_frame_unref(im->frame);
    return result;
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
    return va_images_decode(im, path, im->bytes, size, out, why);
}

void va_images_ahead(struct va_images *im, char *(*path)(void *arg, int64_t k), void *arg)
{
    if (im->remote)
        va_remote_images_ahead(im->remote, path, arg);
}

/* ---- a reader --------------------------------------------------------------------------- */

struct va_images *va_images_new(int64_t width, int64_t height, bool alike)
{
    struct va_images *im;

    if (!va_worker_confined())
        return va_images_new_here(width, height, alike);
    im = va_new(1, sizeof(*im));
    if (im && !(im->remote = va_remote_images_new(width, height, alike))) {
        va_images_free(im);
        return NULL;
    }
    return im;
}

void va_images_into(struct va_images *im, uint8_t *(*place)(void *arg, int64_t size), void *arg)
{
    va_rgb_into(im->rgb, place, arg);
}

struct va_images *va_images_new_here(int64_t width, int64_t height, bool alike)
{
    struct va_images *im = va_new(1, sizeof(*im));

    if (!im)
        return NULL;
    va_libav_quiet();
    im->rgb = va_rgb_new(width, height);
    if (im->rgb) {
        if (!width && !alike)
            va_rgb_follow(im->rgb);
        im->jpeg = open_decoder(im, AV_CODEC_ID_MJPEG);
        im->png = open_decoder(im, AV_CODEC_ID_PNG);
        im->packet = av_packet_alloc();
        im->frame = av_frame_alloc();
        if (im->jpeg && im->png && im->packet && im->frame)
            return im;
        va_error_machine("cannot start the decoders of libavcodec for images");
    }
    va_images_free(im);
    return NULL;
}

void va_images_free(struct va_images *im)
{
    if (!im)
        return;
    avcodec_free_context(&im->jpeg);
    avcodec_free_context(&im->png);
    av_packet_free(&im->packet);
    av_frame_free(&im->frame);
    va_rgb_free(im->rgb);
    va_remote_images_free(im->remote);
    va_free(im->bytes);
    va_free(im);
}
