/* Single images: JPEG and PNG. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "media/va_encode.h"
#include "media/va_encode_priv.h"
#include <string.h>

/* Encode one image; 0 and a packet of the caller's, or an error number. */
static int encode_image(enum AVCodecID id, enum AVPixelFormat pixels, const uint8_t *rgb,
                        int64_t width, int64_t height, int quality, AVPacket *packet)
{
    const AVCodec *codec = avcodec_find_encoder(id);
    AVCodecContext *c = codec ? va_codec_new(codec, width, height, pixels, (AVRational){ 1, 1 })
                              : NULL;
    AVFrame *frame = NULL;
    struct SwsContext *scaler = NULL;
    int error = codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;

    if (!c)
        goto done;
    c->color_range = AVCOL_RANGE_JPEG;
    va_codec_rate(c, quality);
    error = avcodec_open2(c, codec, NULL);
    if (error < 0)
        goto done;
    error = AVERROR(ENOMEM);
    frame = va_codec_frame(c);
    scaler = va_codec_scaler(c, true);
    if (!frame || !scaler)
        goto done;
    frame->quality = c->global_quality;
    error = va_codec_fill(scaler, frame, rgb);
    if (error >= 0)
        error = avcodec_send_frame(c, frame);
    if (error >= 0)
        error = avcodec_send_frame(c, NULL);
    if (error >= 0)
        error = avcodec_receive_packet(c, packet);
done:
    sws_freeContext(scaler);
    av_frame_free(&frame);
    avcodec_free_context(&c);
    return error;
}

static bool is_image(const char *head, size_t size)
{
    return va_output_begins(head, size, "\x89PNG") ||
           va_output_begins(head, size, "\xff\xd8\xff");
}

static int write_image(const char *path, const AVPacket *packet)
{
    struct va_textfile file;

    if (va_textfile_create(&file, path, is_image) < 0)
        return -1;
    /* A failed write leaves its mark in the stream; commit looks at it. */
    fwrite(packet->data, 1, (size_t)packet->size, file.stream);
    return va_textfile_commit(&file);
}

/* The encoded image, or NULL after reporting. */
static AVPacket *image(const char *path, enum AVCodecID id, enum AVPixelFormat pixels,
                       const uint8_t *rgb, int64_t width, int64_t height, int quality)
{
    AVPacket *packet;
    char why[512];
    int error;

    if (width < 1 || height < 1 || width > VA_ENCODE_SIDE_MAX || height > VA_ENCODE_SIDE_MAX ||
        quality < 1 || quality > 100) {
        va_error("%s: cannot encode %lldx%lld at quality %d, expected sides of 1..%d, "
                 "quality 1..100",
                 path, (long long)width, (long long)height, quality, VA_ENCODE_SIDE_MAX);
        return NULL;
    }
    va_libav_quiet();
    packet = av_packet_alloc();
    error = packet ? encode_image(id, pixels, rgb, width, height, quality, packet)
                   : AVERROR(ENOMEM);
    if (error < 0) {
        va_error_machine("%s: cannot encode: %s", path,
                         va_libav_why(NULL, error, why, sizeof(why)));
        av_packet_free(&packet);
    }
    return packet;
}

int va_jpeg_bytes(const char *path, const uint8_t *rgb, int64_t width, int64_t height,
                  int quality, uint8_t **bytes, int64_t *size)
{
    AVPacket *p = image(path, AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, rgb, width, height,
                        quality);

    *bytes = p ? va_new(p->size, 1) : NULL;
    *size = p ? p->size : 0;
    if (*bytes)
        memcpy(*bytes, p->data, (size_t)p->size);
    av_packet_free(&p);
    return *bytes ? 0 : -1;
}

int va_jpeg_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height,
                  int quality)
{
    AVPacket *p = image(path, AV_CODEC_ID_MJPEG, AV_PIX_FMT_YUVJ444P, rgb, width, height,
                        quality);
    int result = p ? write_image(path, p) : -1;

    av_packet_free(&p);
    return result;
}

int va_png_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height)
{
    AVPacket *p = image(path, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, rgb, width, height, 100);
    int result = p ? write_image(path, p) : -1;

    av_packet_free(&p);
    return result;
}
